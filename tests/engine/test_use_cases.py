"""What a Code Interpreter is for: row 16 of the product's table. The model is a script whose first code fails; the code is real."""

import io
import json
from collections.abc import Callable
from typing import Any

import openpyxl
import pypdf
import pytest
from openai import OpenAI
from openai.types.responses import Response
from PIL import Image

from service.engine.upstream import Upstream
from tests.engine.chat_double import Double, python, says
from tests.engine.conftest import Served, engine_with
from tests.engine.test_responses import OUTPUTS, calls, citations, logs

FAILS = "import pandas as pd\nframe = pd.read_csv('/mnt/data/not-there.csv')"


class Solved:
    """A solved task: the response, and the messages that the model was sent, turn by turn."""

    def __init__(self, ai: OpenAI, response: Response, sent: list[list[dict[str, Any]]]) -> None:
        self._ai = ai
        self.response = response
        self.sent = sent

    def file(self, name: str) -> bytes:
        """The content of a cited file."""
        citation = next(each for each in citations(self.response) if each.filename == name)
        return self._ai.containers.files.content.retrieve(citation.file_id, container_id=citation.container_id).read()


Solve = Callable[..., Solved]


@pytest.fixture(scope="module")
def scripted() -> Any:
    """An engine whose model plays what it is given."""
    with (
        Double([]).serving() as double,
        engine_with(models=[Upstream(name="m", url=double.url, sees_images=True)]) as served,
    ):
        yield double, served


@pytest.fixture
def solve(scripted: tuple[Double, Served]) -> Any:
    """``solve(code, answer, {"in.csv": bytes})``: a failing try, then this code, then this answer."""
    double, served = scripted
    with served.client() as ai:

        def solved(code: str, answer: str, files: dict[str, bytes]) -> Solved:
            double.script, double.requests = [python(FAILS), python(code), says(answer)], []
            ids = [ai.files.create(file=(name, content), purpose="user_data").id for name, content in files.items()]
            tool: Any = {"type": "code_interpreter", "container": {"type": "auto", "file_ids": ids}}
            response = ai.responses.create(model="m", input="Solve it.", tools=[tool], include=OUTPUTS)
            assert response.status == "completed"
            assert len(calls(response)) == 2
            return Solved(ai, response, [request["messages"] for request in double.requests])

        yield solved
        for container in ai.containers.list():
            ai.containers.delete(container.id)


def test_the_failure_reached_the_model(solve: Solve) -> None:
    """What makes the second try better is the first one's traceback."""
    assert "FileNotFoundError" in solve("print('ok')", "ok", {}).sent[1][-1]["content"]


def test_statistics_of_a_list(solve: Solve) -> None:
    """Mean, median and standard deviation of numbers in the prompt."""
    code = "import statistics as s\nx = [2, 4, 4, 4, 5, 5, 7, 9]\nprint(s.mean(x), s.median(x), s.pstdev(x))"
    assert logs(solve(code, "5, 4.5 and 2", {}).response).endswith("5 4.5 2.0\n")


def test_a_csv_explored_to_a_chart(solve: Solve) -> None:
    """A table is summed by group and drawn; the chart is a picture that is not empty."""
    code = """
import pandas as pd, matplotlib.pyplot as plt
frame = pd.read_csv('/mnt/data/sales.csv')
by = frame.groupby('region').amount.sum()
print(by.to_dict())
by.plot.bar(); plt.tight_layout(); plt.savefig('/mnt/data/chart.png', dpi=80); plt.close()
"""
    solved = solve(code, "![chart](sandbox:/mnt/data/chart.png)", {"sales.csv": b"region,amount\nN,1\nS,2\nN,3\n"})
    assert logs(solved.response).endswith("{'N': 4, 'S': 2}\n")
    picture = Image.open(io.BytesIO(solved.file("chart.png"))).convert("L")
    assert picture.height > 100
    assert sum(picture.histogram()[:100]) > 0


def test_rules_checked_over_a_table(solve: Solve) -> None:
    """Dates in the year, amounts positive, codes in a chart of accounts: each violation is found by its row."""
    code = """
import pandas as pd
book = pd.read_csv('/mnt/data/book.csv', parse_dates=['date'], dtype={'code': str})
known = set(pd.read_csv('/mnt/data/accounts.csv', dtype=str).code)
rules = {'date': book.date.dt.year != 2024, 'amount': book.amount <= 0, 'code': ~book.code.isin(known)}
found = [{'row': int(row) + 2, 'rule': rule} for rule, bad in rules.items() for row in book.index[bad]]
import json; json.dump(found, open('/mnt/data/violations.json', 'w'))
"""
    book = b"date,amount,code\n2024-01-05,10,4000\n2023-12-31,5,4000\n2024-02-01,-1,4000\n2024-03-01,7,9999\n"
    solved = solve(code, "[v](sandbox:/mnt/data/violations.json)", {"book.csv": book, "accounts.csv": b"code\n4000\n"})
    expected = [{"row": 3, "rule": "date"}, {"row": 4, "rule": "amount"}, {"row": 5, "rule": "code"}]
    assert json.loads(solved.file("violations.json")) == expected


def test_a_csv_becomes_formatted_excel(solve: Solve) -> None:
    """Bold head, number format, widths and a total that Excel computes."""
    code = """
import pandas as pd
frame = pd.read_csv('/mnt/data/in.csv')
with pd.ExcelWriter('/mnt/data/out.xlsx', engine='xlsxwriter') as writer:
    frame.to_excel(writer, index=False, sheet_name='Report')
    book, sheet = writer.book, writer.sheets['Report']
    sheet.set_row(0, None, book.add_format({'bold': True}))
    sheet.set_column('B:B', 14, book.add_format({'num_format': '#,##0.00'}))
    sheet.write_formula(len(frame) + 1, 1, f'=SUM(B2:B{len(frame) + 1})')
"""
    solved = solve(code, "[out](sandbox:/mnt/data/out.xlsx)", {"in.csv": b"name,amount\na,1.5\nb,2500\n"})
    sheet = openpyxl.load_workbook(io.BytesIO(solved.file("out.xlsx")))["Report"]
    assert [sheet["A2"].value, sheet["B3"].value, sheet["B4"].value] == ["a", 2500, "=SUM(B2:B3)"]
    assert [sheet["A1"].font.bold, sheet["B3"].number_format] == [True, "#,##0.00"]
    assert sheet.column_dimensions["B"].width >= 14


def test_json_becomes_a_pdf_summary(solve: Solve) -> None:
    """A document with the facts of the data in it."""
    code = """
import json
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.platypus import Paragraph, SimpleDocTemplate, Table
orders = json.load(open('/mnt/data/orders.json'))
style = getSampleStyleSheet()
total = sum(each['total'] for each in orders)
SimpleDocTemplate('/mnt/data/summary.pdf').build([
    Paragraph('Summary', style['Title']),
    Table([['order', 'total']] + [[each['id'], each['total']] for each in orders]),
    Paragraph(f'{len(orders)} orders, {total} in all', style['Normal']),
])
"""
    orders = json.dumps([{"id": "A1", "total": 10}, {"id": "B2", "total": 32}]).encode()
    solved = solve(code, "[summary](sandbox:/mnt/data/summary.pdf)", {"orders.json": orders})
    text = pypdf.PdfReader(io.BytesIO(solved.file("summary.pdf"))).pages[0].extract_text()
    assert "2 orders, 42 in all" in text
    assert text.split()[:7] == ["Summary", "order", "total", "A1", "10", "B2", "32"]


def test_an_image_cropped_zoomed_rotated_and_given_contrast(solve: Solve) -> None:
    """The region that matters, four times as large, upright, its grey range stretched; and shown to the model."""
    code = """
from PIL import Image, ImageOps
image = Image.open('/mnt/data/scan.png')
part = image.crop((10, 10, 30, 20))
part = part.resize((part.width * 4, part.height * 4), Image.Resampling.LANCZOS).rotate(90, expand=True)
part = ImageOps.autocontrast(part.convert('L'))
part.save('/mnt/data/part.png')
part
"""
    scan = Image.new("L", (60, 40), 120)
    scan.paste(140, (20, 10, 30, 20))
    source = io.BytesIO()
    scan.save(source, "PNG")
    solved = solve(code, "[part](sandbox:/mnt/data/part.png)", {"scan.png": source.getvalue()})
    part = Image.open(io.BytesIO(solved.file("part.png")))
    assert part.size == (40, 80)
    assert part.getextrema() == (0, 255)
    upper, lower = part.resize((1, 2)).tobytes()
    assert upper - lower > 150  # what was right is up
    assert [output.type for output in calls(solved.response)[1].outputs or []] == ["image"]
    assert solved.sent[2][-1]["content"][0]["image_url"]["url"].startswith("data:image/png;base64,")
