"""The deliverables page: what was asked for, where it is shown, and the check of this run that backs it."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import yaml

from pipeline.errors import UserError
from pipeline.report.links import find
from pipeline.report.model import Chapter, Check, Node


def load(path: Path) -> list[dict[str, Any]]:
    """Read the groups of requirements."""
    try:
        groups = yaml.safe_load(path.read_text("utf-8"))
        for group in groups:
            for requirement in [group["group"], *group["requirements"]][1:]:
                requirement["id"], requirement["asked"]
    except (OSError, yaml.YAMLError, KeyError, TypeError) as problem:
        raise UserError(f"{path} cannot be read: {' '.join(str(problem).split())}") from None
    return list(groups)


def page(
    groups: Iterable[dict[str, Any]], checks: Sequence[Check], chapters: Sequence[Chapter]
) -> tuple[list[Node], list[str]]:
    """Set requirements beside their checks, and beside the place that shows them.

    Returns:
        The groups with their rows, and one line for each check that failed, is missing or belongs nowhere.
    """
    rows_of_groups, problems, known = [], [], set()
    for group in groups:
        rows = []
        for requirement in group["requirements"]:
            own = [check for check in checks if check.requirement == requirement["id"]]
            known.add(requirement["id"])
            problems += [f"check failed: {check.claim} ({requirement['id']})" for check in own if not check.passed]
            if not own:
                problems.append(f"no check for {requirement['id']}: {requirement['asked']}")
            shown = requirement.get("shown", "")
            place = find(chapters, shown) if shown else None
            if shown and not place:
                problems.append(f"deliverables.yaml says that {requirement['id']} is shown in {shown}: not there")
            rows.append(_row(requirement, own, place))
        rows_of_groups.append({"title": group["group"], "rows": rows})
    stray = {check.requirement for check in checks} - known
    problems += [f"a check names {name!r}, which deliverables.yaml does not list" for name in sorted(stray)]
    return rows_of_groups, problems


def _row(requirement: dict[str, Any], checks: Sequence[Check], place: tuple[str, str] | None) -> Node:
    """Make a row. The first check stands for the place that shows the requirement; each further one is its own."""
    row: Node = {"id": requirement["id"], "asked": requirement["asked"], "checks": []}
    for number, check in enumerate(checks):
        target, heading = place if place and number == 0 else (check.id, check.place)
        row["checks"].append(
            {
                "claim": check.claim,
                "passed": check.passed,
                "figure": check.figure,
                "check": check.id,
                "target": target,
                "place": heading,
            }
        )
    return row
