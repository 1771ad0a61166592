"""One run, read back: what the notebooks show is in both files, harmless, numbered, linked and the same every time."""

import json
import re
import shutil
from collections import Counter
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import nbformat
import pytest
import typst
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from pipeline.report import deliverables, make, make_report, pdf
from pipeline.report.deliverables import load
from pipeline.report.display import ROOT, TEMPLATE
from pipeline.report.document import chapters_of, checks_of
from pipeline.report.links import find
from pipeline.report.model import Document, NotebookRun

SCRIPT = "<script>alert(1)</script>"
SPECIALS = r"#set $x$ *b* _i_ @ref `c` \ <lab> //"
BIDI = "evil\u202egnp.exe"

SHOWS = f"""
import pandas as pd
from matplotlib import pyplot as plt
from pipeline.report import check, code, figure, style, table
names = [{SCRIPT!r}, {SPECIALS!r}, {BIDI!r}, "漢字 🎉"]
frame = pd.DataFrame({{"product_name": names, "quantity": range(4)}})
"""
FIGURE = """
with style():
    fig, ax = plt.subplots()
    ax.plot(range(3), label=names[0])
    ax.legend()
figure(fig, f"Stock of {names[0]} & {names[1]} rises.", f"A line for {names[2]}.")
"""
FLOWCHART = """
svg = '<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" width="90pt" height="40pt" viewBox="0 0 90 40">' \\
      '<text x="9" y="20" font-family="Helvetica">EventStream</text></svg>'
figure(svg, "The pipeline.", "One box.")
"""
OVERVIEW = """# Overview

See [the table](02_table.ipynb#What-it-holds), [the next](02_table.ipynb), [here](#Below), [the fold][1],
[a file](../infra/stack.yaml) and [AWS](https://aws.amazon.com). Raw <b>HTML</b> is text.

[1]: ../lambda_src/stock_projector/handler.py

<details><summary>Solution</summary>

It is `42`.

</details>

## Below

| event | effect |
|---|---:|
| `product_added` | 1 |

## Below

The same heading again.

<div onclick="alert(1)">a block of HTML</div>
"""


def notebook(*cells: str) -> nbformat.NotebookNode:
    made = [new_markdown_cell(cell.strip()) if cell.startswith("# ") else new_code_cell(cell) for cell in cells]
    made.insert(1, new_code_cell("seed: int = 7", metadata={"tags": ["parameters"]}))
    spec = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    return new_notebook(cells=made, metadata=spec)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The build folder of one real run of two notebooks."""
    place = tmp_path_factory.mktemp("pages")
    (place / "notebooks").mkdir()
    overview = notebook(
        OVERVIEW,
        SHOWS,
        'code("lambda_src/stock_projector/handler.py", "the entry")',
        FLOWCHART,
        'print("plain", names[0]); print("\\x1b[31mred\\x1b[0m", names[2])',
    )
    table = notebook(
        "# The table\n\n## What it holds\n\nRows.",
        SHOWS,
        'table(frame, f"Stock with {names[0]}")',
        "frame",
        FIGURE,
        'check("stock", f"{names[0]} has stock", True, names[1])',
    )
    nbformat.write(overview, place / "notebooks" / "00_overview.ipynb")
    nbformat.write(table, place / "notebooks" / "02_table.ipynb")
    asked = [{"group": "All", "requirements": [{"id": "stock", "asked": f"Stock of {SCRIPT}"}]}]
    (place / "deliverables.yaml").write_text(json.dumps(asked))
    result = make_report(
        {"seed": 11},
        place / "notebooks",
        place / "build",
        deliverables=place / "deliverables.yaml",
        defaults=place / "none.yaml",
    )
    assert result.failures == []
    return place


@pytest.fixture(scope="module")
def page(built: Path) -> str:
    return (built / "build" / "report.html").read_text()


@pytest.fixture(scope="module")
def document(built: Path) -> Document:
    facts = json.loads((built / "build" / "run.json").read_text())
    return make.assemble(facts, built / "build" / "notebooks", built / "deliverables.yaml")


class Page(HTMLParser):
    """The tags of a page; `wrong` names what is not well nested."""

    VOID = frozenset({"meta", "link", "img", "br", "hr"})
    IN_NO_PARAGRAPH = frozenset({"p", "div", "table", "figure", "pre", "ul", "ol", "details", "section", "h2", "h3"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str, str]] = []
        self.open: list[str] = []
        self.wrong: list[str] = []
        self.feed(html)
        self.wrong += [f"<{tag}> stays open" for tag in self.open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in self.IN_NO_PARAGRAPH and "p" in self.open:
            self.wrong.append(f"<{tag}> in a paragraph, at {self.getpos()}")
        self.tags[tag] += 1
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(f"</{tag}> at {self.getpos()}")

    def values(self, name: str) -> list[str]:
        return [value for _, key, value in self.attributes if key == name]


def test_the_page_is_well_formed(page):
    assert Page(page).wrong == []


def test_the_page_needs_no_network_and_runs_nothing(page):
    read = Page(page)

    assert read.tags["script"] == 0
    assert read.tags["iframe"] == 0
    assert all(value.startswith("data:") for value in read.values("src"))
    assert [value for tag, name, value in read.attributes if tag == "link" and name == "href"] == ["data:,"]
    assert not any(name.startswith("on") for _, name, _ in read.attributes)
    assert "@import" not in page
    assert "url(" not in page


def test_every_link_lands_and_no_id_is_used_twice(page):
    read = Page(page)
    ids = read.values("id")
    targets = [value for value in read.values("href") if not value.startswith(("https:", "data:"))]

    assert [name for name, count in Counter(ids).items() if count > 1] == []
    assert {target for target in targets if target.removeprefix("#") not in ids} == set()
    assert set(read.values("aria-labelledby")) <= set(ids)


def test_links_between_notebooks_lead_to_their_place_in_the_report(page):
    assert '<a href="#02-table-what-it-holds">the table</a>' in page
    assert '<a href="#02-table">the next</a>' in page
    assert '<a href="#00-overview-below">here</a>' in page
    assert '<a href="#listing-1">the fold</a>' in page
    assert '<a href="https://aws.amazon.com" rel="noreferrer">AWS</a>' in page
    assert ">a file</a>" not in page


def test_contents_list_chapters_and_sections(page):
    contents = page[page.index('<ol class="contents">') : page.index("</nav>")]

    assert re.findall(r'href="#([^"]+)"', contents) == [
        "deliverables",
        "00-overview",
        "00-overview-below",
        "00-overview-below-2",
        "02-table",
        "02-table-what-it-holds",
    ]


def test_what_the_notebooks_show_is_all_there(page, document, tmp_path):
    place = pdf.stage(document, TEMPLATE, tmp_path)

    def in_pdf(selector: str) -> int:
        return len(json.loads(typst.query(str(place), selector, **pdf.environment(place))))

    read = Page(page)
    assert read.tags["img"] == in_pdf("figure.where(kind: image)") == in_pdf("image") == 2
    assert read.tags["table"] - 2 == in_pdf("table") - 1 == 3  # theirs, without the cover's and the deliverables'
    assert in_pdf("figure.where(kind: table)") == page.count('<figure class="table"') == 1
    assert in_pdf('figure.where(kind: "listing")') == page.count('<details class="listing"') == 1


def test_names_are_text_and_nothing_else(page, document, tmp_path):
    place = pdf.stage(document, TEMPLATE, tmp_path)
    tables = json.loads(typst.query(str(place), "table", **pdf.environment(place)))
    on_paper = json.dumps(tables, ensure_ascii=False)

    assert SCRIPT not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert SPECIALS.replace("<lab>", "&lt;lab&gt;") in page
    assert SCRIPT in on_paper
    assert json.dumps(SPECIALS)[1:-1] in on_paper
    for shown in (page, on_paper):
        assert "evil⟨U+202E⟩gnp.exe" in shown
        assert "漢字 🎉" in shown
        assert "\u202e" not in shown
        assert "\x1b" not in shown
    assert "Raw &lt;b&gt;HTML&lt;/b&gt; is text." in page
    assert "&lt;div onclick=&#34;alert(1)&#34;&gt;a block of HTML&lt;/div&gt;" in page


def test_the_pdf_is_the_same_to_the_byte(built):
    first = (built / "build" / "report.pdf").read_bytes()
    make.render(built / "build", built / "deliverables.yaml")

    assert (built / "build" / "report.pdf").read_bytes() == first


def test_the_pdf_is_tagged_and_embeds_its_fonts(built):
    paper = (built / "build" / "report.pdf").read_bytes()

    assert b"/MarkInfo" in paper
    assert b"pdfuaid" in paper
    assert b"Helvetica" not in paper


def test_both_files_name_the_facts_of_the_run(page, document):
    facts = document.facts

    for fact in (facts["commit"], facts["date"], facts["python"], f"boto3 {facts['versions']['boto3']}"):
        assert fact in page
    assert "<code>seed</code> 11" in page
    assert facts["parameter_list"] == [("seed", "11")]


def test_a_fold_and_a_listing_are_kept(page):
    assert '<details class="fold"><summary>Solution</summary>' in page
    source = (ROOT / "lambda_src" / "stock_projector" / "handler.py").read_text()
    listing = page[page.index('<details class="listing"') :]
    shown = re.sub(r"<[^>]+>", "", listing[listing.index("<pre") : listing.index("</pre>")])

    assert unescape(shown).strip() == source.strip()


@pytest.mark.parametrize(
    ("target", "failure"),
    [
        ("02_table.ipynb#Gone", "00_overview links to 02_table.ipynb#Gone, but there is no such heading"),
        ("03_gone.ipynb", "00_overview links to 03_gone.ipynb, which is not in the report"),
        ("../gone.py", "00_overview links to ../gone.py, which is not in the repository"),
        ("javascript:alert(1)", "00_overview links to 'javascript:alert(1)', which is no web address"),
    ],
)
def test_a_link_that_leads_nowhere_fails_the_report(built, tmp_path, target, failure):
    shutil.copytree(built / "build", tmp_path / "build")
    path = tmp_path / "build" / "notebooks" / "00_overview.ipynb"
    changed = nbformat.read(path, as_version=4)
    changed.cells[0].source = f"# Overview\n\n[x]({target})"
    nbformat.write(changed, path)

    result = make.render(tmp_path / "build", built / "deliverables.yaml")

    assert failure in result.failures
    assert "javascript:" not in re.sub(r"<li>.*?</li>", "", result.html.read_text())


def test_a_check_that_no_requirement_lists_fails_the_report(built, tmp_path):
    shutil.copytree(built / "build", tmp_path / "build")
    (tmp_path / "deliverables.yaml").write_text("[]")

    result = make.render(tmp_path / "build", tmp_path / "deliverables.yaml")

    assert result.failures == ["a check names 'stock', which deliverables.yaml does not list"]


def test_every_requirement_has_an_id_of_its_own_and_is_shown_in_a_notebook():
    rows = [row for group in load(ROOT / "report" / "deliverables.yaml") for row in group["requirements"]]
    names = {row["shown"].split(".")[0] for row in rows}
    runs = [NotebookRun(name, 0) for name in sorted(names)]
    chapters, _ = chapters_of(runs, ROOT / "notebooks", ROOT)

    assert rows and len(rows) == len({row["id"] for row in rows})
    assert [row["shown"] for row in rows if find(chapters, row["shown"]) is None] == []


@pytest.mark.parametrize(
    ("shown", "target", "failures"),
    [
        ("00_overview.ipynb#Below", "00-overview-below", []),
        ("02_table.ipynb", "02-table", []),
        (
            "02_table.ipynb#Gone",
            "check-1",
            ["deliverables.yaml says that stock is shown in 02_table.ipynb#Gone: not there"],
        ),
    ],
)
def test_a_requirement_is_shown_where_the_list_says(built, tmp_path, shown, target, failures):
    shutil.copytree(built / "build", tmp_path / "build")
    asked = [{"group": "All", "requirements": [{"id": "stock", "asked": "Stock", "shown": shown}]}]
    (tmp_path / "deliverables.yaml").write_text(json.dumps(asked))

    result = make.render(tmp_path / "build", tmp_path / "deliverables.yaml")

    assert result.failures == failures
    assert f'<td><a href="#{target}">' in result.html.read_text()


def test_each_further_check_of_a_requirement_is_shown_where_it_stands():
    runs = [NotebookRun(name, 0) for name in ("00_overview", "05_audit")]
    chapters, _ = chapters_of(runs, ROOT / "notebooks", ROOT)
    groups, _ = deliverables.page(load(ROOT / "report" / "deliverables.yaml"), checks_of(chapters), chapters)

    [events] = [group for group in groups if group["title"] == "The events"]
    for row in events["rows"]:
        by_hand, in_the_stream = row["checks"]
        assert by_hand["place"] == "What an event does"
        assert in_the_stream["place"] == "The demonstration: consistent stock after a series of events"
        assert in_the_stream["target"] == in_the_stream["check"] != by_hand["target"]


def test_tags_say_what_the_report_leaves_out(built, tmp_path):
    shutil.copytree(built / "build", tmp_path / "build")
    path = tmp_path / "build" / "notebooks" / "00_overview.ipynb"
    printed = nbformat.v4.new_output("stream", text="PRINTED")
    cells = [
        new_code_cell(f"code_{n}", outputs=[printed], metadata={"tags": [tag]})
        for n, tag in enumerate(["hide-input", "remove-output", "remove-cell", "kept"])
    ]
    nbformat.write(new_notebook(cells=[new_markdown_cell("# Overview"), *cells]), path)

    shown = make.render(tmp_path / "build", built / "deliverables.yaml").html.read_text()

    assert [f"code_{n}" in shown for n in range(4)] == [False, True, False, True]
    assert shown.count("PRINTED") == 2
