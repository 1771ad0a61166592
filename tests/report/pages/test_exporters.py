"""One notebook, by every way that nbconvert offers: ours, and the plain ones, which need no network either."""

import ast
import json
import shutil
import sys
from pathlib import Path

import pytest
from nbconvert.nbconvertapp import NbConvertApp

from pipeline.paths import ROOT
from pipeline.report.cleaning import clean_html
from pipeline.report.exporters import InventoryPDF
from tests.report.pages.notebooks import BIDI, SCRIPT
from tests.report.pages.reading import Page


@pytest.fixture(scope="module")
def exported(built, tmp_path_factory):
    """Files by the name of the exporter, as `jupyter nbconvert --to NAME` writes them in this environment."""
    folder = tmp_path_factory.mktemp("exported")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_CONFIG_DIR", str(folder / "nobody"))  # not the person's own settings
        for name in (
            "html",
            "sanitized",
            "slides",
            "markdown",
            "script",
            "inventory_html",
            "inventory_typst",
            "inventory_pdf",
        ):
            (folder / name).mkdir()
            shutil.copy(built / "build" / "notebooks" / "02_table.ipynb", folder / name)
            app = NbConvertApp(log_level="ERROR")
            to = ["html", "--HTMLExporter.sanitize_html=True"] if name == "sanitized" else [name]
            app.initialize(["--to", *to, str(folder / name / "02_table.ipynb")])
            app.start()

    def read(name: str) -> str:
        [written] = (path for path in (folder / name).glob("02_table.*") if path.suffix != ".ipynb")
        return written.read_bytes().decode("utf-8", "replace")

    return read


def test_plain_html_is_whole_and_loads_nothing(exported):
    page = exported("html")
    read = Page(page)

    assert [value for value in read.values("src") if not value.startswith("data:")] == []
    assert read.tags["script"] == 0
    assert read.tags["link"] == 0
    assert read.tags["img"] == 1 and read.tags["table"] == 2
    assert "Stock with &lt;script&gt;" in page
    assert SCRIPT not in page


def test_html_that_is_asked_to_be_sanitized_keeps_headings_tables_pictures_and_loses_what_runs(exported):
    read = Page(exported("sanitized"))

    assert read.tags["h2"] == 1 and read.tags["table"] == 2 and read.tags["img"] == 1
    assert read.values("src")[0].startswith("data:image/svg+xml;base64,")
    assert "text-align:right" in exported("sanitized").replace(" ", "")
    hostile = (
        '<p onclick="a()">x</p><script>b()</script><img src="https://example.org/c.png"><img src=d onerror="e()">'
        '<a href="javascript:f()">g</a><a href="data:text/html,h">i</a><iframe src="https://example.org"></iframe>'
        '<a href="https://example.org">kept</a><b style="position:fixed;color:red">bold</b>'
    )
    assert clean_html(hostile) == (
        '<p>x</p>b()<img><img><a>g</a><a>i</a><a href="https://example.org">kept</a><b style="color:red;">bold</b>'
    )


def test_our_page_of_one_notebook_has_its_title_first_and_no_cover(exported):
    page = exported("inventory_html")

    assert '<h1 id="02-table">The table</h1>' in page
    assert '<h2 id="02-table-what-it-holds">What it holds</h2>' in page
    assert Page(page).wrong == []
    assert "Deliverables" not in page and BIDI not in page


def test_markdown_script_slides_typst_and_pdf_are_sound(exported):
    assert "Stock of &lt;script&gt;" in exported("markdown")
    ast.parse(exported("script"))
    assert "reveal" in exported("slides") and "What it holds" in exported("slides")
    assert exported("inventory_typst").startswith("#let code-theme")
    assert exported("inventory_pdf").startswith("%PDF-")


def test_the_pdf_of_one_notebook_is_the_same_to_the_byte(built):
    source = str(built / "build" / "notebooks" / "02_table.ipynb")
    assert InventoryPDF().from_filename(source)[0] == InventoryPDF().from_filename(source)[0]


def test_what_is_installed_is_what_lies_in_the_repository():
    installed = Path(sys.prefix) / "etc" / "jupyter" / "jupyter_config.json"
    assert json.loads(installed.read_text()) == json.loads((ROOT / "report/jupyter/jupyter_config.json").read_text())
    template = (
        Path(sys.prefix) / "share" / "jupyter" / "nbconvert" / "templates" / "inventory_offline" / "index.html.j2"
    )
    assert template.read_text() == (ROOT / "report/jupyter/inventory_offline/index.html.j2").read_text()
