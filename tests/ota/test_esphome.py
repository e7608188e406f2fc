"""ESPHome-Kickstart on the BK7231N and T, told its network in its portal: updated to another version by all it offers,
and behind boot loaders of another layout, which `image check` and the verdict both name."""

from urllib.parse import quote

import kickstart
import pytest

from bk7238.bench.settings import Settings
from bk7238.image import app_table, download, loaders
from bk7238.network.events import HttpFetched, Identified
from bk7238.update import trial
from bk7238.update.session import Update

pytestmark = pytest.mark.nightly
REMEDY = "; build the app for the bootloader's layout"


@pytest.mark.parametrize("by", ["push", "web"])
@pytest.mark.parametrize(("chip", "psk"), [("n", None), ("t", None), ("n", "open sesame")], ids=["n", "t", "n, WPA2"])
def test_it_is_told_its_network_and_updated(chip, psk, by):
    update = Update(kickstart.image(chip), kickstart.update(chip), Settings(update_by=by, psk=psk, within=200))
    events = []
    update.air.on_event.connect(events.append)
    result = update.run()
    assert (result.verdict.value, result.from_version, result.to_version) == ("new-app-runs", "2025.5.1", "2099.9.9")
    pages = [(event.url, event.status) for event in events if isinstance(event, HttpFetched)]
    told = f"http://192.168.4.1/wifisave?ssid=Bench&psk={quote(psk or '')}"
    assert pages[:2] == [("http://192.168.4.1/", 200), (told, 302)]  # what it redirects to may come too late to be read
    (who,) = [event for event in events if isinstance(event, Identified)]
    assert (who.name, who.version) == (f"kickstart-bk7231{chip}", "2025.5.1")


MIXES = {
    "Tuya's layout behind Beken's boot loader": (
        {"chip": "n", "loader": "bootloader_bk7231n_uart1_v1.0.15.bin"},
        "no header in its download partition at 0x132000; the package lies at 0x12a000",
    ),
    "Beken's layout behind Tuya's boot loader": (
        {"chip": "t", "download": 0x12A000},
        "no header in its download partition at 0x12a000; the package lies at 0x132000",
    ),
}


@pytest.mark.parametrize("mix", MIXES)
def test_a_layout_that_the_boot_loader_has_not_is_named(mix):
    how, cause = MIXES[mix]
    image, package = kickstart.image(**how), kickstart.update(how["chip"])
    (warning,) = app_table.misplaced(app_table.of_flash(image.view), image.partitions)
    assert "installs none" in warning and "with --partitions" in warning
    flash = download.downloaded(image.view.whole(), package.data)
    foretold = loaders.of(flash).predict(flash, package.data) or trial.run(image, flash, package.data)
    assert foretold.end.value == "kept" and cause in foretold.cause and REMEDY in foretold.cause
    result = Update(image, package, Settings(update_by="push", within=200)).run()
    assert result.verdict.value == "old-app-runs" and cause in result.reason and REMEDY in result.reason
