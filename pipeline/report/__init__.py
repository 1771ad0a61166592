"""The report: notebooks executed end to end, and rendered as one HTML file and one PDF.

For notebooks: `from pipeline.notebook import check, code, figure, style, table`. All they show is in both files.
A cell's tags say what the report leaves out: `hide-input` its code, `remove-output` what it shows, `remove-cell` both.
On paper, the parameters and cells that only import or show a check, code or a figure appear without their code.
A figure that is updated while events stream is saved in its last state; tag its cell `nbval-ignore-output`, because
nbval does not follow updates.

For the command line: `make_report`. `python -m pipeline.report.refresh` runs the notebooks in place.
"""

from collections.abc import Mapping
from pathlib import Path

from pipeline.paths import ROOT
from pipeline.report.model import ReportResult

__all__ = ["ReportResult", "make_report"]

NOTEBOOKS, BUILD = ROOT / "notebooks", ROOT / "report" / "build"


def make_report(
    parameters: Mapping[str, object] | None = None,
    notebooks_dir: Path = NOTEBOOKS,
    build_dir: Path = BUILD,
    *,
    deliverables: Path = ROOT / "report" / "deliverables.yaml",
) -> ReportResult:
    """Run the notebooks in order and write `report.html` and `report.pdf`; both are written even when something failed.

    Args:
        parameters: those of `pipeline.notebook.parameters` that are to differ from their defaults.
        notebooks_dir: where the notebooks are.
        build_dir: where the report and the executed copies of the notebooks go.
        deliverables: the requirements and their ids.

    Returns:
        The files, the seconds each notebook took, and what failed. No failures: every notebook ran, every check held.

    Raises:
        WrongUsageError: a parameter is not known, or not of its type, or out of bounds; nothing was run.
        UserError: nothing could be made, for the reason given in one line.
    """
    from pipeline.report import make

    return make.make(parameters or {}, notebooks_dir, build_dir, deliverables)
