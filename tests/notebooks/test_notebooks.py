"""The committed outputs are true: every notebook is run again, in order and alone, and says the same.

`nbval` compares each output with the committed one, except in cells tagged `nbval-ignore-output` (times and places).
The notebooks in order are copies, each with the solution of its exercise as a last cell; some come twice. All run in a
cloud of their own, whatever runs elsewhere: `notebooks/conftest.py` sees to that.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell

from pipeline.paths import ROOT
from pipeline.report.run import NEED_NO_STACK
from tests.notebooks.solutions import solution_of
from tests.repository import readme

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
TWICE = {  # as what else a notebook is run: the stack is there already, or there is neither stack nor cloud
    "01_provision": "90_provision_with_the_stack_there",
    "02_deploy": "91_deploy_with_the_stack_there",
    "99_teardown": "99_teardown_with_nothing_there",
}
IN_ORDER, WITHOUT_STACK = "in_order", "without_a_stack"  # runs of several notebooks
ALONE = ("03_send_events", "04_query_stock", "05_audit")  # the others make all that they need in order, too
*AS_IN_README, _ = shlex.split(readme.the_one_with("--nbval"))[1:]
AT_ONCE = 3  # most of a run is waiting
LONGEST_CELL_SECONDS, LONGEST_RUN_SECONDS = 180, 600

Done = subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Future]]:
    """Start all the runs that are asked for, a few at a time."""
    asked = [item.callspec.params["name"] for item in request.session.items if "name" in _params(item)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield {name: pool.submit(run_again, name, tmp_path_factory.mktemp(name)) for name in asked}


def _params(item: pytest.Item) -> dict:
    is_ours = getattr(item, "originalname", "") == "test_run_again_it_says_what_is_committed"
    return item.callspec.params if is_ours else {}  # type: ignore[attr-defined]


def run_again(name: str, folder: Path) -> tuple[Done, int, list[Path]]:
    """Run one notebook, or all in order, with nbval.

    Returns:
        How it ended, how many cells it should have run, and what it left in the folders that were given to it.
    """
    state_dir, temporary = folder / "state", folder / "tmp"
    temporary.mkdir()
    several = name in (IN_ORDER, WITHOUT_STACK)
    path = copies(folder / "notebooks", name) if several else ROOT / "notebooks" / f"{name}.ipynb"
    command = [sys.executable, *AS_IN_README, "-q", "-p", "no:cacheprovider", "--nbval-current-env"]
    command += ["-c", str(ROOT / "pyproject.toml"), "--nbval-cell-timeout", str(LONGEST_CELL_SECONDS), str(path)]
    env = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PYTEST_"))} | {
        "INVENTORY_STATE_DIR": str(state_dir),
        "TMPDIR": str(temporary),
        "PY_COLORS": "0",
        "IPYTHONDIR": str(folder / "ipython"),  # not the person's own profile
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=LONGEST_RUN_SECONDS)
    notebooks = sorted(path.glob("*.ipynb")) if path.is_dir() else [path]
    left = [*state_dir.glob("*"), *temporary.glob("inventory-*")]
    return done, sum(len(code_cells(each)) for each in notebooks), left


def copies(folder: Path, run: str) -> Path:
    """Copy the notebooks of a run, in order, with the solutions of their exercises as their last cells."""
    folder.mkdir()
    shutil.copy(ROOT / "notebooks" / "conftest.py", folder)
    for path in (path for path in NOTEBOOKS if (path.stem in NEED_NO_STACK) == (run == WITHOUT_STACK)):
        notebook = nbformat.read(path, as_version=4)
        solution = solution_of(notebook.cells[-2].source)
        assert solution, f"{path.name}: the exercise before the last cell has no solution that can be run"
        notebook.cells.append(new_code_cell(solution))
        for name in filter(None, (path.stem, TWICE.get(path.stem))):
            nbformat.write(notebook, folder / f"{name}.ipynb")
    return folder


def code_cells(path: Path) -> list:
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]


@pytest.mark.parametrize("name", [IN_ORDER, WITHOUT_STACK, *ALONE])
def test_run_again_it_says_what_is_committed(name: str, running: dict[str, Future]) -> None:
    done, cells, left = running[name].result()
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    [passed] = re.findall(r"(\d+) passed", done.stdout)
    assert int(passed) == cells, "each cell is a test of its own"
    assert left == [], "a reader's own cloud is not touched, and nothing stays in the temporary folder"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_its_outputs_are_committed(path: Path) -> None:
    """Without outputs there is nothing to compare, and nbval would be content."""
    cells = code_cells(path)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert sum(bool(cell.outputs) for cell in cells) >= 3
    ignored = [cell for cell in cells if "nbval-ignore-output" in cell.metadata.get("tags", [])]
    assert len(ignored) <= len(cells) / 3
