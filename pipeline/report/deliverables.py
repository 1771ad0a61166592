"""The page of requirements: what was asked for, what shows it, and the check that backs it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from nbconvert.preprocessors import Preprocessor
from nbformat import NotebookNode

from pipeline.errors import UserError
from pipeline.report import markdown
from pipeline.report.cells import Processed
from pipeline.report.links import Places, find

Group = dict[str, Any]
Check = Mapping[str, Any]
Shown = Mapping[tuple[str, str], tuple[str, str]]  # by notebook and cell: the label and the id of what it shows


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
        """Set requirements beside what shows them and beside their checks."""
        checks = resources.setdefault("checks", resources["checks_here"])
        groups, shown, places = resources.get("requirements", []), resources["shown"], resources["places"]
        resources["deliverables"], problems = page(groups, checks, shown, places)
        runs = resources["facts"]["notebooks"] if resources.get("facts") else []
        failed = [f"{run['name']} failed: {run['error']}" for run in runs if run["error"]]
        failed += [f"{run['name']} was not run" for run in runs if run["skipped"]]
        resources["problems"] = failed + problems + resources["problems"]
        return nb, resources


def page(
    groups: Sequence[Group], checks: Sequence[Check], shown: Shown, places: Places
) -> tuple[list[Group], list[str]]:
    """Set requirements beside what shows them, and beside their checks: those of this run first.

    Returns:
        The groups with their rows, and one line for each check that failed, is missing or belongs nowhere.
    """
    made, problems = [], []
    for group in groups:
        rows = []
        for asked in group["requirements"]:
            own = [check for check in checks if check["requirement"] == asked["id"]]
            problems += [f"check failed: {check['claim']} ({asked['id']})" for check in own if not check["passed"]]
            if not own:
                problems.append(f"no check for {asked['id']}: {asked['asked']}")
            targets, missing = _targets(asked, shown, places)
            problems += missing
            own.sort(key=lambda check: (check["passed"], bool(check.get("source"))))  # what failed comes first
            rows.append({"id": asked["id"], "asked": markdown.curly(asked["asked"]), "shown": targets, "checks": own})
        made.append({"title": group["group"], "rows": rows})
    known = {asked["id"] for group in groups for asked in group["requirements"]}
    stray = sorted({check["requirement"] for check in checks} - known)
    return made, problems + [f"a check names {name!r}, which deliverables.yaml does not list" for name in stray]


def _targets(asked: Mapping[str, Any], shown: Shown, places: Places) -> tuple[list[dict[str, str]], list[str]]:
    """Find what shows a requirement: a figure, a table or a listing by its cell, or a place by its heading."""
    targets, missing = [], []
    places_said = asked.get("shown", ())
    for place in [places_said] if isinstance(places_said, str) else places_said:
        notebook, _, cell = place.partition("#")
        if found := shown.get((notebook, cell)):
            targets.append({"label": found[0], "id": found[1]})
        elif spot := find(places, place):
            targets.append({"label": spot.words, "id": spot.id})
        else:
            missing.append(f"deliverables.yaml says that {asked['id']} is shown in {place}: not there")
    return targets, missing
