"""A browser for tests: Debian's Chromium, headless, driven over WebDriver, with a profile and a download folder of its own."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from selenium.webdriver import Chrome, ChromeOptions, ChromeService
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import Select, WebDriverWait

FLAGS = (
    "--headless=new",
    "--no-sandbox",  # root in a container; the pages are our own
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
SECONDS = 30


class Page:
    """The page in a browser, as its user sees it: the n-th card, its parts, what was downloaded.

    Args:
        driver: The browser, which is at the page.
        downloads: Where its downloads go.
    """

    def __init__(self, driver: Chrome, downloads: Path) -> None:
        self.driver = driver
        self.downloads = downloads

    def choose(self, *files: Path) -> None:
        """Choose files, as with the file dialog, and wait until each can be converted or asked about."""
        before = len(self.cards())
        self.driver.find_element(By.ID, "files").send_keys("\n".join(map(str, files)))
        self.until(lambda: len(self.cards()) == before + len(files))
        self.until(
            lambda: all(
                self.shown(index, ".ask") or self.shown(index, ".kind") for index in range(before, len(self.cards()))
            )
        )

    def cards(self) -> list[WebElement]:
        """Return the cards in order."""
        return self.driver.find_elements(By.CSS_SELECTOR, "#list > li")

    def part(self, index: int, selector: str) -> WebElement:
        """Return a part of a card."""
        return self.cards()[index].find_element(By.CSS_SELECTOR, selector)

    def shown(self, index: int, selector: str) -> bool:
        """Tell whether a part of a card can be seen."""
        return self.part(index, selector).is_displayed()

    def convert(self, index: int, target: str) -> None:
        """Choose the format and press the button."""
        Select(self.part(index, ".target")).select_by_value(target)
        self.part(index, ".convert").click()

    def finished(self, index: int) -> str:
        """Wait for the result and return its sentence."""
        self.until(lambda: self.shown(index, ".done") or self.shown(index, ".problem"))
        assert self.shown(index, ".done"), self.part(index, ".problem").text
        return self.part(index, ".done").text

    def preview(self, index: int) -> WebElement:
        """Wait for the preview."""
        self.until(lambda: self.shown(index, ".preview"))
        return self.part(index, ".preview")

    def download(self, index: int) -> Path:
        """Press Download and return the file, once it is whole."""
        link = self.part(index, ".download")
        path = self.downloads / str(link.get_attribute("download"))
        link.click()
        self.until(path.exists)
        return path

    def until(self, condition: object) -> None:
        """Wait until a condition without arguments holds."""
        WebDriverWait(self.driver, SECONDS, poll_frequency=0.05).until(lambda _: condition())  # type: ignore[operator] # selenium's types are partial

    def complaints(self) -> list[str]:
        """Return what the browser reported so far, but for answers of the service that are no success."""
        log = self.driver.get_log("browser")  # type: ignore[no-untyped-call] # likewise
        return [entry["message"] for entry in log if "Failed to load resource" not in entry["message"]]


@contextmanager
def browser(folder: Path) -> Iterator[Chrome]:
    """Run a browser with its profile in a folder; the test is skipped, aloud, where there is none."""
    binary, driver_path = shutil.which("chromium"), shutil.which("chromedriver")
    if not (binary and driver_path):
        pytest.skip("no chromium and chromedriver on this machine: the page is not tested")
    options = ChromeOptions()
    options.binary_location = binary
    for flag in (*FLAGS, f"--user-data-dir={folder}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = Chrome(options=options, service=ChromeService(driver_path))
    try:
        yield driver
    finally:
        driver.quit()


def opened(
    driver: Chrome, url: str, downloads: Path, *, width: int = 1280, height: int = 900, scheme: str = "light"
) -> Page:
    """Open the page anew, on a screen of this size and colour scheme."""
    screen = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    driver.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(downloads)})
    driver.execute_cdp_cmd("Network.enable", {})
    driver.execute_cdp_cmd("Network.emulateNetworkConditions", upload(-1))
    driver.get(url)
    page = Page(driver, downloads)
    page.complaints()  # those of the page before
    return page


def upload(bytes_per_second: int) -> dict[str, int | bool]:
    """Return network conditions in which uploads go at this speed; -1: as they can."""
    return {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": bytes_per_second}
