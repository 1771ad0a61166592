"""What the helpers put into a notebook: the same every time, harmless, and with the data that the report needs."""

import inspect
import os
import re
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from bs4 import BeautifulSoup

from pipeline.errors import UserError
from pipeline.notebook import show as display
from pipeline.notebook import svg, tables
from pipeline.notebook.show import COMPUTED, check, code, figure, sentence, table
from pipeline.paths import ROOT
from pipeline.report.markdown import plain
from pipeline.safe_text import shorten, terminal, visible

STORE = "lambda_src/stock_projector/store.py"
BOX = '<svg xmlns="http://www.w3.org/2000/svg" width="96" height="48pt" viewBox="0 0 72 48">{}</svg>'


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The bundles that were displayed, instead of displaying them."""
    bundles: list[dict[str, Any]] = []

    def catch(bundle: dict[str, Any], **_: object) -> SimpleNamespace:
        bundles.append(bundle)
        return SimpleNamespace(update=catch)

    monkeypatch.setattr(display, "display", catch)
    return bundles


def line_chart() -> Any:
    from matplotlib import pyplot as plt

    with display.style():
        fig, ax = plt.subplots()
        ax.plot([1, 3, 2], label="P98765 Laptop")
        ax.legend()
    return fig


def test_a_figure_is_the_same_bytes_every_time(shown):
    figure(line_chart(), "Stock rises.", "A line.")
    figure(line_chart(), "Stock rises.", "A line.")

    assert shown[0] == shown[1]
    assert shown[0]["text/plain"] == "Figure: Stock rises."
    assert "Arimo" in shown[0]["image/svg+xml"]
    assert svg.data_uri(shown[0]["image/svg+xml"].encode()) in shown[0]["text/html"]


HOSTILE = """
text.usetex: True
font.size: 40
figure.dpi: 10
savefig.dpi: 10
savefig.facecolor: red
savefig.format: png
svg.fonttype: path
svg.hashsalt: other
axes.formatter.use_locale: True
xtick.direction: in
lines.linewidth: 9
backend: TkAgg
"""


def test_a_figure_does_not_depend_on_a_persons_matplotlibrc(tmp_path):
    (tmp_path / "matplotlibrc").write_text(HOSTILE)
    draw = "from tests.report.test_display import line_chart, svg; print(svg.from_drawing(line_chart()))"
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MPL")}
    drawn = [
        subprocess.run([sys.executable, "-c", draw], cwd=ROOT, env=clean | extra, capture_output=True, text=True)
        for extra in ({"MPLBACKEND": "agg"}, {"MATPLOTLIBRC": str(tmp_path / "matplotlibrc"), "MPLBACKEND": "agg"})
    ]
    assert [done.stderr for done in drawn] == ["", ""]
    assert drawn[0].stdout == drawn[1].stdout != ""


def test_a_figure_can_be_drawn_anew(shown):
    page = figure(BOX.format(""), "Before.", "A box.")
    page.update(BOX.format("<text>12</text>"), "After.")

    assert shown[-1]["text/plain"] == "Figure: After."
    assert "<text>12</text>" in shown[-1]["image/svg+xml"]


@pytest.mark.parametrize(
    "harmful",
    [
        "<script>alert(1)</script>",
        '<rect onload="alert(1)"/>',
        '<image href="https://example.org/a.png"/>',
        "<style>@import 'a.css'</style>",
        '<rect style="fill:url(https://example.org/a.svg)"/>',
    ],
)
def test_a_drawing_that_runs_or_loads_something_is_refused(shown, harmful):
    with pytest.raises(UserError, match="may not run or load"):
        figure(BOX.format(harmful), "A box.", "A box.")

    assert shown == []


@pytest.mark.parametrize(("caption", "alt"), [("", "A box."), ("A box.", " ")])
def test_a_figure_says_what_it_shows(shown, caption, alt):
    with pytest.raises(UserError, match="caption and an alt text"):
        figure(BOX.format(""), caption, alt)


def test_a_drawing_on_paper_is_light_and_in_our_fonts():
    style = "<style>@media (prefers-color-scheme: dark) { .a { fill: #fff } text { fill: red } }</style>"
    drawing = BOX.format(f'{style}<text font-family="Helvetica" fill="var(--ink, #111)">a</text>')
    drawing += "<text style=\"font: 10px 'DejaVu Sans'; fill: #333\">b</text>"

    paper = svg.for_paper(drawing)

    assert "@media" not in paper
    assert 'font-family="Arimo" fill="#111"' in paper
    assert "font: 10px Arimo; fill: #333" in paper


def test_a_table_is_escaped_and_hides_nothing(shown):
    frame = pd.DataFrame({"product_name": ["<script>", "evil\u202egnp.exe"]})
    table(frame, "Names with <b>")

    page = shown[0]["text/html"]
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert "evil⟨U+202E⟩gnp.exe" in page
    assert "Names with &lt;b&gt;" in page
    assert frame["product_name"][1] == "evil\u202egnp.exe"  # the reader's own frame is left alone


def test_a_named_index_has_one_head_row(shown):
    table(pd.Series([3, 4], index=pd.Index(["added", "removed"], name="event type"), name="records"))

    (read,) = tables.parse(shown[0]["text/html"])
    head, body = read["children"]
    assert [plain([cell]) for cell in head["children"]] == ["event type", "records"]
    assert [cell["attrs"]["align"] for cell in body["children"][0]["children"]] == ["left", "right"]


def cells_of(page: str) -> list[tuple[str, str, str]]:
    """Each cell with its tag, its side in the notebook, and what stands in it."""
    return re.findall(r'<(t[hd])[^>]* style="text-align:(\w+)">(.*?)</t', page)


def test_a_notebook_sets_numbers_right_and_text_left_and_heads_with_them(shown):
    index = pd.Index(["P1", "P2"], name="product_id")
    table(pd.DataFrame({"product_name": ["Lamp", "Mug"], "quantity": [1234, 7], "lag": ["9 ms", "12 ms"]}, index))

    assert cells_of(shown[0]["text/html"]) == [
        ("th", "left", "product_id"), ("th", "left", "product_name"),
        ("th", "right", "quantity"), ("th", "right", "lag"),
        ("th", "left", "P1"), ("td", "left", "Lamp"), ("td", "right", "1,234"), ("td", "right", "9 ms"),
        ("th", "left", "P2"), ("td", "left", "Mug"), ("td", "right", "7"), ("td", "right", "12 ms"),
    ]  # fmt: skip


def test_a_named_index_has_one_head_row_in_the_notebook_too(shown):
    table(pd.Series([3, 4], index=pd.Index(["added", "removed"], name="event type"), name="records"))

    assert shown[0]["text/html"].count("<tr") == 3
    assert "<thead><tr><th" in shown[0]["text/html"]


def test_numbers_stand_right_though_some_rows_are_left_out(shown):
    table(pd.DataFrame({"name": "a", "quantity": range(100)}), rows=4)

    sides = [(side, text) for _, side, text in cells_of(shown[0]["text/html"])]
    assert sides[:4] == [("left", "name"), ("right", "quantity"), ("left", "a"), ("right", "0")]
    assert sides.count(("right", "...")) == 1


def test_whole_numbers_have_separators_and_a_caption_says_what_is_left_out(shown):
    table(pd.DataFrame({"units": [1234567, 12], "is": [True, False]}), "All of it.")
    table(pd.DataFrame({"n": range(1234)}), "Some of it.", rows=10)

    assert [text for *_, text in cells_of(shown[0]["text/html"])] == ["units", "is", "1,234,567", "True", "12", "False"]
    assert ">All of it.<" in shown[0]["text/html"]
    assert ">Some of it. Shown are 10 of 1,234 rows.<" in shown[1]["text/html"]


def test_dollars_are_no_mathematics_in_jupyterlab(shown):
    table(pd.DataFrame({"a month": ["$2 to $3"]}), "Between $2 and $3.")

    page = shown[0]["text/html"]
    assert "$2" not in page.replace("<span>$</span>", "") and page.count("<span>$</span>") == 4
    assert BeautifulSoup(page, "html.parser").td.get_text() == "$2 to $3"


def test_the_lines_of_a_listing_never_wrap_in_a_notebook(shown):
    code(svg.clean)
    code(STORE, "a long one")

    short, long = (bundle["text/html"] for bundle in shown)
    for page, whole in ((short, inspect.getsource(svg.clean)), (long, (display.ROOT / STORE).read_text())):
        element = BeautifulSoup(page, "html.parser").pre
        assert element.code.get_text() == whole.rstrip("\n")
        assert {"white-space:pre", "overflow-x:auto", "overflow-wrap:normal"} <= set(element["style"].split(";"))
        assert {"white-space:pre", "overflow-wrap:normal"} <= set(element.code["style"].split(";"))
    assert "<details>" not in short
    assert "<details>" in long


def test_a_resource_of_a_template_is_shown_alone_with_the_comment_above_it(shown):
    code("infra/stack.yaml#StockPipe")
    listed = shown[0][display.LISTING]
    lines = listed["source"].splitlines()
    assert lines[0].startswith("  # Polls the shards") and lines[1] == "  StockPipe:"
    assert "Resources:" not in lines and "PipeLog:" not in listed["source"].partition("LogGroupArn")[2][20:]
    whole = (ROOT / "infra" / "stack.yaml").read_text().splitlines()
    assert whole[listed["first_line"] - 1 :][: len(lines)] == lines
    with pytest.raises(UserError, match="no resource Nobody"):
        code("infra/stack.yaml#Nobody")


def test_a_listing_is_escaped(shown, tmp_path, monkeypatch):
    monkeypatch.setattr(display, "ROOT", tmp_path)
    (tmp_path / "page.html").write_text("<script>alert(1)</script>")
    (tmp_path / "page.py").write_text("x = '<b>'")
    code("page.html", "a <b> caption")
    code("page.py")

    for bundle in shown:
        assert "<script" not in bundle["text/html"]
        assert "<b>" not in bundle["text/html"]


def test_every_exporter_gets_the_whole_text(shown):
    """Beside the HTML stands the same as plain text: the lines of code, the rows of a table, a check, a caption."""
    code(STORE, "the store")
    table(pd.DataFrame({"name": ["a" * 80], "units": [1234]}), "One row.")

    listing, rows = (bundle["text/plain"] for bundle in shown)
    assert listing == f"{STORE}, from line 1. the store\n\n{(ROOT / STORE).read_text().rstrip()}"
    assert rows.startswith("One row.\n") and "a" * 80 in rows and "1,234" in rows
    assert "a" * 80 in shown[1]["text/html"]


def test_code_is_read_from_the_repository(shown):
    code("lambda_src/stock_projector/handler.py", "the entry")
    code(svg.clean)

    listing, function = (bundle["application/vnd.inventory.listing+json"] for bundle in shown)
    source = (display.ROOT / "lambda_src/stock_projector/handler.py").read_text()
    assert listing["source"] == source.rstrip("\n")
    assert listing["path"] == "lambda_src/stock_projector/handler.py"
    assert function["source"].startswith("def clean(svg: str)")
    assert "text/markdown" not in shown[0], "JupyterLab breaks the lines of code in Markdown"
    with pytest.raises(UserError, match=r"there is no file gone\.py to show"):
        code("gone.py")


@pytest.mark.parametrize(
    ("passed", "line"), [(True, "✓ Checked: stock is right (12)"), (0, "✗ Failed: stock is right (12)")]
)
def test_a_check_is_a_line_and_data(shown, passed, line):
    check("stock", "stock is right", passed, 12)

    assert shown[0]["text/plain"] == line
    assert shown[0]["application/vnd.inventory.check+json"] == {
        "requirement": "stock",
        "claim": "stock is right",
        "passed": bool(passed),
        "figure": "12",
        "source": "",
    }


def test_only_what_this_run_measured_gets_a_tick(shown):
    check("proof", "no violation", True, source="docs/proof.json")
    check("scale", "it recovers", True, source=COMPUTED)
    check("scale", "it recovers", False, source=COMPUTED)

    assert [bundle["text/plain"].partition(":")[0] for bundle in shown] == [
        "Read from docs/proof.json",
        "Computed",
        "✗ Failed",
    ]


def test_a_sentence_has_its_values_as_text_and_as_data(shown):
    sentence("Of {records} records of *{name}*, none.", records=2000, name="a_b*c")

    assert shown[0]["text/plain"] == "Of 2,000 records of *a_b*c*, none."
    assert shown[0]["text/markdown"] == r"Of 2,000 records of *a\_b\*c*, none."
    assert shown[0]["application/vnd.inventory.sentence+json"]["values"] == {"records": "2,000", "name": "a_b*c"}


def test_what_cannot_be_seen_is_shown():
    assert visible("a\u200bb\u2066c\x00") == "a⟨U+200B⟩b⟨U+2066⟩c⟨U+0000⟩"
    assert visible("naïve 漢字 🎉\tend\n") == "naïve 漢字 🎉\tend\n"
    assert terminal("\x1b[32m10%\r50%\r100%\x1b[0m\ndone\n") == "100%\ndone"


def test_long_outputs_keep_their_ends():
    kept = shorten("\n".join(map(str, range(100))), 60).split("\n")

    assert (kept[0], kept[-1]) == ("0", "99")
    assert "… 50 lines left out …" in kept
