"""The notebooks, executed in order by papermill in this environment's own Python."""

import os
import sys
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any

import nbformat
import papermill
from tqdm import tqdm
from traitlets.config import Config

from pipeline.errors import UserError
from pipeline.report.model import NotebookRun

TEARDOWN = "99_teardown"
LONGEST_CELL_SECONDS = 600
CONFIG = Config(
    {
        "KernelManager": {"transport_encryption": "auto"},  # silences a warning about plain TCP
        # A kernel is interrupted before it is shut down, and may log that as an error. What a cell raises is an output.
        "NotebookClient": {"extra_arguments": ["--IPKernelApp.log_level=CRITICAL"]},
    }
)


def find_notebooks(folder: Path) -> list[Path]:
    """List the notebooks to run, in the order of their numbers."""
    found = sorted(folder.glob("[0-9][0-9]_*.ipynb"))
    if not found:
        raise UserError(f"there are no notebooks in {folder}")
    return found


def execute_all(
    notebooks: Sequence[Path], given: Mapping[str, Any], into: Path, *, cell_seconds: int = LONGEST_CELL_SECONDS
) -> list[NotebookRun]:
    """Execute notebooks in order; after a failure only the teardown still runs.

    Args:
        notebooks: the notebooks, as committed; they are not changed.
        given: the parameters to pass to each; the others have the values that stand in the notebook.
        into: where the executed copies go.
        cell_seconds: a cell that takes longer has failed.

    Returns:
        What became of each notebook.
    """
    runs: list[NotebookRun] = []
    with _quiet_kernels():
        try:
            for notebook in notebooks:
                is_broken = any(not run.ok for run in runs)
                if is_broken and notebook.stem != TEARDOWN:
                    runs.append(_skip(notebook, into))
                else:
                    runs.append(_execute(notebook, given, into, cell_seconds))
        except KeyboardInterrupt:
            _tear_down(notebooks, runs, given, into, cell_seconds)
            raise
    return runs


def _tear_down(
    notebooks: Sequence[Path], runs: list[NotebookRun], given: Mapping[str, Any], into: Path, cell_seconds: int
) -> None:
    """After an interruption: leave nothing behind that the notebooks made."""
    started = len(runs) > 0
    for notebook in notebooks:
        if notebook.stem == TEARDOWN and started and notebook.stem not in {run.name for run in runs}:
            _execute(notebook, given, into, cell_seconds)


def _skip(notebook: Path, into: Path) -> NotebookRun:
    _report_line(notebook.stem, "not run")
    (into / notebook.name).write_bytes(notebook.read_bytes())
    return NotebookRun(notebook.stem, 0.0, skipped=True)


def _execute(notebook: Path, given: Mapping[str, Any], into: Path, cell_seconds: int) -> NotebookRun:
    copy, started, error = into / notebook.name, monotonic(), ""
    with _progress(notebook.stem) as bar:
        try:
            papermill.execute_notebook(
                str(notebook),
                str(copy),
                parameters=dict(given),
                kernel_name="python3",
                progress_bar=bar,
                execution_timeout=cell_seconds,
                cwd=str(notebook.parent),
                config=CONFIG,
            )
        except Exception as problem:  # whatever stops a notebook, the report is still made and says so
            error = _in_one_line(problem)
    seconds = round(monotonic() - started, 1)
    run = NotebookRun(notebook.stem, seconds, error or _left_early(copy))
    _report_line(run.name, "done" if run.ok else f"FAILED: {run.error}", seconds)
    return run


def _in_one_line(problem: Exception) -> str:
    name, message = getattr(problem, "ename", type(problem).__name__), getattr(problem, "evalue", str(problem))
    if name == "CellTimeoutError":
        return "a cell took longer than allowed"
    return " ".join(f"{name}: {message}".split())[:300].rstrip(": ")


def _left_early(copy: Path) -> str:
    """Find what papermill lets pass: `sys.exit(0)` in a cell."""
    for cell in nbformat.read(copy, as_version=4).cells if copy.is_file() else []:
        for output in cell.get("outputs", ()):
            if output.output_type == "error":
                return f"{output.ename}: {output.evalue}".rstrip(": ")
    return ""


@contextmanager
def _progress(name: str) -> Iterator[Any]:
    """Show cells as they run; where nobody watches, one line at the end is enough."""
    bar_format = "{desc:<20} {bar:24} {n_fmt:>3}/{total_fmt} cells  {elapsed}"
    watched = sys.stderr.isatty()
    yield {"desc": name, "bar_format": bar_format, "leave": False, "file": sys.stderr} if watched else False


def _report_line(name: str, outcome: str, seconds: float | None = None) -> None:
    took = "" if seconds is None else f"{seconds:6.1f} s"
    tqdm.write(f"{name:<20} {took:>9}  {outcome}", file=sys.stderr)


@contextmanager
def _quiet_kernels() -> Iterator[None]:
    """Run kernels from this environment, untouched by the person's own Jupyter and IPython settings."""
    with tempfile.TemporaryDirectory() as profile, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ours = {
            "JUPYTER_PATH": str(Path(sys.prefix) / "share" / "jupyter"),
            "IPYTHONDIR": profile,
            "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        }
        before = {name: os.environ.get(name) for name in ours}
        os.environ.update(ours)
        try:
            yield
        finally:
            for name, value in before.items():
                os.environ.pop(name) if value is None else os.environ.update({name: value})
