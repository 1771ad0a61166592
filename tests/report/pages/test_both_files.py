"""Page and PDF: all that the notebooks show, as text and nothing else."""

import json

import typst

from pipeline.report import make
from pipeline.report.exporters import FONTS
from pipeline.report.typst_markup import literal
from tests.report.pages.notebooks import SCRIPT, SPECIALS
from tests.report.pages.reading import Page


def query(markup, selector):
    """What Typst makes of the markup, by kind of element."""
    fonts = [str(path) for path in FONTS]
    return json.loads(typst.query(markup.encode(), selector, font_paths=fonts, ignore_system_fonts=True))


def test_what_the_notebooks_show_is_all_there(page, markup):
    def in_pdf(selector):
        return len(query(markup, selector))

    read = Page(page)
    assert read.tags["img"] == in_pdf("figure.where(kind: image)") == in_pdf("image") == 2
    assert read.tags["table"] - 3 == in_pdf("table") - 2 == 3  # theirs, without the deliverables' and those of the run
    assert in_pdf("figure.where(kind: table)") == page.count('<figure class="table"') == 1
    assert in_pdf('figure.where(kind: "listing")') == page.count('<details class="listing"') == 1


def test_names_are_text_and_nothing_else(page, markup):
    on_paper = json.dumps(query(markup, "table"), ensure_ascii=False)

    assert SCRIPT not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert SPECIALS.replace("<lab>", "&lt;lab&gt;") in page
    assert SCRIPT in on_paper
    assert json.dumps(SPECIALS)[1:-1] in on_paper
    for shown in (page, on_paper, markup):
        assert "evil⟨U+202E⟩gnp.exe" in shown
        assert "漢字 🎉" in shown
        assert "\u202e" not in shown
        assert "\x1b" not in shown
    assert "Raw &lt;b&gt;HTML&lt;/b&gt; is text." in page
    assert "&lt;div onclick=&quot;alert(1)&quot;&gt;a block of HTML&lt;/div&gt;" in page


def test_every_text_is_a_string_of_typst():
    for said in ('"); #panic("', "\\", '\\"', "a\n= b", "#let x = 1", "", "*b* _i_ $x$ <lab> @ref `c` // /* ~ ---"):
        [read] = query(f"#metadata({literal(said)}) <said>", "<said>")
        assert read["value"] == said
    values = {"a": [1, 2.5, True, None, ("b",)], "c": {}, "d": b"\x01\xff"}
    [read] = query(f"#metadata({literal(values)}) <said>", "<said>")
    assert read["value"] == {"a": [1, 2.5, True, None, ["b"]], "c": {}, "d": [1, 255]}


def test_the_pdf_is_the_same_to_the_byte(built):
    first = (built / "build" / "report.pdf").read_bytes()
    make.render(built / "build", built / "deliverables.yaml")

    assert (built / "build" / "report.pdf").read_bytes() == first


def test_the_pdf_is_tagged_and_embeds_its_fonts(built):
    paper = (built / "build" / "report.pdf").read_bytes()

    assert b"/MarkInfo" in paper
    assert b"pdfuaid" in paper
    assert b"Helvetica" not in paper


def test_both_files_name_the_facts_of_the_run(page, markup, facts):
    for fact in (facts["commit"], facts["python"], f"boto3 {facts['versions']['boto3']}"):
        assert fact in page
    assert facts["commit"] in markup and '("seed", "11", )' in markup
    assert "<code>seed</code> 11" in page
