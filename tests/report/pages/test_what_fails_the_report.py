"""What fails the report, where a requirement is shown, and what a tag leaves out."""

import json
import re
import shutil

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from pipeline.report import make
from pipeline.report.deliverables import load
from pipeline.report.exporters import InventoryHTML
from tests.report.committed import committed_report


@pytest.fixture(scope="module")
def committed():
    """What the preprocessors find in the notebooks as they are committed."""
    return InventoryHTML().from_notebook_node(*committed_report())[1]


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


def test_every_requirement_has_an_id_of_its_own_is_shown_in_a_notebook_and_is_backed(committed):
    rows = [row for group in load(make.REQUIREMENTS) for row in group["requirements"]]

    assert rows and len(rows) == len({row["id"] for row in rows})
    assert committed["problems"] == []


@pytest.mark.parametrize(
    ("shown", "target", "failures"),
    [
        ("00_overview.ipynb#Below", "00-overview-below", []),
        ("02_table.ipynb", "02-table", []),
        (
            "02_table.ipynb#Gone",
            "",
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
    assert (f'<td><a href="#{target}">' in result.html.read_text()) == bool(target)


def test_a_requirement_is_backed_by_what_this_run_measured_where_it_can_be(committed):
    rows = [row for group in committed["deliverables"] for row in group["rows"]]
    assert all(row["shown"] or row["id"] == "step_teardown" for row in rows)
    first = {row["id"]: row["checks"][0]["source"] for row in rows}
    assert {name for name, source in first.items() if source} == {"scale", "cost"}


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
