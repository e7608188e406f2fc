"""The browser of this machine, for tests of pages and for pictures of them.

What tests use of Selenium is here, too, and imported where it is used.
"""

import contextlib
import importlib
import os
import re
import shutil
from pathlib import Path

import pytest

PATIENCE = 300  # of the host's seconds, where something is broken


class Lazy:
    """A class of Selenium that is imported when it is first used."""

    def __init__(self, module, name):
        self._home = module, name

    @property
    def _class(self):
        module, name = self._home
        return getattr(importlib.import_module(f"selenium.webdriver.{module}"), name)

    def __getattr__(self, name):
        return getattr(self._class, name)

    def __call__(self, *arguments):
        return self._class(*arguments)


By, Keys = Lazy("common.by", "By"), Lazy("common.keys", "Keys")
Select, WebDriverWait = Lazy("support.ui", "Select"), Lazy("support.ui", "WebDriverWait")


@contextlib.contextmanager
def opened(*arguments, **capabilities):
    """A headless Chromium with more arguments and capabilities. Skips the test where there is none."""
    program, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if program is None:
        pytest.skip("needs Debian's package chromium")
    if driver is None:
        pytest.skip("needs Debian's package chromium-driver")
    webdriver = importlib.import_module("selenium.webdriver")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for one in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", *arguments):
        options.add_argument(one)
    for name, value in capabilities.items():
        options.set_capability(name, value)
    with webdriver.Chrome(options=options, service=webdriver.ChromeService(driver)) as chrome:
        chrome.set_page_load_timeout(PATIENCE)
        chrome.set_script_timeout(PATIENCE)
        yield chrome


def keep_picture(browser, name):
    """Keep what the browser shows, by the name of a test, in the folder that BK7238_SCREENSHOTS names, if it does."""
    folder = os.environ.get("BK7238_SCREENSHOTS")
    if folder is not None:
        Path(folder).mkdir(parents=True, exist_ok=True)
        picture = Path(folder) / (re.sub(r"\W+", "-", name).strip("-") + ".png")
        picture.write_bytes(browser.get_screenshot_as_png())
