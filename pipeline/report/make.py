"""From notebooks to a report: run them, bind them into one, write it as HTML and as PDF."""

import json
import sys
from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from nbformat.v4 import new_markdown_cell, new_notebook
from tqdm import tqdm

from pipeline.errors import WrongUsageError
from pipeline.notebook.parameters import read
from pipeline.paths import ROOT
from pipeline.provisioning import deployment
from pipeline.report import deliverables, evidence, facts, front, plan, references, run
from pipeline.report.exporters import InventoryHTML, InventoryPDF, NotebookPage
from pipeline.report.links import BESIDE, Spot, anchor, slug
from pipeline.report.outline import chapter_cell

BUILD, REQUIREMENTS = ROOT / "report" / "build", ROOT / "report" / "deliverables.yaml"
TITLE = "A Real-Time Inventory Pipeline"
SUBTITLE = (
    "Product events flow from Kinesis through an EventBridge pipe and a Lambda projector into DynamoDB: "
    "provisioned, run, and audited by the notebooks in this report."
)


@dataclass(frozen=True)
class ReportResult:
    """What `make_report` hands back. `failures` is empty when all notebooks ran and every check passed."""

    html: Path
    pdf: Path
    notebooks: list[dict[str, Any]]
    failures: list[str]


def make_report(
    parameters: Mapping[str, object] | None = None,
    notebooks_dir: Path = run.NOTEBOOKS,
    build_dir: Path = BUILD,
    *,
    requirements: Path = REQUIREMENTS,
) -> ReportResult:
    """Run the notebooks in order and write the report as HTML and as PDF, also when something failed.

    Args:
        parameters: those of `pipeline.notebook.parameters` that are to differ from their defaults.
        notebooks_dir: where the notebooks are.
        build_dir: where the report and the executed copies of the notebooks go.
        requirements: the requirements and their ids.

    Returns:
        The files, the seconds each notebook took, and what failed. No failures: every notebook ran, every check held.

    Raises:
        WrongUsageError: a parameter is not known, or not of its type, or out of bounds; nothing was run.
        UserError: nothing could be made, for the reason given in one line.
        OSError: a file could not be written.
    """
    notebooks = run.find_notebooks(notebooks_dir)
    asked = _read(parameters or {})
    deployment.must_not_be_there(asked["cloud"], asked["stack_name"])
    deliverables.load(requirements)  # refused now rather than after minutes of work
    runs = run.execute_all(notebooks, asked, _prepare(build_dir))
    _write(build_dir / "run.json", json.dumps(facts.collect(asked, runs), indent=2, default=str).encode())
    return render(build_dir, requirements)


def render(build_dir: Path, requirements: Path = REQUIREMENTS) -> ReportResult:
    """Write the report of the last run again, from its executed notebooks.

    What failed gets a name of its own, so that the last report without a failure stays.
    """
    bound, known = read_run(build_dir, requirements)
    page, resources = InventoryHTML().from_notebook_node(bound, known)
    paper, _ = InventoryPDF().from_notebook_node(bound, known)
    failures = resources["problems"]
    good, failed = build_dir / "report.html", build_dir / "report-failed.html"
    html = failed if failures else good
    for old in (failed, failed.with_suffix(".pdf")):
        old.unlink(missing_ok=True)
    _write(html, page.encode())
    _write(html.with_suffix(".pdf"), paper)
    write_pages(build_dir, known)
    if failures and good.exists():
        tqdm.write(f"{good} is of an earlier run and was left alone; this run failed: {failed.name}", file=sys.stderr)
    notebooks = [{"name": each["name"], "seconds": each["seconds"]} for each in known["facts"]["notebooks"]]
    return ReportResult(html, html.with_suffix(".pdf"), notebooks, failures)


def write_pages(build_dir: Path, known: Mapping[str, Any]) -> None:
    """Write what links to evidence lead to: each executed notebook as a page, and the files that it has read."""
    for name in BESIDE:
        (build_dir / name).parent.mkdir(exist_ok=True)
        _write(build_dir / name, (ROOT / name).read_bytes())
    for name, cells in known["executed"].items():
        beside = {"as_executed": True, "pages": pages_of(known["executed"], beside=""), "root": "../"}
        page, _ = NotebookPage().from_notebook_node(new_notebook(cells=[chapter_cell(name), *deepcopy(cells)]), beside)
        _write(build_dir / "notebooks" / f"{name}.html", page.encode())


def read_run(build_dir: Path, requirements: Path = REQUIREMENTS) -> tuple[nbformat.NotebookNode, dict[str, Any]]:
    """Read the last run: its notebooks bound into one, and the resources that the exporters need."""
    shown = facts.for_readers(json.loads((build_dir / "run.json").read_text("utf-8")))
    return bind(shown, read_notebooks(shown["notebooks"], build_dir / "notebooks"), requirements)


def read_notebooks(runs: Iterable[Mapping[str, Any]], folder: Path) -> dict[str, list[nbformat.NotebookNode]]:
    """Read executed notebooks: by name, the cells of each, with their origin. Of one that was not run: its title."""
    executed = {}
    for each in runs:
        path = folder / f"{each['name']}.ipynb"
        cells = nbformat.read(path, as_version=4).cells if path.is_file() else []
        if each["skipped"]:
            cells = [new_markdown_cell(cells[0].source.partition("\n")[0])] if cells else []
        executed[each["name"]] = list(plan.with_origin(each["name"], cells))
    return executed


def bind(
    shown: Mapping[str, Any], executed: dict[str, list[nbformat.NotebookNode]], requirements: Path = REQUIREMENTS
) -> tuple[nbformat.NotebookNode, dict[str, Any]]:
    """Make one notebook of executed ones: in the order of `chapters.yaml`, where there is one beside the requirements.

    Args:
        shown: the facts of the run, for readers.
        executed: the cells of each notebook.
        requirements: the requirements and their ids.

    Returns:
        The notebook, and the resources that the exporters need.
    """
    known: dict[str, Any] = {
        "title": TITLE, "subtitle": SUBTITLE, "facts": shown, "requirements": deliverables.load(requirements),
        "executed": executed, "values": evidence.values_of(executed), "checks": evidence.checks_of(executed),
        "pages": pages_of(executed, beside="notebooks/"), "root": "./", "problems": [],
    }  # fmt: skip
    chapters = requirements.with_name("chapters.yaml")
    if chapters.exists():
        cells, problems = plan.arrange(plan.load(chapters), executed)
        is_whole = not any(each["error"] or each["skipped"] for each in shown["notebooks"])
        known["problems"] = problems if is_whole else []
        cells = [*_failed_first(executed), *cells]
        known["front_words"] = front.load(requirements.with_name("front.yaml"))
        known["references"] = references.load(requirements.with_name("references.yaml"))
        places = {name: known["front_words"][name] for name in ("sketch", "tall")}
        known["sketches"] = {name: _drawing_of(executed, place) for name, place in places.items()}
    else:
        cells = [cell for each in shown["notebooks"] for cell in (chapter_cell(**each), *executed[each["name"]])]
    cells = deepcopy(cells)
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"  # unique in the whole
    return new_notebook(cells=cells), known


def _failed_first(executed: Mapping[str, list[nbformat.NotebookNode]]) -> list[nbformat.NotebookNode]:
    """Put what failed before everything else."""
    cells = plan.failed(executed)
    return [plan.chapter_cell(plan.Chapter("What failed", plan.MAIN, "", "", "", ())), *cells] if cells else []


def _drawing_of(executed: Mapping[str, list[nbformat.NotebookNode]], place: str) -> str:
    notebook, _, id = place.partition("#")
    drawings = (
        output.data["image/svg+xml"]
        for cell in executed.get(notebook, ())
        if cell.get("id") == id
        for output in cell.get("outputs", ())
        if "image/svg+xml" in output.get("data", {})
    )
    return next(drawings, "")


def pages_of(executed: Mapping[str, list[nbformat.NotebookNode]], beside: str) -> dict[str, dict[str, Spot]]:
    """Say where the headings of each notebook stand in its page; `beside` leads from the linking page to that one."""
    pages: dict[str, dict[str, Spot]] = {}
    for name, cells in executed.items():
        page = pages[name] = {"": Spot(f"{beside}{name}.html", name)}
        for heading, _ in plan.pieces(cells):
            page.setdefault(anchor(heading), Spot(f"{beside}{name}.html#{slug(f'{name} {heading}')}", heading))
    return pages


def _read(given: Mapping[str, object]) -> dict[str, Any]:
    """Return all parameters; refuse also a story that would take too long to send."""
    asked = read(given)
    if asked.rate and asked.event_count / asked.rate > run.LONGEST_CELL_SECONDS:
        raise WrongUsageError(
            f"{asked.event_count:,} events at {asked.rate:,} a second take longer than the "
            f"{run.LONGEST_CELL_SECONDS:,} s that a cell may take: raise the parameter rate, or set it to 0 "
            "(as fast as it goes)"
        )
    return asked.model_dump()


def _prepare(build_dir: Path) -> Path:
    """Make the folder of executed copies, and clear what an earlier run left in it."""
    executed = build_dir / "notebooks"
    executed.mkdir(parents=True, exist_ok=True)
    for old in (*executed.glob("*.ipynb"), *executed.glob("*.html")):
        old.unlink()
    return executed


def _write(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    part = path.with_name(f".{path.name}.part")
    part.write_bytes(content)
    part.replace(path)
