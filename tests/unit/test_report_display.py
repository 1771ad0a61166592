"""What the helpers put into a notebook: the same every time, harmless, and with the data that the report needs."""

from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from pipeline.report import ReportError, check, code, display, figure, svg, table, tables
from pipeline.report.model import plain
from pipeline.report.safe_text import shorten, terminal, visible

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
    assert "Arimo" in display.picture_in(shown[0]["text/html"])


def test_a_figure_can_be_drawn_anew(shown):
    page = figure(BOX.format(""), "Before.", "A box.")
    page.update(BOX.format("<text>12</text>"), "After.")

    assert shown[-1]["text/plain"] == "Figure: After."
    assert "<text>12</text>" in display.picture_in(shown[-1]["text/html"])


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
    with pytest.raises(ReportError, match="may not run or load"):
        figure(BOX.format(harmful), "A box.", "A box.")

    assert shown == []


@pytest.mark.parametrize(("caption", "alt"), [("", "A box."), ("A box.", " ")])
def test_a_figure_says_what_it_shows(shown, caption, alt):
    with pytest.raises(ReportError, match="caption and an alt text"):
        figure(BOX.format(""), caption, alt)


def test_a_drawing_on_paper_is_light_and_in_our_fonts():
    style = "<style>@media (prefers-color-scheme: dark) { .a { fill: #fff } text { fill: red } }</style>"
    drawing = BOX.format(f'{style}<text font-family="Helvetica" fill="var(--ink, #111)">a</text>')
    drawing += "<text style=\"font: 10px 'DejaVu Sans'; fill: #333\">b</text>"

    paper = svg.for_paper(drawing)

    assert "@media" not in paper
    assert 'font-family="Arimo" fill="#111"' in paper
    assert "font: 10px Arimo; fill: #333" in paper


def test_sizes_are_points():
    assert svg.size(BOX) == (72.0, 48.0)
    assert svg.size('<svg viewBox="0 0 100 40"/>') == (75.0, 30.0)
    assert svg.size("<svg/>") is None


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
    assert [[plain(cell["children"]) for cell in row] for row in read["head"]] == [["event type", "records"]]
    assert [cell["align"] for cell in read["body"][0]] == ["left", "right"]


def test_code_is_read_from_the_repository(shown):
    code("lambda_src/stock_projector/handler.py", "the entry")
    code(svg.size)

    listing, function = (bundle["application/vnd.inventory.listing+json"] for bundle in shown)
    source = (display.ROOT / "lambda_src/stock_projector/handler.py").read_text()
    assert listing["source"] == source.rstrip("\n")
    assert listing["path"] == "lambda_src/stock_projector/handler.py"
    assert function["source"].startswith("def size(svg: str)")
    assert source.splitlines()[-1] in shown[0]["text/markdown"]
    with pytest.raises(ReportError, match=r"there is no file gone\.py to show"):
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
    }


def test_what_cannot_be_seen_is_shown():
    assert visible("a\u200bb\u2066c\x00") == "a⟨U+200B⟩b⟨U+2066⟩c⟨U+0000⟩"
    assert visible("naïve 漢字 🎉\tend\n") == "naïve 漢字 🎉\tend\n"
    assert terminal("\x1b[32m10%\r50%\r100%\x1b[0m\ndone\n") == "100%\ndone"


def test_long_outputs_keep_their_ends():
    kept = shorten("\n".join(map(str, range(100))), 60).split("\n")

    assert (kept[0], kept[-1]) == ("0", "99")
    assert "… 50 lines left out …" in kept
