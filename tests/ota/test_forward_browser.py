"""OpenBeken's own pages in a browser of this machine, through --forward: a setting is kept, a web update installed."""

import base64
import contextlib
import threading

import chromium
import pytest
from images import FULL, GZIP, vendor

from bk7238 import testing
from bk7238.bench.settings import Settings
from bk7238.image import flash_image

pytestmark = pytest.mark.nightly

NAME = "A lamp on a desk"
UPLOAD = """
const [package, done] = arguments;
const bytes = Uint8Array.from(atob(package), character => character.charCodeAt(0));
fetch("/api/ota", {method: "POST", body: bytes}).then(answer => answer.text()).then(done, why => done(String(why)));
"""


@pytest.fixture
def browser():
    with chromium.opened() as chrome:
        yield chrome


@contextlib.contextmanager
def running(dut):
    """The device lives on meanwhile, in a thread of its own."""
    over = threading.Event()

    def live():
        while not over.is_set():
            dut.run(0.05)

    thread = threading.Thread(target=live)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def fill_in(browser, values):
    """Fill in the form that has the first of these fields, and send it."""
    fields = {name: browser.find_element("name", name) for name in values}
    for name, field in fields.items():
        field.clear()
        field.send_keys(values[name])
    next(iter(fields.values())).submit()


def test_its_pages_in_a_browser(browser):
    image, package = flash_image.read(vendor(FULL)), vendor(GZIP).read_bytes()
    dut = testing.Dut(image, None, Settings(psk="a passphrase", forward="0:80"))
    at = dut.bench.forwarder.addresses[0]
    try:
        with running(dut):
            browser.get(f"http://{at}/cfg_name")
            fill_in(browser, {"name": NAME})
            browser.get(f"http://{at}/index")
            assert NAME in browser.title and "1.18.300" in browser.page_source
        dut.machine.power_cycle()
        with running(dut):
            browser.get(f"http://{at}/cfg_name")
            assert browser.find_element("name", "name").get_attribute("value") == NAME
            said = browser.execute_async_script(UPLOAD, base64.b64encode(package).decode())
            assert f"{len(package)}" in said, said
            browser.get(f"http://{at}/index?restart=1")
        dut.wait(lambda: "2.00.777" in dut.machine.uart2.text, "60 s")
        dut.wait(lambda: dut.machine.uart2.text.rpartition("2.00.777")[2].count("IP up"), "60 s")
        with running(dut):
            browser.get(f"http://{at}/index")
            assert NAME in browser.title and "2.00.777" in browser.page_source
            chromium.keep_picture(browser, "OpenBeken behind a forward")
    finally:
        dut.bench.forwarder.close()
