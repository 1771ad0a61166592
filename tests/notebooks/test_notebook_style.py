"""How a notebook talks: prose leads, cells are small, and every claim is asserted."""

import ast
import importlib
import re
from collections.abc import Callable
from pathlib import Path
from statistics import median

import nbformat
import pytest
import yaml
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from pipeline.paths import ROOT
from pipeline.report.make import TITLE
from pipeline.report.plan import TAGS
from pipeline.report.refresh import CHECKED

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
MOST_LINES, MEDIAN_LINES, WORDS_A_LINE, LONGEST_RUN = 14, 5, 8, 4
CELLS = (8, 18)  # a sentence with values of the run in it is a cell, too
SECTIONS = {
    "02_deploy": ["The code: the Lambda function"],
    "03_send_events": ["The code: the mock event generator"],
    "04_query_stock": ["How events are processed, and how DynamoDB stays consistent"],
    "05_audit": [
        "The demonstration: consistent stock after a series of events",
        "Challenges faced, and the solutions",
    ],
    "07_flowchart": ["The flowchart"],
}

CLOSING = ["## Summary", "**Try it.**", "<details><summary>Solution</summary>", "</details>"]
IS_PROSE = re.compile(r'f?"[^"]*",?|\)|sentence\(')
LONGEST_LINE = 104  # letters that a cell of JupyterLab shows beside its panels


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
    """Count lines of code: words that a cell shows, and what closes their call, are none."""
    return sum(bool(line.strip()) and not IS_PROSE.fullmatch(line.strip()) for line in source.splitlines())


def words_of(markdown: str) -> int:
    without_code = re.sub(r"```.*?```", "", markdown, flags=re.DOTALL)
    return len(re.findall(r"\w[\w'’-]*", without_code))


def test_the_tutorial_is_whole() -> None:
    names = [path.stem for path in NOTEBOOKS]
    assert [name[:2] for name in names] == ["00", "01", "02", "03", "04", "05", "06", "07", "08", "09", "99"]


# ── Rules: each returns what is wrong with one notebook ──


def too_few_or_too_many_steps(path: Path) -> list[str]:
    steps = len(code_of(path))
    return [] if CELLS[0] <= steps <= CELLS[1] else [f"{steps} code cells"]


def large_cells(path: Path) -> list[str]:
    lengths = [lines_of(source) for source in code_of(path)]
    usual = [f"half of the cells have more than {MEDIAN_LINES} lines"] if median(lengths) > MEDIAN_LINES else []
    return usual + [f"a cell of {length} lines" for length in lengths if length > MOST_LINES]


def long_lines(path: Path) -> list[str]:
    lines = [line for source in code_of(path) for line in source.splitlines()]
    return [line for line in lines if len(line) > LONGEST_LINE]


def bare_tuples(path: Path) -> list[str]:
    """Results that do not say what their numbers mean."""
    last = [ast.parse(source).body[-1] for source in code_of(path)]
    return [ast.unparse(it) for it in last if isinstance(it, ast.Expr) and isinstance(it.value, ast.Tuple)]


def too_little_prose(path: Path) -> list[str]:
    kinds = "".join(cell.cell_type[0] for cell in written_cells(path))
    words, lines = words_of(prose_of(path)), sum(map(lines_of, code_of(path)))
    few = [f"{words} words for {lines} lines of code"] if words < WORDS_A_LINE * lines else []
    first = [] if kinds.startswith("m") else ["code comes first"]
    return (
        few + first + [f"{len(run)} code cells in a row" for run in re.findall("c+", kinds) if len(run) > LONGEST_RUN]
    )


def missing_parts(path: Path) -> list[str]:
    """What the reader will know, the summary, the exercise with its solution, and a sentence on what is asserted."""
    cells = cells_of(path, "markdown")
    first, last = cells[0], cells[-1]
    here = {
        "# ": first.source.startswith("# "),
        "At the end of this notebook": "At the end of this notebook" in prose_of(path),
    }
    here |= {part: part in last.source for part in CLOSING}
    asserted = last.source.partition("</details>")[2].split()
    return [part for part, is_here in here.items() if not is_here] + ["what is asserted"] * (
        len(asserted) < WORDS_A_LINE
    )


def definitions(path: Path) -> list[str]:
    nodes = [
        node for source in code_of(path) for node in ast.walk(ast.parse(source))
    ]  # a magic is no Python, and fails
    return [node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)]


def no_assertion_at_the_end(path: Path) -> list[str]:
    return [ast.unparse(it) for it in ast.parse(code_of(path)[-1]).body if not isinstance(it, ast.Assert)]


def imports_that_fail(path: Path) -> list[str]:
    names = []
    for node in [node for source in code_of(path) for node in ast.walk(ast.parse(source))]:
        if isinstance(node, ast.Import):
            names += [(alias.name, "") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names += [(node.module or "", alias.name) for alias in node.names]
    return [".".join(name) for name in names if not _resolves(*name)]


def _resolves(module: str, name: str) -> bool:
    try:
        if name and not hasattr(importlib.import_module(module), name):
            importlib.import_module(f"{module}.{name}")
        importlib.import_module(module)
    except ImportError:
        return False
    return True


def paths_of_a_machine(path: Path) -> list[str]:
    places = r"/home/\w+|/Users/\w+|/root/|/tmp/|/work/|\bC:\\|127\.0\.0\.1:\d+"
    return re.findall(places, path.read_text("utf-8"))


def dead_links(path: Path) -> list[str]:
    targets = re.findall(r"\]\(([^)#]+)[^)]*\)", prose_of(path))
    return [target for target in targets if not (target.startswith("https://") or (path.parent / target).exists())]


def cells_without_a_place(path: Path) -> list[str]:
    """Cells that do not say whether they go into the report's main text, into an appendix, or stay in the notebook."""
    cells = nbformat.read(path, as_version=4).cells
    return [cell.id for cell in cells if len(set(TAGS) & set(cell.metadata.get("tags", []))) != 1]


RULES: list[Callable[[Path], list[str]]] = [
    too_few_or_too_many_steps, large_cells, long_lines, bare_tuples, too_little_prose, missing_parts, definitions,
    no_assertion_at_the_end, imports_that_fail, paths_of_a_machine, dead_links, cells_without_a_place,
]  # fmt: skip


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_no_notebook_breaks_the_rule(rule: Callable[[Path], list[str]]) -> None:
    assert [f"{path.stem}: {offence}" for path in NOTEBOOKS for offence in rule(path)] == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_a_notebook_that_breaks_every_rule_is_found(rule: Callable[[Path], list[str]], tmp_path: Path) -> None:
    long_cell = [f"print({number})" for number in range(MOST_LINES)] + [f"name = {'x' * LONGEST_LINE!r}"]
    code = ["from pipeline import nothing", "def f(): ...", "\n".join(long_cell), "open('/home/me')", "1, 2"]
    cells = [new_code_cell(source) for source in code] + [new_markdown_cell("See [this](nowhere.md).")]
    nbformat.write(new_notebook(cells=cells), tmp_path / "bad.ipynb")
    assert rule(tmp_path / "bad.ipynb") != []


def test_no_notebook_has_the_title_of_the_report() -> None:
    titles = [cells_of(path, "markdown")[0].source.splitlines()[0].lower() for path in NOTEBOOKS]
    assert f"# {TITLE.lower()}" not in titles
    assert len(set(titles)) == len(titles)


def test_the_deliverables_are_found_by_name() -> None:
    headings = {
        name: re.findall(r"^## (.*)$", prose_of(ROOT / "notebooks" / f"{name}.ipynb"), re.MULTILINE)
        for name in SECTIONS
    }
    assert [title for name, titles in SECTIONS.items() for title in titles if title not in headings[name]] == []


def test_every_requirement_is_backed_by_a_check() -> None:
    groups = yaml.safe_load((ROOT / "report" / "deliverables.yaml").read_text())
    requirements = {requirement["id"] for group in groups for requirement in group["requirements"]}
    code = "\n".join(source for path in NOTEBOOKS for source in code_of(path))
    assert not {requirement for requirement in requirements if f'"{requirement}"' not in code}
