"""The report of the notebooks as they are committed."""

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from nbformat import NotebookNode

from pipeline.paths import ROOT
from pipeline.report import make
from pipeline.report.run import NotebookRun

NOTEBOOKS = ROOT / "notebooks"
FACTS = {
    "when": "2026-05-01T12:00:00+00:00", "commit": "0123456", "has_changes": True, "cloud": "local",
    "date": "1 May 2026", "time": "12:00", "python": "3.13", "duration": "9 seconds", "system": "Linux",
    "parameter_list": [("seed", "7")], "versions": {"boto3": "1.43"},
}  # fmt: skip


def committed_report(runs: Iterable[NotebookRun] = ()) -> tuple[NotebookNode, dict[str, Any]]:
    """Bind the committed notebooks, as if they had been run like this; by default all of them, without a failure."""
    all_of_them = [NotebookRun(path.stem, 1.0) for path in sorted(NOTEBOOKS.glob("*.ipynb"))]
    facts = {**FACTS, "notebooks": [asdict(run) for run in list(runs) or all_of_them]}
    return make.bind(facts, make.read_notebooks(facts["notebooks"], NOTEBOOKS))
