"""The report as its readers open it: phone and desk, light and dark, offline, without a script, printed."""

import base64
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser.checks import SCHEMES, WIDTHS, Visit, visit

SVG = re.compile(r'<img[^>]* src="data:image/svg\+xml;base64,([^"]+)"')


@pytest.fixture(scope="module", params=[f"{width}-{scheme}" for width in WIDTHS for scheme in SCHEMES])
def view(request: pytest.FixtureRequest, browser: Browser, report: Path) -> Iterator[Visit]:
    """The report in one of four windows, as it opens: code folded."""
    width, scheme = request.param.split("-")
    with visit(browser, report, int(width), scheme) as opened:
        yield opened


def test_it_asks_the_network_for_nothing_and_complains_of_nothing(view):
    assert view.noise() == []


def test_nothing_stands_out_of_the_window(view):
    assert view.wrong("overflow") == []


def test_every_chapter_is_in_the_contents(view):
    assert view.wrong("contents") == []


def test_every_link_lands_while_all_is_folded(view):
    assert view.wrong("links") == []


def test_every_picture_loads_and_says_what_it_shows(view):
    assert view.wrong("pictures") == []


def test_everything_unfolds_and_still_nothing_stands_out(view):
    assert view.wrong("unfold") == []
    assert view.wrong("overflow") == []


def test_every_link_lands_when_all_is_unfolded(view):
    view.wrong("unfold")
    assert view.wrong("links") == []


def test_all_text_has_the_contrast_that_it_needs(view):
    view.wrong("unfold")
    assert view.wrong("contrast") == []


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_words_in_the_figures_have_the_contrast_that_they_need(browser, report, tmp_path, scheme):
    with visit(browser, report, scheme=scheme) as opened:
        paper = opened.background()
    drawings = SVG.findall(report.read_text("utf-8"))
    assert drawings
    for number, drawing in enumerate(drawings):
        page = tmp_path / f"figure-{number}.html"
        svg = base64.b64decode(drawing).decode()
        page.write_text(f'<!DOCTYPE html><title>{number}</title><body style="background: {paper}">{svg}', "utf-8")
        with visit(browser, page, scheme=scheme) as alone:
            assert alone.wrong("contrast") == [], f"drawing {number}"


@pytest.mark.parametrize("scheme", SCHEMES)
def test_on_paper_all_is_unfolded_and_the_contents_are_gone(browser, report, scheme):
    with visit(browser, report, 794, scheme) as opened:  # A4 at 96 px an inch
        opened.page.emulate_media(media="print", color_scheme=scheme)
        assert opened.wrong("print") == []
        assert opened.wrong("overflow") == []
        assert opened.wrong("contrast") == []
        assert opened.background() == "rgb(255, 255, 255)"


# What is to be read, without the buttons and the search field that the script adds.
WITHOUT_ITS_TOOLS = """() => {
  const page = document.body.cloneNode(true);
  page.querySelectorAll("button, input, script").forEach((tool) => tool.remove());
  return page.textContent.replace(/\\s+/g, " ");
}"""


def test_it_reads_the_same_without_javascript(browser, report):
    with visit(browser, report) as scripted, visit(browser, report, script=False) as plain:
        assert plain.page.evaluate(WITHOUT_ITS_TOOLS) == scripted.page.evaluate(WITHOUT_ITS_TOOLS)
        assert plain.page.locator("script[src]").count() == 0
        closed = plain.page.locator("main details.code:not([open])").first.element_handle()
        closed.query_selector("summary").click()
        assert closed.query_selector("pre").is_visible()


def test_dark_and_light_are_two_papers(browser, report):
    papers = set()
    for scheme in SCHEMES:
        with visit(browser, report, scheme=scheme) as opened:
            papers.add(opened.background())
    assert len(papers) == 2
