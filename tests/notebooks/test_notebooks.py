"""The committed outputs are true: every notebook is run again, in order and alone, and says the same.

`nbval` compares each output with the committed one, except in cells tagged `nbval-ignore-output` (times and places).
Every run has a cloud of its own, in a temporary folder: a cloud that you run is not touched.
"""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import nbformat
import pytest

from pipeline.paths import ROOT
from tests.repository import readme

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
NEED_NO_CLOUD = ("06_flowchart", "07_proof", "08_scale_and_cost")
NEED_NO_CLOUD_OR_ARE_FIRST = ("00_overview", "01_provision", *NEED_NO_CLOUD)  # in order is alone, for these
RUNS = {
    "in_order": NOTEBOOKS,
    **{f"{path.stem}_alone": [path] for path in NOTEBOOKS if path.stem not in NEED_NO_CLOUD_OR_ARE_FIRST},
}
_, *AS_IN_README, ALL = shlex.split(readme.the_one_with("--nbval"))  # in order, they are run as the page says
AT_ONCE = 3  # most of a run is waiting
LONGEST_CELL_SECONDS, LONGEST_RUN_SECONDS = 180, 600

Done = subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Future]]:
    """Start all the runs that are asked for, a few at a time, each in a cloud of its own."""
    asked = [item.callspec.params["name"] for item in request.session.items if "name" in _params(item)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield {name: pool.submit(run_again, RUNS[name], tmp_path_factory.mktemp(name)) for name in asked}


def _params(item: pytest.Item) -> dict:
    is_ours = getattr(item, "originalname", "") == "test_run_again_it_says_what_is_committed"
    return item.callspec.params if is_ours else {}  # type: ignore[attr-defined]


def run_again(notebooks: list[Path], state_dir: Path) -> tuple[Done, list[Path]]:
    """Run notebooks with nbval, one after the other, in one fresh cloud; return also what they left there."""
    command = [sys.executable, *AS_IN_README, "-q", "-p", "no:cacheprovider", "--nbval-current-env"]
    command += ["--nbval-cell-timeout", str(LONGEST_CELL_SECONDS)]
    command += [ALL] if notebooks == NOTEBOOKS else map(str, notebooks)
    env = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PYTEST_"))} | {
        "INVENTORY_STATE_DIR": str(state_dir),
        "IPYTHONDIR": str(state_dir / "ipython"),  # not the person's own profile
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }
    try:
        done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=LONGEST_RUN_SECONDS)
        left = [*state_dir.glob("checkpoints"), *state_dir.glob("sent/*")]
    finally:
        subprocess.run([sys.executable, "-m", "pipeline", "down", "--all"], cwd=ROOT, env=env, check=True, timeout=120)
    return done, left


def code_cells(path: Path) -> list:
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]


@pytest.mark.parametrize("name", RUNS)
def test_run_again_it_says_what_is_committed(name: str, running: dict[str, Future]) -> None:
    done, left = running[name].result()
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    [passed] = re.findall(r"(\d+) passed", done.stdout)
    assert int(passed) == sum(len(code_cells(path)) for path in RUNS[name])  # each cell is a test of its own
    assert not left or RUNS[name][-1].stem != "99_teardown"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_its_outputs_are_committed(path: Path) -> None:
    """Without outputs there is nothing to compare, and nbval would be content."""
    cells = code_cells(path)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert sum(bool(cell.outputs) for cell in cells) >= 3
    ignored = [cell for cell in cells if "nbval-ignore-output" in cell.metadata.get("tags", [])]
    assert len(ignored) <= len(cells) / 3
