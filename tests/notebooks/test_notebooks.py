"""The committed outputs are true: every notebook is run again, and says the same.

`nbval` compares each output with the committed one, except in cells tagged `nbval-ignore-output` (times and places).
All runs have a cloud of their own, in a temporary folder: a cloud that you run is not touched.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from pipeline.cloud import ROOT

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
ALONE = [path for path in NOTEBOOKS if path.stem not in ("00_overview", "01_provision", "06_flowchart")]
LONGEST_CELL_SECONDS, LONGEST_RUN_SECONDS = 180, 600


@pytest.fixture
def state_dir(tmp_path: Path):
    yield tmp_path
    subprocess.run([sys.executable, "-m", "pipeline", "down"], env=environment(tmp_path), check=True, timeout=120)


def environment(state_dir: Path) -> dict[str, str]:
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PYTEST_"))},
        "INVENTORY_STATE_DIR": str(state_dir),
        "IPYTHONDIR": str(state_dir / "ipython"),  # not the person's own profile
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }


def run_again(notebooks: list[Path], state_dir: Path) -> str:
    """Run notebooks with nbval, in order, in one cloud; return what pytest says."""
    command = [
        *(sys.executable, "-m", "pytest", "--nbval", "--nbval-current-env", "-p", "no:cacheprovider", "-q"),
        *("--nbval-cell-timeout", str(LONGEST_CELL_SECONDS), *map(str, notebooks)),
    ]
    done = subprocess.run(
        command, cwd=ROOT, env=environment(state_dir), capture_output=True, text=True, timeout=LONGEST_RUN_SECONDS
    )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    return done.stdout


def code_cells(path: Path) -> list:
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]


def test_in_order_they_say_what_is_committed(state_dir: Path) -> None:
    said = run_again(NOTEBOOKS, state_dir)
    [passed] = re.findall(r"(\d+) passed", said)
    assert int(passed) == sum(len(code_cells(path)) for path in NOTEBOOKS)  # each cell is a test of its own
    assert not list((state_dir / "sent").iterdir())


@pytest.mark.parametrize("path", ALONE, ids=lambda path: path.stem)
def test_alone_in_a_fresh_cloud_it_says_the_same(path: Path, state_dir: Path) -> None:
    run_again([path], state_dir)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_its_outputs_are_committed(path: Path) -> None:
    """Without outputs there is nothing to compare, and nbval would be content."""
    cells = code_cells(path)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert sum(bool(cell.outputs) for cell in cells) >= 3
    ignored = [cell for cell in cells if "nbval-ignore-output" in cell.metadata.get("tags", [])]
    assert len(ignored) <= len(cells) / 3
