"""How a notebook talks: prose leads, cells are small, and every claim is asserted."""

import ast
import importlib
import re
from pathlib import Path
from statistics import median

import nbformat
import pytest
import yaml

from pipeline.paths import ROOT
from pipeline.report.make import TITLE
from pipeline.report.refresh import CHECKED

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
MOST_LINES, MEDIAN_LINES, WORDS_A_LINE, LONGEST_RUN = 12, 3, 8, 3
CELLS = (8, 15)
SECTIONS = {
    "02_deploy": ["The code: the Lambda function"],
    "03_send_events": ["The code: the mock event generator"],
    "04_query_stock": ["How events are processed, and how DynamoDB stays consistent"],
    "05_audit": [
        "The demonstration: consistent stock after a series of events",
        "Challenges faced, and the solutions",
    ],
    "06_flowchart": ["The flowchart"],
}

LONGEST_LINE = 104  # letters that a cell of JupyterLab shows beside its panels

every_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def written_cells(path: Path) -> list:
    """Leave out the cell that checks the parameters: `make notebooks` writes it, and readers need not read it."""
    cells = nbformat.read(path, as_version=4).cells
    return [cell for cell in cells if CHECKED not in cell.metadata.get("tags", [])]


def cells_of(path: Path, kind: str) -> list:
    return [cell for cell in written_cells(path) if cell.cell_type == kind]


def code_of(path: Path) -> list[str]:
    return [cell.source for cell in cells_of(path, "code")]


def prose_of(path: Path) -> str:
    return "\n\n".join(cell.source for cell in cells_of(path, "markdown"))


def lines_of(source: str) -> int:
    return sum(bool(line.strip()) for line in source.splitlines())


def words_of(markdown: str) -> int:
    without_code = re.sub(r"```.*?```", "", markdown, flags=re.DOTALL)
    return len(re.findall(r"\w[\w'’-]*", without_code))


def test_the_tutorial_is_whole() -> None:
    names = [path.stem for path in NOTEBOOKS]
    assert [name[:2] for name in names] == ["00", "01", "02", "03", "04", "05", "06", "07", "08", "99"]


@every_notebook
def test_there_are_neither_too_few_steps_nor_too_many(path: Path) -> None:
    assert CELLS[0] <= len(code_of(path)) <= CELLS[1]


@every_notebook
def test_a_cell_is_small(path: Path) -> None:
    lengths = [lines_of(source) for source in code_of(path)]
    assert max(lengths) <= MOST_LINES
    assert median(lengths) <= MEDIAN_LINES


@every_notebook
def test_a_line_of_code_can_be_seen_to_its_end(path: Path) -> None:
    lines = [line for source in code_of(path) for line in source.splitlines()]
    assert [line for line in lines if len(line) > LONGEST_LINE] == []


@every_notebook
def test_a_result_says_what_its_numbers_mean(path: Path) -> None:
    shown = [ast.parse(source).body[-1] for source in code_of(path)]
    assert [ast.unparse(it) for it in shown if isinstance(it, ast.Expr) and isinstance(it.value, ast.Tuple)] == []


@every_notebook
def test_prose_leads(path: Path) -> None:
    assert words_of(prose_of(path)) >= WORDS_A_LINE * sum(map(lines_of, code_of(path)))
    kinds = "".join(cell.cell_type[0] for cell in written_cells(path))
    assert kinds.startswith("m")
    assert max(map(len, re.findall("c+", kinds))) <= LONGEST_RUN


def test_no_notebook_has_the_title_of_the_report() -> None:
    titles = [cells_of(path, "markdown")[0].source.splitlines()[0].lower() for path in NOTEBOOKS]
    assert f"# {TITLE.lower()}" not in titles
    assert len(set(titles)) == len(titles)


@every_notebook
def test_it_says_what_the_reader_will_know_and_closes_with_an_exercise(path: Path) -> None:
    first, *_, last = cells_of(path, "markdown")
    assert first.source.startswith("# ")
    assert "At the end of this notebook" in prose_of(path)
    assert "## What was seen" in last.source
    assert "**Try it.**" in last.source
    assert "<details><summary>Solution</summary>" in last.source
    assert "</details>" in last.source


@every_notebook
def test_nothing_is_defined_in_a_cell(path: Path) -> None:
    for source in code_of(path):
        nodes = list(ast.walk(ast.parse(source)))  # a magic or a `!command` is no Python, and fails here
        assert not [node for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)]


@every_notebook
def test_it_ends_by_asserting_what_it_claimed(path: Path) -> None:
    last = ast.parse(code_of(path)[-1]).body
    assert last
    assert all(isinstance(statement, ast.Assert) for statement in last)


@every_notebook
def test_a_sentence_says_what_is_asserted_at_the_end(path: Path) -> None:
    assert len(cells_of(path, "markdown")[-1].source.partition("</details>")[2].split()) >= WORDS_A_LINE


@every_notebook
def test_its_imports_resolve(path: Path) -> None:
    for source in code_of(path):
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Import):
                for name in node.names:
                    importlib.import_module(name.name)
            elif isinstance(node, ast.ImportFrom):
                module = importlib.import_module(node.module or "")
                for name in node.names:
                    if not hasattr(module, name.name):
                        importlib.import_module(f"{node.module}.{name.name}")


@every_notebook
def test_it_knows_no_machine(path: Path) -> None:
    text = path.read_text("utf-8")
    for place in (r"/home/\w", r"/Users/\w", r"/root/", r"/tmp/", r"/work/", r"C:\\", r"127\.0\.0\.1:\d"):
        assert not re.search(place, text), place


@every_notebook
def test_its_links_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", prose_of(path)):
        assert target.startswith("https://") or (path.parent / target).exists(), target


@pytest.mark.parametrize(("name", "headings"), SECTIONS.items(), ids=SECTIONS)
def test_the_deliverables_are_found_by_name(name: str, headings: list[str]) -> None:
    found = re.findall(r"^## (.*)$", prose_of(ROOT / "notebooks" / f"{name}.ipynb"), re.MULTILINE)
    assert set(headings) <= set(found)


def test_every_requirement_is_backed_by_a_check() -> None:
    groups = yaml.safe_load((ROOT / "report" / "deliverables.yaml").read_text())
    asked = {requirement["id"] for group in groups for requirement in group["requirements"]}
    code = "\n".join(source for path in NOTEBOOKS for source in code_of(path))
    assert not {each for each in asked if f'"{each}"' not in code}
