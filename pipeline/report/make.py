"""From notebooks to a report: run, read, check, write."""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from pipeline.errors import UserError, WrongUsageError
from pipeline.notebook.parameters import read
from pipeline.notebook.show import TEMPLATE
from pipeline.paths import ROOT
from pipeline.report import deliverables, facts, html, pdf, run
from pipeline.report.document import chapters_of, checks_of
from pipeline.report.model import Chapter, Document, NotebookRun, ReportResult, walk

TITLE = "A Real-Time Inventory Pipeline"
SUBTITLE = (
    "Product events flow from Kinesis through an EventBridge pipe and a Lambda projector into DynamoDB: "
    "provisioned, run, and audited by the notebooks in this report."
)


def make(given: Mapping[str, object], notebooks_dir: Path, build_dir: Path, requirements: Path) -> ReportResult:
    """Run the notebooks and write the report; see `pipeline.report.make_report`."""
    notebooks = run.find_notebooks(notebooks_dir)
    parameters = _read(given)
    deliverables.load(requirements)  # refused now rather than after minutes of work
    executed = _prepare(build_dir)
    runs = run.execute_all(notebooks, parameters, executed)
    found = facts.collect(parameters, runs, ROOT)
    _write(build_dir / "run.json", json.dumps(found, indent=2, default=str).encode())
    return render(build_dir, requirements)


def _read(given: Mapping[str, object]) -> dict[str, Any]:
    """Return all parameters; refuse also a story that would take too long to send."""
    parameters = read(given)
    events, rate = parameters.event_count, parameters.rate
    if rate and events / rate > run.LONGEST_CELL_SECONDS:
        raise WrongUsageError(
            f"{events:,} events at {rate:,} a second take longer than the {run.LONGEST_CELL_SECONDS:,} s that a cell "
            "may take: raise the parameter rate, or set it to 0 (as fast as it goes)"
        )
    return parameters.model_dump()


def _prepare(build_dir: Path) -> Path:
    """Make the folder of executed copies, and clear what an earlier run left in it."""
    executed = build_dir / "notebooks"
    try:
        executed.mkdir(parents=True, exist_ok=True)
        for old in executed.glob("*.ipynb"):
            old.unlink()
    except OSError as problem:
        raise UserError(f"cannot write to {build_dir}: {problem.strerror}") from None
    return executed


def render(build_dir: Path, requirements: Path = ROOT / "report" / "deliverables.yaml") -> ReportResult:
    """Write the report of the last run again, from its executed notebooks."""
    try:
        found = json.loads((build_dir / "run.json").read_text("utf-8"))
    except FileNotFoundError:
        raise UserError(f"there is no run in {build_dir} to render") from None
    document = assemble(found, build_dir / "notebooks", requirements)
    page, paper = build_dir / "report.html", build_dir / "report.pdf"
    _write(page, html.render(document, TEMPLATE).encode())
    _write(paper, pdf.render(document, TEMPLATE))
    notebooks = [{"name": each["name"], "seconds": each["seconds"]} for each in found["notebooks"]]
    return ReportResult(page, paper, notebooks, document.failures)


def assemble(found: dict[str, Any], executed: Path, requirements: Path) -> Document:
    """Read executed notebooks as one document, and gather what failed."""
    runs = [NotebookRun(**each) for each in found["notebooks"]]
    chapters, dead_links = chapters_of(runs, executed, ROOT)
    checks = checks_of(chapters)
    page, unbacked = deliverables.page(deliverables.load(requirements), checks, chapters)
    broken = [f"{each.name} failed: {each.error}" for each in runs if each.error]
    broken += [f"{each.name} was not run" for each in runs if each.skipped]
    return Document(TITLE, SUBTITLE, _told(found, chapters), chapters, checks, page, broken + unbacked + dead_links)


def _told(found: dict[str, Any], chapters: Iterable[Chapter]) -> dict[str, Any]:
    """Add to the facts what a reader sees of them."""
    when = datetime.fromisoformat(found["when"])
    seconds = sum(each["seconds"] for each in found["notebooks"])
    errors = [node["id"] for chapter in chapters for node in walk(chapter.blocks) if node["type"] == "error"]
    return found | {
        "date": f"{when.day} {when:%B %Y}",
        "time": f"{when:%H:%M}",
        "duration": f"{seconds:.0f} seconds" if seconds < 120 else f"{seconds / 60:.1f} minutes",
        "parameter_list": [(name, _value(value)) for name, value in found["parameters"].items()],
        "error_id": errors[0] if errors else "",
    }


def _value(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) and value >= 1000 else str(value)


def _write(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_bytes(content)
        part.replace(path)
    except OSError as problem:
        raise UserError(f"cannot write {path}: {problem.strerror}") from None
