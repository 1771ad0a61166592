"""The report of one real run."""

import json
from pathlib import Path

import nbformat
import pytest

from pipeline.report import make, make_report
from pipeline.report.model import Document
from tests.report.pages.notebooks import FIGURE, FLOWCHART, OVERVIEW, SCRIPT, SHOWS, notebook


@pytest.fixture(scope="package")
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
    )
    assert result.failures == []
    return place


@pytest.fixture(scope="package")
def page(built: Path) -> str:
    return (built / "build" / "report.html").read_text()


@pytest.fixture(scope="package")
def document(built: Path) -> Document:
    facts = json.loads((built / "build" / "run.json").read_text())
    return make.assemble(facts, built / "build" / "notebooks", built / "deliverables.yaml")
