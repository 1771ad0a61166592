"""The notebooks in JupyterLab, in order, as a reader runs them: Run All Cells, and look."""

from collections.abc import Callable, Iterator
from typing import Any

import nbformat
import pytest
from playwright.sync_api import Browser, Page

from tests.browser import lab
from tests.browser.checks import visit
from tests.browser.lab import ROOT, Lab

FILES = ".jp-Notebook .jp-RenderedMarkdown a[href*='/files/']"  # what JupyterLab makes of a link to a file
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


def test_it_opens_the_overview_and_every_link_of_it_leads_to_a_file(started, page):
    page.goto(f"{started.url}/?token={started.token}")
    page.wait_for_function(lab.IS_READY.replace("path &&", "'notebooks/00_overview.ipynb' &&"), timeout=60_000)
    page.locator(FILES).first.wait_for()
    links = page.eval_on_selector_all(FILES, "links => links.map((link) => decodeURIComponent(link.pathname))")
    paths = {path.removeprefix("/files/") for path in links}
    assert len(paths) > 6 and "notebooks/99_teardown.ipynb" in paths
    assert [path for path in paths if started.get(path) != 200] == []
    page.get_by_role("link", name="notebook/parameters.py").first.click()
    opened = "() => window.jupyterapp.shell.currentWidget?.context?.path === 'pipeline/notebook/parameters.py'"
    page.wait_for_function(opened, timeout=60_000)


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_saving_without_a_change_leaves_git_clean(started, page, notebook):
    started.open(page, notebook)
    lab.save(page)
    assert started.changes() == ""


def test_exporting_from_the_menu_needs_no_network(started, page, browser, tmp_path):
    started.open(page, ROOT / "notebooks" / "05_audit.ipynb")
    for name in ("HTML", "Inventory_html"):
        (tmp_path / "exported.html").write_text(lab.export(page, name), "utf-8")
        with visit(browser, tmp_path / "exported.html") as opened:
            assert opened.noise() == []
            assert opened.wrong("pictures") == []
            assert opened.page.locator("img").count() > 0
            assert opened.page.locator("table").count() > 0


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_run_all_ends_without_an_error(started, page, notebook):
    started.open(page, notebook)
    if notebook.stem == "03_send_events":
        page.evaluate(lab.WATCH)
        lab.start_run(page)
        lab.scroll_to(page, "send_story(")
        cells = lab.wait_for_the_end(page)
        assert page.evaluate("window.seen.size") >= MOVES, "the figure does not move while events are sent"
    else:
        cells = lab.run_all(page)

    assert lab.trouble(cells) == []
    lab.save(page)
    changed = _changed(started, notebook)
    started.put_back()
    assert changed == []


def _changed(started, notebook):
    """Name the cells that are saved otherwise than they are committed, but for those that say that they vary."""
    saved, committed = (nbformat.read(place / "notebooks" / notebook.name, 4).cells for place in (started.place, ROOT))
    varies = {cell.id for cell in committed if "nbval-ignore-output" in cell.metadata.get("tags", [])}
    pairs = zip(saved, committed, strict=True)
    return [cell.id for cell, before in pairs if cell != before and cell.id not in varies]


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
