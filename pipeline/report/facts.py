"""The facts of a run: what was run, from which commit, with which parameters and versions, and how long it took."""

import os
import platform
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from importlib import metadata
from typing import Any

from pipeline.paths import ROOT
from pipeline.report.run import NotebookRun

PACKAGES = (
    "boto3", "ministack", "aws-lambda-powertools", "pydantic",
    "pandas", "matplotlib", "papermill", "nbconvert", "typst",
)  # fmt: skip


def collect(parameters: Mapping[str, Any], runs: Iterable[NotebookRun]) -> dict[str, Any]:
    """Gather the facts. `SOURCE_DATE_EPOCH` sets the date, for a report that is the same to the byte."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    when = datetime.fromtimestamp(int(epoch), UTC) if epoch else datetime.now(UTC)
    return {
        "when": when.replace(microsecond=0).isoformat(),
        "commit": _git("rev-parse", "--short=12", "HEAD") or "unknown",
        "has_changes": bool(_git("status", "--porcelain", "--untracked-files=no")),
        "cloud": parameters["cloud"],
        "parameters": {name: value for name, value in parameters.items() if name != "cloud"},
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "versions": {name: metadata.version(name) for name in PACKAGES},
        "notebooks": [asdict(run) for run in runs],
    }


def for_readers(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Add to the facts what a reader sees of them."""
    when, seconds = datetime.fromisoformat(facts["when"]), sum(run["seconds"] for run in facts["notebooks"])
    return {
        **facts,
        "date": f"{when.day} {when:%B %Y}",
        "time": f"{when:%H:%M}",
        "duration": f"{seconds:.0f} seconds" if seconds < 120 else f"{seconds / 60:.1f} minutes",
        "parameter_list": [(name, _value(value)) for name, value in facts["parameters"].items()],
    }


def _value(value: Any) -> str:
    return f"{value:,}" if type(value) is int and value >= 1000 else str(value)


def _git(*arguments: str) -> str:
    """Ask git; nothing where there is no git, or no repository."""
    try:
        return subprocess.check_output(
            ["git", "-C", str(ROOT), *arguments], text=True, stderr=subprocess.DEVNULL
        ).strip()
    except (OSError, subprocess.CalledProcessError):
        return ""
