"""The picture: legible, in light and dark, the same each time."""

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from pipeline.drawings import decision_tree, flowchart, grid
from pipeline.drawings.flowchart import derive, render, to_dot
from tests.drawings.reading import words_of


@pytest.fixture(scope="module", params=["pipeline", "decision"])
def dot(request) -> str:
    return to_dot(derive()) if request.param == "pipeline" else decision_tree.to_dot()


def test_the_picture_fits_the_width_of_a_page_and_reads_from_top_to_bottom(dot: str):
    svg = ElementTree.fromstring(render(dot))
    width, height = (float(svg.attrib[side].removesuffix("pt")) for side in ("width", "height"))
    assert 1.1 < height / width < 1.55, "it should fill a page of A4, and leave room for its caption"
    assert "rankdir=TB" in dot


def test_the_letters_can_be_read_on_paper_and_on_a_phone(dot: str):
    """On A4 the page allows 190 x 218 mm (report/template/style.typ), a phone 46 rem of 16 px, of which it scrolls."""
    svg = render(dot)
    width, height = (float(re.search(rf'{side}="([0-9.]+)pt"', svg)[1]) for side in ("width", "height"))
    smallest = min(float(size) for size in re.findall(r'font-size="([0-9.]+)"', svg))
    points = smallest * min(1, 190 / 25.4 * 72 / width, 218 / 25.4 * 72 / height)
    assert points >= (7.5 if "StockPipe" in dot else 6), "in the PDF"
    assert smallest * 46 * 16 / width > 10, "pixels, on a phone"


def test_the_dot_is_ascii(dot: str):
    assert dot.isascii()


def test_the_picture_is_the_same_each_time_and_says_nothing_of_when_or_where(dot: str):
    svg = render(dot)
    assert svg == render(dot)
    assert "<!--" not in svg
    assert str(Path.home()) not in svg
    assert str(flowchart.ROOT) not in svg


def test_every_colour_has_a_twin_for_dark_screens(dot: str):
    svg = render(dot)
    drawn = set(re.findall(r'(?:fill|stroke)="([^"]+)"', svg.partition("</style>")[2])) - {"none"}
    assert drawn <= set(grid.DARK)
    assert "prefers-color-scheme: dark" in svg


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours, as WCAG defines it."""

    def luminance(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("letters", [grid.INK, grid.MUTED, grid.FLOW, grid.APPLIED, grid.FAILURE])
@pytest.mark.parametrize("ground", [grid.PAPER, grid.CARD, grid.BAND, grid.FAILURE_BAND])
def test_letters_stand_out_from_every_ground_on_light_and_on_dark_screens(letters: str, ground: str):
    assert contrast(letters, "#ffffff" if ground == grid.PAPER else ground) > 4.5
    assert contrast(grid.DARK[letters], grid.DARK[ground]) > 4.5


def test_what_a_template_says_is_text_in_the_picture_never_markup(changed):
    dot = to_dot(
        derive(
            changed("# One item per product", "# One item per <b>product</b> & caf\N{LATIN SMALL LETTER E WITH ACUTE}")
        )
    )
    assert dot.isascii()
    assert "One item per <b>product</b> & caf\N{LATIN SMALL LETTER E WITH ACUTE}" in words_of(render(dot))


def test_without_graphviz_the_error_says_what_was_looked_for(monkeypatch):
    monkeypatch.setattr(grid, "which", lambda name: None)
    with pytest.raises(RuntimeError, match=r"graphviz-pure nor a `dot` on PATH"):
        render("digraph {}")


def test_without_graphviz_pure_a_dot_on_the_path_draws(monkeypatch):
    monkeypatch.setattr(grid, "which", lambda name: "/somewhere/dot" if name == "dot" else None)
    assert grid._graphviz() == "/somewhere/dot"


def test_dot_that_graphviz_cannot_read_is_an_error_not_an_empty_picture():
    with pytest.raises(RuntimeError, match="could not draw"):
        render("digraph { -> }")
