"""Page and PDF: all that the notebooks show, as text and nothing else."""

import json

import typst

from pipeline.notebook.show import TEMPLATE
from pipeline.report import make, pdf
from tests.report.pages.notebooks import SCRIPT, SPECIALS
from tests.report.pages.reading import Page


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
    assert ("seed", "11") in facts["parameter_list"]
