"""The page of `bk7238 view` in a browser: an update is watched, cut, taken back and led on another way."""

import json
import re
import subprocess
import sys
from pathlib import Path

import chromium
import pytest
from chromium import PATIENCE, By, Keys, Select, WebDriverWait
from images import FULL, GZIP, vendor

from bk7238 import Settings, Update, flash_image, package, resources

IMAGE, PACKAGE = (str(resources.reference() / name) for name in ("reference_1.0.0.bin", "reference_1.0.1_gzip_aes.rbl"))
THINGS = """\
[[thing]]
name = "button"
kind = "button"
pin = 9

[[thing]]
name = "lamp"
kind = "lamp"
red = 4

[[thing]]
name = "slider"
kind = "slider"
channel = 1

[[thing]]
name = "mcu"
kind = "peer"
uart = 1
"""

pytestmark = pytest.mark.full


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Where the browser puts what is downloaded."""
    return tmp_path_factory.mktemp("saved")


@pytest.fixture(scope="module")
def browser(saved):
    """A headless Chromium that notes each request."""
    noting = {"goog:loggingPrefs": {"performance": "ALL"}}
    with chromium.opened("--window-size=1280,1000", **noting) as chrome:
        allowed = {"behavior": "allow", "downloadPath": str(saved)}
        chrome.execute_cdp_cmd("Browser.setDownloadBehavior", allowed)  # else it asks about a program
        yield chrome


@pytest.fixture
def page(browser, request):
    """Opens the page of a command, which ends with the test."""
    running = []

    def open_page(*words):
        command = [sys.executable, "-m", "bk7238.cli", "view", *words]
        running.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        url = running[-1].stdout.readline().split()[-1]
        browser.get(url)
        until(browser, lambda: browser.find_element(By.ID, "what").text)
        return url

    yield open_page
    chromium.keep_picture(browser, request.node.name)
    for process in running:
        process.terminate()
        process.wait()
        process.stdout.close()


def until(browser, condition):
    return WebDriverWait(browser, PATIENCE, 0.05).until(lambda _: condition())


def text(browser, name):
    return browser.find_element(By.ID, name).text


def click(browser, name):
    browser.execute_script("arguments[0].click()", browser.find_element(By.ID, name))


def now(browser):
    return int(browser.find_element(By.TAG_NAME, "body").get_attribute("data-now"))


def asks(browser, **wanted):
    browser.execute_script("ask(arguments[0].do, arguments[0])", wanted)


def digest(browser):
    return browser.find_element(By.ID, "verdict").get_attribute("data-digest")


def requests(browser):
    """The addresses that the browser has asked since the last call."""
    for entry in browser.get_log("performance"):
        message = json.loads(entry["message"])["message"]
        if message["method"] == "Network.requestWillBeSent":
            yield message["params"]["request"]["url"]


@pytest.mark.parametrize(
    ("files", "back"),
    [
        pytest.param(lambda: (IMAGE, PACKAGE), 2, id="reference"),
        pytest.param(lambda: (str(vendor(FULL)), str(vendor(GZIP))), 5, id="OpenBeken", marks=pytest.mark.nightly),
    ],
)
def test_an_update_is_watched_taken_back_and_cut(browser, page, saved, files, back):
    image, rbl = files()
    (saved / "test_saved.py").unlink(missing_ok=True)
    url = page(image, rbl)
    plain = Update(flash_image.read(Path(image)), package.read(Path(rbl)), Settings()).run()
    Select(browser.find_element(By.ID, "speed")).select_by_value("0")
    click(browser, "run")
    until(browser, lambda: text(browser, "verdict") == "new-app-runs")
    assert digest(browser) == plain.digest
    outside = [one for one in requests(browser) if not one.startswith((url, url.replace("http", "ws"), "data:"))]
    assert outside == []
    printed = [browser.find_element(By.ID, name).get_attribute("textContent") for name in ("uart1", "uart2")]
    assert plain.to_version in "".join(printed)
    assert re.search(r"\d+ CRCs right", browser.page_source)
    air = browser.find_element(By.ID, "air")
    assert re.search(r"\d+ beacon", air.get_attribute("aria-label"))
    browser.find_element(By.CSS_SELECTOR, "#frames button").click()
    until(browser, lambda: "###[ 802.11 ]###" in text(browser, "dialog-text"))
    browser.find_element(By.CSS_SELECTOR, "#dialog button").click()
    # Back by some seconds and on again, by the keys
    end = now(browser)
    body, button = browser.find_element(By.TAG_NAME, "body"), browser.find_element(By.ID, "run")
    for step in range(back):
        (button if step else body).send_keys(Keys.SHIFT + Keys.ARROW_LEFT)
        until(browser, lambda step=step: now(browser) <= end - 900_000 * (step + 1))
    assert text(browser, "verdict") == "paused"
    body.send_keys(Keys.END)
    until(browser, lambda: now(browser) == end and text(browser, "verdict") == "new-app-runs")
    assert digest(browser) == plain.digest
    # A cut in the middle of the installation, as the command line has it
    install = next(phase for phase in plain.phases if phase.name == "install")
    asks(browser, do="goto", time=install.start + 30_000)
    until(browser, lambda: now(browser) < end)
    Select(browser.find_element(By.ID, "shape")).select_by_value("torn")
    click(browser, "cut-flash")
    until(browser, lambda: "power-cut:torn@flash-op=" in text(browser, "faults"))
    fault = re.search(r"power-cut:torn@flash-op=\d+", text(browser, "faults"))[0]
    click(browser, "run")
    until(
        browser,
        lambda: browser.find_element(By.ID, "verdict").get_attribute("class").split()[1:] in (["good"], ["bad"]),
    )
    told = subprocess.run(
        [sys.executable, "-m", "bk7238.cli", "ota", image, rbl, "--fault", fault, "--json"],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    result = json.loads(told.stdout)
    assert (text(browser, "verdict"), digest(browser)) == (result["verdict"], result["digest"])
    assert len(browser.find_elements(By.CSS_SELECTOR, "#histories button")) == 2
    click(browser, "save")
    until(browser, lambda: fault in text(browser, "dialog-text"))
    browser.find_element(By.ID, "download").click()
    until(browser, (saved / "test_saved.py").exists)
    alone = ["-q", "-p", "no:cacheprovider", "-c", "/dev/null", "--rootdir", str(saved)]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *alone, "test_saved.py"], cwd=saved, stdout=subprocess.PIPE, check=False
    )
    assert done.returncode == 0, done.stdout.decode()
    browser.find_element(By.CSS_SELECTOR, "#dialog button").click()


def test_a_narrow_and_dark_page_shows_all_within_its_width(browser, page, tmp_path):
    path = tmp_path / "desk.toml"
    path.write_text(THINGS)
    page(IMAGE, "--device", str(path))
    until(browser, lambda: len(browser.find_elements(By.CSS_SELECTOR, ".thing")) == THINGS.count("[[thing]]"))
    paper = "return getComputedStyle(document.body).backgroundColor"
    light = browser.execute_script(paper)
    dark = [{"name": "prefers-color-scheme", "value": "dark"}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": dark})
    size = {"width": 360, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        asks(browser, do="thing", thing="button", control="press")
        Select(browser.find_element(By.ID, "block")).select_by_value("wifi")
        until(browser, lambda: "currentState" in text(browser, "registers"))
        until(browser, lambda: "not down" not in text(browser, "things") and "down" in text(browser, "things"))
        assert browser.execute_script(paper) != light
        width, inside = browser.execute_script("return [document.documentElement.scrollWidth, innerWidth]")
        assert width <= inside == 360
        beyond = "return [...document.querySelectorAll('main *, header *')].filter(one => !one.closest('.scroll') && "
        beyond += "one.getBoundingClientRect().right > innerWidth).map(one => one.outerHTML.slice(0, 80))"
        assert browser.execute_script(beyond) == []
        cells = "return [...document.querySelectorAll('#registers td')].map(one => one.getBoundingClientRect().right)"
        assert max(browser.execute_script(cells)) <= width
        assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []
        chromium.keep_picture(browser, "narrow and dark")
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_a_second_page_follows_and_has_the_controls_once_the_first_is_closed(browser, page):
    url = page(IMAGE)
    first = browser.current_window_handle
    browser.switch_to.new_window("tab")
    browser.get(url)
    until(browser, lambda: "this one follows" in text(browser, "message"))
    assert not browser.find_element(By.ID, "run").is_enabled()
    second = browser.current_window_handle
    browser.switch_to.window(first)
    browser.close()
    browser.switch_to.window(second)
    until(browser, lambda: browser.find_element(By.ID, "run").is_enabled() and not text(browser, "message"))


def test_a_folder_of_artifacts_is_looked_at(browser, page, tmp_path):
    command = [sys.executable, "-m", "bk7238.cli", "ota", IMAGE, PACKAGE, "--quiet", "--artifacts", str(tmp_path)]
    subprocess.run([*command, "--fault", "beacons-lost:duration=300ms@1s"], check=True, stdout=subprocess.DEVNULL)
    page(str(tmp_path))
    until(browser, lambda: text(browser, "verdict") == "new-app-runs")
    assert "1.0.1" in browser.find_element(By.ID, "uart1").get_attribute("textContent")
    assert not browser.find_element(By.ID, "run").is_displayed()
    network = text(browser, "network")
    assert "“Bench” on channel 6" in network and re.search(r"GET /reference_1\S+: 200", network)
    assert "operations" in text(browser, "flash-words")
    assert len(browser.find_elements(By.CSS_SELECTOR, "#pins button")) == 32
    Select(browser.find_element(By.ID, "block")).select_by_value("cpu")
    until(browser, lambda: "cpsr" in text(browser, "registers"))
    assert browser.find_elements(By.CSS_SELECTOR, "#frames button")
    assert re.search(r"; [1-9]\d* lost$", browser.find_element(By.ID, "air").get_attribute("aria-label"))
