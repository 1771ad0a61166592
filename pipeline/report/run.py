"""The notebooks, executed in order by papermill in this environment's own Python."""

import os
import shutil
import sys
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from time import monotonic
from typing import Any

import nbformat
import papermill
from tqdm import tqdm
from traitlets.config import Config

from pipeline.errors import UserError
from pipeline.paths import ROOT

NOTEBOOKS = ROOT / "notebooks"
TEARDOWN = "99_teardown"
NEED_NO_STACK = ("00_overview", "07_flowchart", "08_proof", "09_scale_and_cost")  # run beside those that do
LONGEST_CELL_SECONDS = 600
BAR = "{desc:<20} {bar:24} {n_fmt:>3}/{total_fmt} cells  {elapsed}"  # where nobody watches, a line at the end is enough
CONFIG = Config(
    {
        "KernelManager": {"transport_encryption": "auto"},  # silences a warning about plain TCP
        # A kernel is interrupted before it is shut down, and may log that as an error. What a cell raises is an output.
        "NotebookClient": {"extra_arguments": ["--IPKernelApp.log_level=CRITICAL"]},
    }
)


@dataclass(frozen=True)
class NotebookRun:
    """What became of one notebook: `error` is empty when all of its cells ran."""

    name: str
    seconds: float
    error: str = ""
    skipped: bool = False

    @property
    def ok(self) -> bool:
        """Say whether it ran to its end."""
        return not self.error and not self.skipped


def find_notebooks(folder: Path) -> list[Path]:
    """List the notebooks to run, in the order of their numbers."""
    notebooks = sorted(folder.glob("[0-9][0-9]_*.ipynb"))
    if not notebooks:
        raise UserError(f"there are no notebooks in {folder}")
    return notebooks


def execute_all(
    notebooks: Sequence[Path], given: Mapping[str, Any], into: Path, *, cell_seconds: int = LONGEST_CELL_SECONDS
) -> list[NotebookRun]:
    """Execute notebooks in order; after a failure or an interruption only the teardown still runs.

    Those that need no stack run beside the others, one at a time: the others wait for the cloud for most of their time.

    Args:
        notebooks: the notebooks, as committed; they are not changed.
        given: the parameters to pass to each; the others have the values that stand in the notebook.
        into: where the executed copies go.
        cell_seconds: a cell that takes longer has failed.

    Returns:
        What became of each notebook, in the order given.
    """
    stop = Event()

    def execute(notebook: Path) -> NotebookRun:
        if stop.is_set() and notebook.stem != TEARDOWN:
            return _skip(notebook, into)
        run = _execute(notebook, given, into, cell_seconds)
        if not run.ok:
            stop.set()
        return run

    runs: dict[Path, NotebookRun] = {}
    in_order = [notebook for notebook in notebooks if notebook.stem not in NEED_NO_STACK]
    with _quiet_kernels(), ThreadPoolExecutor(1) as pool:
        beside = {notebook: pool.submit(execute, notebook) for notebook in notebooks if notebook not in in_order}
        try:
            for notebook in in_order:
                runs[notebook] = execute(notebook)
            for notebook, future in beside.items():
                runs[notebook] = future.result()
        except KeyboardInterrupt:  # leave nothing behind that the notebooks made
            stop.set()
            for notebook in in_order:
                if notebook.stem == TEARDOWN and notebook not in runs:
                    _execute(notebook, given, into, cell_seconds)
            raise
    return [runs[notebook] for notebook in notebooks]


def _skip(notebook: Path, into: Path) -> NotebookRun:
    tqdm.write(f"{notebook.stem:<20} {'':>9}  not run", file=sys.stderr)
    shutil.copy(notebook, into)
    return NotebookRun(notebook.stem, 0.0, skipped=True)


def _execute(notebook: Path, given: Mapping[str, Any], into: Path, cell_seconds: int) -> NotebookRun:
    copy, started, error = into / notebook.name, monotonic(), ""
    bar = {"desc": notebook.stem, "bar_format": BAR, "leave": False, "file": sys.stderr}
    try:
        papermill.execute_notebook(
            str(notebook),
            str(copy),
            parameters=dict(given),
            kernel_name="python3",
            progress_bar=bar if sys.stderr.isatty() else False,
            execution_timeout=cell_seconds,
            cwd=str(notebook.parent),
            config=CONFIG,
        )
    except Exception as problem:  # whatever stops a notebook, the report is still made and says so
        error = _in_one_line(problem)
    run = NotebookRun(notebook.stem, round(monotonic() - started, 1), error or _left_early(copy))
    outcome = f"FAILED: {run.error}" if run.error else "done"
    tqdm.write(f"{run.name:<20} {run.seconds:6.1f} s  {outcome}", file=sys.stderr)
    return run


def _in_one_line(problem: Exception) -> str:
    name, message = getattr(problem, "ename", type(problem).__name__), getattr(problem, "evalue", str(problem))
    if name == "CellTimeoutError":
        return "a cell took longer than allowed"
    return " ".join(f"{name}: {message}".split())[:300].rstrip(": ")


def _left_early(copy: Path) -> str:
    """Find what papermill lets pass: `sys.exit(0)` in a cell."""
    cells = nbformat.read(copy, as_version=4).cells if copy.is_file() else []
    errors = (output for cell in cells for output in cell.get("outputs", ()) if output.output_type == "error")
    return next((f"{error.ename}: {error.evalue}".rstrip(": ") for error in errors), "")


@contextmanager
def _quiet_kernels() -> Iterator[None]:
    """Run kernels from this environment, untouched by the person's own Jupyter, IPython and matplotlib settings."""
    with tempfile.TemporaryDirectory() as profile, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        environment = {
            "JUPYTER_PATH": str(Path(sys.prefix) / "share" / "jupyter"),
            "IPYTHONDIR": profile,
            "MPLBACKEND": "module://matplotlib_inline.backend_inline",
            "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        }
        before = dict(os.environ)
        os.environ.update(environment)
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)
