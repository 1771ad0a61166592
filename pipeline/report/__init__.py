"""The report: notebooks executed end to end, and rendered as one HTML file and one PDF.

For notebooks: `from pipeline.notebook import check, code, figure, style, table`. All they show is in both files.
A cell's tags say what the report leaves out: `hide-input` its code, `remove-output` what it shows, `remove-cell` both.
On paper, the parameters and cells that only import or show a check, code or a figure appear without their code.
A figure that is updated while events stream is saved in its last state; tag its cell `nbval-ignore-output`, because
nbval does not follow updates.

For the command line: `make_report`. `python -m pipeline.report.refresh` runs the notebooks in place.
"""

from pipeline.report.make import ReportResult, make_report

__all__ = ["ReportResult", "make_report"]
