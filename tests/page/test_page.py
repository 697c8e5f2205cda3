"""The page at `/`, in a real browser against a real service."""

import io
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from PIL import Image
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select

from tests.page.browsing import Page, browser, opened, upload
from tests.serving import Served

SAMPLES = Path(__file__).parents[2] / "recipes" / "samples"


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    """One browser for all tests; each opens the page anew."""
    with browser(tmp_path_factory.mktemp("browser")) as running:
        yield running


@pytest.fixture
def page(driver: Chrome, service: Served, tmp_path: Path) -> Iterator[Page]:
    """The page of the shared service, at the width of a desktop; it may complain of nothing."""
    shown = opened(driver, service.url, tmp_path)
    yield shown
    assert shown.complaints() == []


def test_a_file_becomes_another(page: Page) -> None:
    """Choose a table, choose a format, see its rows, take it away."""
    page.choose(SAMPLES / "table.csv")
    page.convert(0, "tsv")
    assert page.finished(0) == "table.tsv is ready."
    rows = page.preview(0).find_elements(By.CSS_SELECTOR, "tr")
    assert [cell.text for cell in rows[0].find_elements(By.CSS_SELECTOR, "th")][:2] == ["id", "name"]
    assert rows[1].text.startswith("00123")
    assert page.download(0).read_text("utf-8").startswith("id\tname\t")


def test_options_are_a_form(page: Page) -> None:
    """The recipe's options have types, bounds and descriptions; what is filled in is what the service is told."""
    page.choose(SAMPLES / "picture.svg")
    Select(page.part(0, ".target")).select_by_value("png")
    page.part(0, ".options summary").click()
    width = page.part(0, "input[name=width]")
    assert (width.get_attribute("type"), width.get_attribute("max")) == ("number", "16384")
    assert "Width in pixels" in page.part(0, f"#{width.get_attribute('aria-describedby')}").text
    width.clear()
    width.send_keys("96")
    page.part(0, ".convert").click()
    page.finished(0)
    assert "96 × 64 pixels" in page.preview(0).text  # noqa: RUF001 - that is the sign
    with Image.open(page.download(0)) as made:
        assert made.size == (96, 64)


def test_a_value_out_of_bounds_is_not_sent(page: Page) -> None:
    """The browser holds back what the service would refuse."""
    page.choose(SAMPLES / "picture.svg")
    Select(page.part(0, ".target")).select_by_value("png")
    page.part(0, ".options summary").click()
    page.part(0, "input[name=width]").send_keys("999999")
    page.part(0, ".convert").click()
    assert not page.shown(0, ".running")
    assert page.driver.execute_script("return arguments[0].matches(':invalid')", page.part(0, "input[name=width]"))


def test_text_is_shown_as_text(page: Page, tmp_path: Path) -> None:
    """What a file says never becomes part of the page: not its name, not its text, not its markup."""
    hostile = tmp_path / "<img src=x onerror=alert(1)>.md"
    hostile.write_text("# <script>alert(2)</script>\n\n<b>bold</b>\n")
    page.choose(hostile)
    page.convert(0, "html")
    page.finished(0)
    shown = page.preview(0).find_element(By.CSS_SELECTOR, "pre")
    assert "<html" in shown.text
    assert page.part(0, ".name").text == hostile.name
    assert (
        page.driver.execute_script("return document.querySelectorAll('#list img, #list script, #list b').length") == 0
    )


def test_a_failure_is_a_sentence(page: Page, tmp_path: Path) -> None:
    """A broken file ends in what is wrong with it, in words, announced; the next try starts clean."""
    broken = tmp_path / "broken.png"
    broken.write_bytes((SAMPLES / "picture.png").read_bytes()[:100])
    page.choose(broken)
    page.convert(0, "jpg")
    page.until(lambda: page.shown(0, ".problem"))
    problem = page.part(0, ".problem")
    assert problem.text == "This document cannot be converted. The image cannot be decoded: image file is truncated."
    assert problem.get_attribute("role") == "alert"


def test_a_name_that_says_nothing(page: Page, tmp_path: Path) -> None:
    """The page asks what the file is, and the answer is what the service goes by."""
    nameless = tmp_path / "nameless"
    nameless.write_text("a;b\n1;2\n")
    page.choose(nameless)
    Select(page.part(0, ".kind select")).select_by_value("text/csv")
    page.until(lambda: page.shown(0, ".ask"))
    page.convert(0, "json")
    page.finished(0)
    assert '"b"' in page.preview(0).text


def test_several_files_at_once(page: Page) -> None:
    """Two tables become one format with one press; removing them empties the page."""
    page.choose(SAMPLES / "table.csv", SAMPLES / "table.xlsx")
    Select(page.driver.find_element(By.ID, "all-format")).select_by_value("json")
    page.driver.find_element(By.ID, "all-convert").click()
    assert [page.finished(index) for index in (0, 1)] == ["table.json is ready."] * 2
    page.driver.find_element(By.ID, "clear").click()
    assert page.cards() == []
    assert not page.driver.find_element(By.ID, "work").is_displayed()


def test_progress_and_cancel(page: Page, service: Served, tmp_path: Path) -> None:
    """A slow upload shows how far it is; Cancel ends it at once, and the service keeps nothing of it."""
    large = tmp_path / "large.csv"
    large.write_text("a,b\n" + "1,2\n" * 500_000)
    page.choose(large)
    page.driver.execute_cdp_cmd("Network.emulateNetworkConditions", upload(200_000))
    page.convert(0, "json")
    page.until(lambda: page.part(0, ".stage").text.startswith("Uploading"))
    page.part(0, ".cancel").click()
    page.until(lambda: page.shown(0, ".ask"))
    assert not page.shown(0, ".problem")
    assert not page.shown(0, ".result")
    assert service.settled() == {"containers": 0, "uploads": 0, "spooled": 0}


def test_no_connection(page: Page) -> None:
    """Without a connection the page says so, and the next try works."""
    page.choose(SAMPLES / "table.csv")
    page.driver.execute_cdp_cmd("Network.emulateNetworkConditions", upload(-1) | {"offline": True})
    page.convert(0, "tsv")
    page.until(lambda: page.shown(0, ".problem"))
    assert page.part(0, ".problem").text == "The service cannot be reached. Check the connection and try again."
    page.driver.execute_cdp_cmd("Network.emulateNetworkConditions", upload(-1))
    page.convert(0, "tsv")
    assert page.finished(0) == "table.tsv is ready."


def test_dropped_files(page: Page) -> None:
    """A file dropped anywhere on the page is taken."""
    page.driver.execute_script(
        "const held = new DataTransfer(); held.items.add(new File(['x = 1'], 'dropped.py'));"
        "document.body.dispatchEvent(new DragEvent('drop', {dataTransfer: held, bubbles: true, cancelable: true}))"
    )
    page.until(lambda: page.cards() and page.shown(0, ".ask"))
    assert page.part(0, ".name").text == "dropped.py"


def test_a_format_must_be_chosen(page: Page) -> None:
    """The page guesses none: pressing Convert, or Convert all without a format in common, sends nothing."""
    page.choose(SAMPLES / "picture.png")
    page.part(0, ".convert").click()
    assert not page.shown(0, ".running")
    assert not page.shown(0, ".options")
    page.choose(SAMPLES / "files.zip")
    page.driver.find_element(By.ID, "all-convert").click()
    page.until(lambda: "Choose a format" in str(page.driver.find_element(By.ID, "status").get_attribute("textContent")))


def test_pages_are_shown_by_the_browser(page: Page) -> None:
    """A PDF appears in the browser's own viewer, where it has one."""
    page.choose(SAMPLES / "table.csv")
    page.convert(0, "pdf")
    page.finished(0)
    assert page.driver.execute_script("return navigator.pdfViewerEnabled")
    assert page.preview(0).find_element(By.TAG_NAME, "iframe").get_attribute("title") == "Preview of table.pdf"


def test_keyboard_alone(page: Page) -> None:
    """From a chosen file to its download with Tab and Enter; the focus follows to what comes next."""
    page.choose(SAMPLES / "table.csv")
    page.part(0, ".target").send_keys("tsv", Keys.TAB)
    assert page.driver.switch_to.active_element.text == "Convert"
    page.driver.switch_to.active_element.send_keys(Keys.ENTER)
    page.finished(0)
    page.until(lambda: page.driver.switch_to.active_element.text == "Download")
    assert "is ready" in str(page.driver.find_element(By.ID, "status").get_attribute("textContent"))


def test_everything_has_a_name(page: Page) -> None:
    """Whatever can be operated says what it is to a screen reader."""
    page.choose(SAMPLES / "picture.svg", SAMPLES / "table.csv")
    for index, target in ((0, "png"), (1, "pdf")):
        Select(page.part(index, ".target")).select_by_value(target)
        page.part(index, ".options summary").click()
    tree = page.driver.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    roles = {"button", "link", "textbox", "combobox", "checkbox", "spinbutton", "progressbar"}
    operated = [node for node in tree if not node["ignored"] and node.get("role", {}).get("value") in roles]
    assert len(operated) > 15
    assert [node for node in operated if not node.get("name", {}).get("value")] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast(driver: Chrome, service: Served, tmp_path: Path, scheme: str) -> None:
    """Text stands out from its ground by at least 4.5 to 1 (WCAG 2.2, 1.4.3), in both colour schemes."""
    page = opened(driver, service.url, tmp_path, scheme=scheme)
    page.choose(SAMPLES / "table.csv")
    page.convert(0, "tsv")
    page.finished(0)
    page.preview(0)
    assert page.driver.execute_script(CONTRASTS) == []


def test_phone(driver: Chrome, service: Served, tmp_path: Path) -> None:
    """On a phone nothing sticks out to the side, and what is pressed is large enough for a finger."""
    page = opened(driver, service.url, tmp_path, width=360, height=740, scheme="dark")
    page.choose(SAMPLES / "table.csv", SAMPLES / "records.json")
    page.convert(0, "tsv")
    page.finished(0)
    page.preview(0)
    assert page.driver.execute_script("return document.documentElement.scrollWidth <= innerWidth")
    pressed = page.driver.find_elements(By.CSS_SELECTOR, "button, select, a.button")
    assert [each.text for each in pressed if each.is_displayed() and each.size["height"] < 40] == []


def test_key(driver: Chrome, serve: Callable[..., Served], tmp_path: Path) -> None:
    """A service with keys makes the page ask for one, once."""
    guarded = serve(api_keys="open-sesame")
    page = opened(driver, guarded.url, tmp_path)
    page.choose(SAMPLES / "table.csv")
    page.convert(0, "tsv")
    page.until(lambda: page.driver.find_element(By.ID, "key").is_displayed())
    page.driver.find_element(By.ID, "key-value").send_keys("open-sesame", Keys.ENTER)
    page.convert(0, "tsv")
    assert page.finished(0) == "table.tsv is ready."


def test_served_strictly(client: httpx.Client) -> None:
    """Nothing from elsewhere may run or load; a browser that has the page is told so; there are no other files."""
    answer = client.get("/")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert client.get("/", headers={"If-None-Match": answer.headers["etag"]}).status_code == 304
    assert client.get("/page/app.js").headers["content-type"] == "text/javascript; charset=utf-8"
    assert client.get("/page/%2e%2e/app.py").status_code == 404
    assert "http" not in client.get("/page/style.css").text


def test_an_archive_has_no_preview(page: Page, tmp_path: Path) -> None:
    """What cannot be shown simply is offered for download alone."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a.txt", "a")
    (tmp_path / "packed.zip").write_bytes(packed.getvalue())
    page.choose(tmp_path / "packed.zip")
    page.convert(0, "tar")
    assert page.finished(0) == "packed.tar is ready."
    assert not page.shown(0, ".preview")


CONTRASTS = """
const light = ([r, g, b]) => [r, g, b].map((v) => v / 255).map((v) => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
  .reduce((sum, v, at) => sum + v * [.2126, .7152, .0722][at], 0);
const colour = (text) => text.match(/[\\d.]+/g).map(Number);
const ground = (element) => {
  for (let at = element; at; at = at.parentElement) {
    const found = colour(getComputedStyle(at).backgroundColor);
    if (found.length === 3 || found[3] === 1) return found;
  }
  return [255, 255, 255];
};
const poor = [];
for (const element of document.querySelectorAll('body *')) {
  const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
  if (!own || !element.checkVisibility() || element.closest('.hidden, noscript, option')) continue;
  const [a, b] = [light(colour(getComputedStyle(element).color)), light(ground(element))].sort((x, y) => y - x);
  if ((a + .05) / (b + .05) < 4.5) poor.push(element.tagName + ' ' + element.className + ' ' + element.textContent.trim().slice(0, 30));
}
return poor;
"""
