"""The notebooks in JupyterLab, in order, as a reader runs them: Run All Cells, and look."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.browser import lab
from tests.browser.lab import ROOT, Lab

pytest.importorskip("jupyterlab", reason="JupyterLab is not installed: `make test-browser` does it")
MOVES = 4  # pictures of one figure that the reader has to see: the story takes four seconds, two pictures each
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory, eventually: Callable[..., Any]) -> Iterator[Lab]:
    with lab.running(tmp_path_factory.mktemp("lab"), eventually) as running:
        yield running


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    window = browser.new_context(viewport={"width": 1280, "height": 900})
    yield window.new_page()
    window.close()


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_run_all_ends_without_an_error(started, page, notebook):
    started.open(page, notebook)
    if notebook.stem == "03_send_events":
        page.evaluate(lab.WATCH)
        lab.start_run(page)
        lab.scroll_to(page, "send_once(")
        cells = lab.wait_for_the_end(page)
        assert page.evaluate("window.seen.size") >= MOVES, "the figure does not move while events are sent"
    else:
        cells = lab.run_all(page)

    assert lab.trouble(cells) == []


def test_an_error_in_a_cell_would_be_seen(started, page):
    failing = "from pipeline.notebook import check\ncheck('planted', 'Two is three', 2 == 3)"
    broken = started.plant('print("fine")', failing, "1 / 0", 'print("not reached")')

    started.open(page, broken)

    assert lab.trouble(lab.run_all(page)) == [
        "a check failed: Two is three",
        "ZeroDivisionError: division by zero",
        'has not run: print("not reached")',
    ]


def test_a_figure_that_stands_still_would_be_seen(started, page):
    drawing = '<svg xmlns="http://www.w3.org/2000/svg" width="90" height="40"><rect width="90" height="40"/></svg>'
    still = started.plant("from pipeline.notebook import figure", f"figure({drawing!r}, 'It stands still.', 'A box.')")

    started.open(page, still)
    page.evaluate(lab.WATCH)
    lab.run_all(page)

    page.wait_for_function("() => window.seen.size > 0")
    assert page.evaluate("window.seen.size") == 1
