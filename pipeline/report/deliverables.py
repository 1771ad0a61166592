"""The deliverables page: what was asked for, where it is shown, and the check of this run that backs it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from nbconvert.preprocessors import Preprocessor
from nbformat import NotebookNode

from pipeline.errors import UserError
from pipeline.report.cells import Processed
from pipeline.report.links import Chapter, find

Group = dict[str, Any]


def load(path: Path) -> list[Group]:
    """Read the groups of requirements."""
    try:
        groups = yaml.safe_load(path.read_text("utf-8"))
        for group in groups:
            for requirement in [group["group"], *group["requirements"]][1:]:
                requirement["id"], requirement["asked"]
    except (OSError, yaml.YAMLError, KeyError, TypeError) as problem:
        raise UserError(f"{path} cannot be read: {' '.join(str(problem).split())}") from None
    return list(groups)


class Deliverables(Preprocessor):
    """Sets the resource `deliverables`, if there are `requirements`, and adds to `problems` what is not backed."""

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> Processed:
        """Set requirements beside their checks."""
        chapters = {chapter["name"]: chapter for chapter in resources["chapters"]}
        groups = resources.get("requirements", [])
        resources["deliverables"], problems = page(groups, resources["checks"], chapters)
        failed = [f"{chapter['name']} failed: {chapter['error']}" for chapter in chapters.values() if chapter["error"]]
        failed += [f"{chapter['name']} was not run" for chapter in chapters.values() if chapter["skipped"]]
        resources["problems"] = failed + problems + resources["problems"]
        return nb, resources


def page(
    groups: Sequence[Group], checks: Sequence[Mapping[str, Any]], chapters: Mapping[str, Chapter]
) -> tuple[list[Group], list[str]]:
    """Set requirements beside their checks, and beside the place that shows them.

    Returns:
        The groups with their rows, and one line for each check that failed, is missing or belongs nowhere.
    """
    shown, problems = [], []
    for group in groups:
        rows = []
        for asked in group["requirements"]:
            own = [check for check in checks if check["requirement"] == asked["id"]]
            problems += [f"check failed: {check['claim']} ({asked['id']})" for check in own if not check["passed"]]
            if not own:
                problems.append(f"no check for {asked['id']}: {asked['asked']}")
            place = find(chapters, asked["shown"]) if "shown" in asked else None
            if "shown" in asked and not place:
                problems.append(f"deliverables.yaml says that {asked['id']} is shown in {asked['shown']}: not there")
            rows.append({"asked": asked["asked"], "checks": _placed(own, place)})
        shown.append({"title": group["group"], "rows": rows})
    known = {asked["id"] for group in groups for asked in group["requirements"]}
    stray = sorted({check["requirement"] for check in checks} - known)
    return shown, problems + [f"a check names {name!r}, which deliverables.yaml does not list" for name in stray]


def _placed(checks: Sequence[Mapping[str, Any]], place: tuple[str, str] | None) -> list[dict[str, Any]]:
    """Say where to look: the first check stands for the place that shows a requirement, each further one is its own."""
    places = [(check["id"], check["place"]) for check in checks]
    places[:1] = [place] if place and checks else places[:1]
    return [{**check, "target": id, "place": heading} for check, (id, heading) in zip(checks, places, strict=True)]
