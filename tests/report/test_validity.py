"""The report is valid HTML. html5lib parses as the standard says and names each error; what stands in what, we ask."""

import html5lib
import pytest

from pipeline.report.exporters import InventoryHTML
from pipeline.report.run import NotebookRun
from tests.report.committed import NOTEBOOKS, committed_report

HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
HOLDS_WORDS_ONLY = {"p", "pre", "code", "span", "strong", "em", "b", "s", "a", "summary", "dt", *HEADINGS}
BLOCKS = {"p", "pre", "div", "table", "figure", "ul", "ol", "dl", "details", "section", "blockquote", "hr", *HEADINGS}


def wrong(page):
    """Name what is not valid in a page."""
    parser = html5lib.HTMLParser(namespaceHTMLElements=False)
    tree = parser.parse(page)
    found = [f"{code}, line {line}" for (line, _), code, _ in parser.errors]
    for parent in tree.iter():
        if parent.tag in HOLDS_WORDS_ONLY:
            allowed = {parent.tag, *(HEADINGS if parent.tag == "summary" else ())}
            found += [f"<{child.tag}> in <{parent.tag}>" for child in parent.iter() if child.tag in BLOCKS - allowed]
        if parent.tag == "details":
            found += [] if [child.tag for child in parent][:1] == ["summary"] else ["<details> without <summary>"]
        if parent.tag in ("ul", "ol"):
            found += [f"<{child.tag}> in <{parent.tag}>" for child in parent if child.tag != "li"]
    levels = [int(each.tag[1]) for each in tree.iter() if each.tag in HEADINGS]
    found += [f"<h{b}> after <h{a}>" for a, b in zip([0, *levels], levels, strict=False) if b > a + 1]
    return found + ([] if levels.count(1) == 1 else [f"{levels.count(1)} headings of the first level"])


def rendered(*runs):
    return InventoryHTML().from_notebook_node(*committed_report(runs))[0]


def test_the_report_of_the_committed_notebooks_is_valid():
    assert wrong(rendered()) == []


def test_a_notebook_on_its_own_is_valid():
    assert wrong(InventoryHTML().from_filename(str(NOTEBOOKS / "05_audit.ipynb"))[0]) == []


def test_the_report_of_a_run_that_failed_is_valid():
    failed = NotebookRun("00_overview", 1.0, error="NameError: name 'x'")
    page = rendered(failed, NotebookRun("01_provision", 0, skipped=True))
    assert wrong(page) == []
    assert "00_overview failed: NameError: name &#39;x&#39;" in page and "01_provision was not run" in page


@pytest.mark.parametrize(
    ("planted", "found"),
    [
        ("<p>one<div>two</div></p>", "unexpected-end-tag"),
        ("<div>open", "expected-one-end-tag-but-got-another"),
        ("<b><i>crossed</b></i>", "adoption-agency"),
        ('<p id="a" id="b">twice</p>', "duplicate-attribute"),
        ("<p>&bogus;</p>", "expected-named-entity"),
        ('<a href="#a">a link <a href="#b">in a link</a></a>', "unexpected-start-tag-implies-end-tag"),
        ("<div><td>a cell outside</td></div>", "unexpected-start-tag-ignored"),
        ("<h2><div>block</div></h2>", "<div> in <h2>"),
        ("<ul><p>no item</p></ul>", "<p> in <ul>"),
        ("<details><p>no summary</p></details>", "<details> without <summary>"),
        ("<h3>skips one</h3>", "<h3> after <h1>"),
        ("<h1>another</h1>", "2 headings of the first level"),
    ],
)
def test_a_planted_error_is_named(planted, found):
    page = "<!DOCTYPE html><html lang=en><head><title>Page</title></head><body><h1>Page</h1>{}</body></html>"

    assert wrong(page.format("<p>fine</p>")) == []
    assert found in "\n".join(wrong(page.format(planted)))
