"""Charts of Office files: drawn on slides so that areas and places are as their data say; as text the table of their data."""

import io
from pathlib import Path
from typing import Any

import docx
import httpx
import pypdfium2
import pytest
from bs4 import BeautifulSoup
from docx.opc.packuri import PackURI
from docx.opc.part import Part
from docx.oxml import parse_xml
from PIL import Image
from pptx import Presentation
from pptx.chart.data import CategoryChartData, XyChartData
from pptx.dml.color import RGBColor
from pptx.enum.chart import XL_CHART_TYPE
from pptx.util import Inches

from tests.recipes.converting import run
from tests.recipes.reading import pdf_text
from tests.recipes.test_documents_word import NAMESPACES, packed

RED, BLUE = (255, 0, 0), (0, 0, 255)


def chart_of(kind: XL_CHART_TYPE, data: Any, *, points: bool = False) -> Any:
    """Return a presentation and the chart that fills its slide, whose series (or points) are red, then blue."""
    made = Presentation()
    slide = made.slides.add_slide(made.slide_layouts[6])
    chart: Any = slide.shapes.add_chart(kind, Inches(0), Inches(0), Inches(10), Inches(7.5), data).chart
    series = chart.plots[0].series
    for at, color in enumerate((RED, BLUE)):
        fill = (series[0].points[at] if points else series[at]).format.fill
        fill.solid()
        fill.fore_color.rgb = RGBColor(*color)  # type: ignore[no-untyped-call] # python-pptx has no types, here and below
    return made, chart


def saved(made: Any) -> bytes:
    """Return the bytes of a presentation."""
    buffer = io.BytesIO()
    made.save(buffer)
    return buffer.getvalue()


def categories(*series: tuple[float | None, ...]) -> Any:
    """Return data of the categories Nord and Süd."""
    data: Any = CategoryChartData()  # type: ignore[no-untyped-call]
    data.categories = ["Nord", "Süd"]
    for number, values in enumerate(series):
        data.add_series(f"Reihe{number}", values)
    return data


def drawn(path: Path) -> Image.Image:
    """Return the first page as a picture."""
    with pypdfium2.PdfDocument(path) as pdf:
        picture: Image.Image = pdf[0].render(scale=1).to_pil()
        return picture.convert("RGB")


def area(picture: Image.Image, color: tuple[int, int, int]) -> int:
    """Return how many pixels have a colour."""
    return sum(count for count, found in picture.getcolors(1 << 24) or () if found == color)


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (XL_CHART_TYPE.COLUMN_CLUSTERED, ((2, 1), (6, 3))),
        (XL_CHART_TYPE.BAR_CLUSTERED, ((2, 1), (6, 3))),
        (XL_CHART_TYPE.COLUMN_STACKED, ((2, 1), (6, 3))),
        (XL_CHART_TYPE.COLUMN_STACKED_100, ((2, 10), (6, 30))),
        (XL_CHART_TYPE.BAR_STACKED, ((2, None), (6, None))),
        (XL_CHART_TYPE.AREA_STACKED, ((2, 1), (6, 3))),
    ],
)
def test_areas_are_as_the_values(client: httpx.Client, tmp_path: Path, kind: XL_CHART_TYPE, values: Any) -> None:
    """Blue has three times the area of red, and the axis says what is compared."""
    made, _ = chart_of(kind, categories(*values))
    output = run(client, tmp_path, saved(made), "pptx", "pdf").output
    picture = drawn(output)
    assert area(picture, BLUE) / area(picture, RED) == pytest.approx(3, rel=0.1)
    assert {"Nord", "Süd", "Reihe0", "Reihe1"} <= set(pdf_text(output).split())


@pytest.mark.parametrize("kind", [XL_CHART_TYPE.PIE, XL_CHART_TYPE.DOUGHNUT])
def test_slices_are_as_the_values(client: httpx.Client, tmp_path: Path, kind: XL_CHART_TYPE) -> None:
    """A quarter is red; shares are written where the chart says so."""
    made, chart = chart_of(kind, categories((1, 3)), points=True)
    chart.plots[0].has_data_labels = True
    chart.plots[0].data_labels.show_percentage = True
    chart.plots[0].data_labels.show_value = False
    output = run(client, tmp_path, saved(made), "pptx", "pdf").output
    picture = drawn(output)
    assert area(picture, BLUE) / area(picture, RED) == pytest.approx(3, rel=0.1)
    assert {"25", "75", "%"} <= set(pdf_text(output).split())


def test_negative_bars_hang_below(client: httpx.Client, tmp_path: Path) -> None:
    """The red bar ends where the blue one begins: at nothing."""
    made, _ = chart_of(XL_CHART_TYPE.COLUMN_CLUSTERED, categories((-5, None), (5, None)))
    picture = drawn(run(client, tmp_path, saved(made), "pptx", "pdf").output)
    rows = {
        color: [
            y for y in range(picture.height) if any(picture.getpixel((x, y)) == color for x in range(picture.width))
        ]
        for color in (RED, BLUE)
    }
    assert max(rows[BLUE][:-12]) < min(rows[RED])


def test_points_stand_where_their_numbers_say(client: httpx.Client, tmp_path: Path) -> None:
    """Larger numbers further to the right, and higher up."""
    data: Any = XyChartData()  # type: ignore[no-untyped-call]
    for number, (x, y) in enumerate(((1, 2), (4, 8))):
        data.add_series(f"Reihe{number}").add_data_point(x, y)
    made, _ = chart_of(XL_CHART_TYPE.XY_SCATTER, data)
    picture = drawn(run(client, tmp_path, saved(made), "pptx", "pdf").output)
    (red_x, red_y), (blue_x, blue_y) = (
        next((x, y) for y in range(picture.height) for x in range(picture.width) if picture.getpixel((x, y)) == color)
        for color in (RED, BLUE)
    )
    assert red_x < blue_x
    assert red_y > blue_y


def test_other_kinds_are_tables_of_their_data(client: httpx.Client, tmp_path: Path) -> None:
    """And the answer says so."""
    made, _ = chart_of(XL_CHART_TYPE.RADAR, categories((1234567, 2), (3, 4)))
    done = run(client, tmp_path, saved(made), "pptx", "pdf")
    assert {"1234567", "Nord", "Reihe1"} <= set(pdf_text(done.output).split())
    assert any("table of their data" in text for text in done.warnings)


def test_data_of_charts_in_word_documents_are_kept(client: httpx.Client, tmp_path: Path) -> None:
    """As a table, where the chart stands."""
    _, chart = chart_of(XL_CHART_TYPE.COLUMN_CLUSTERED, categories((1.5, 2), (3, 4)))
    document = docx.Document()
    part = Part(
        PackURI("/word/charts/chart1.xml"),
        "application/vnd.openxmlformats-officedocument.drawingml.chart+xml",
        chart.part.blob,
    )
    relation = document.part.relate_to(
        part, "http://schemas.openxmlformats.org/officeDocument/2006/relationships/chart"
    )
    drawing = f"""<w:p {NAMESPACES}><w:r><w:drawing><wp:inline xmlns:wp="http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing">
        <a:graphic xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"><a:graphicData>
        <c:chart xmlns:c="http://schemas.openxmlformats.org/drawingml/2006/chart" r:id="{relation}"/></a:graphicData></a:graphic></wp:inline></w:drawing></w:r></w:p>"""
    document.element.body.insert(0, parse_xml(drawing))
    page = BeautifulSoup(run(client, tmp_path, packed(document), "docx", "html").output.read_bytes(), "lxml")
    rows = [[cell.get_text() for cell in row.select("th, td")] for row in page.select("tr")]
    assert rows == [["", "Reihe0", "Reihe1"], ["Nord", "1.5", "3"], ["Süd", "2", "4"]]
