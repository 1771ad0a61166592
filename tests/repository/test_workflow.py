"""The workflow on GitHub runs README's two commands, with pinned actions and no more rights than it needs."""

import re
import tomllib

import pytest
import yaml

from pipeline.paths import ROOT
from tests.repository import readme

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def loose(text: str) -> list[str]:
    """Return what a workflow leaves open: actions that are not pinned to a commit, rights, kept credentials."""
    workflow = yaml.safe_load(text)
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    pinned = re.findall(r"uses: (\S+@[0-9a-f]{40}) # v\d+\.\d+\.\d+\n", text)
    unpinned = [step["uses"] for step in steps if "uses" in step and step["uses"] not in pinned]
    rights = [] if workflow["permissions"] == {} else ["permissions for all jobs"]
    rights += [
        f"{job}: {rules}" for job, rules in workflow["jobs"].items() if rules["permissions"] != {"contents": "read"}
    ]
    checkouts = [step.get("with", {}) for step in steps if step.get("uses", "").startswith("actions/checkout@")]
    kept = ["kept credentials"] if any(each.get("persist-credentials", True) for each in checkouts) else []
    return unpinned + rights + kept


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_leaves_nothing_open(path):
    assert loose(path.read_text()) == []


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        (r"@[0-9a-f]{40} # v6\.0\.0", "@v6"),
        (r"permissions: \{\}", "permissions: write-all"),
        ("contents: read", "contents: write"),
        (r"persist-credentials: false", "fetch-depth: 1"),
    ],
)
def test_what_it_leaves_open_is_found(right, wrong):
    assert loose(re.sub(right, wrong, WORKFLOWS[0].read_text(), count=1))


def test_it_runs_the_two_commands_of_the_readme():
    jobs = [job for path in WORKFLOWS for job in yaml.safe_load(path.read_text())["jobs"].values()]
    commands = [step["run"] for job in jobs for step in job["steps"] if "run" in step]
    assert commands == ["make test", "make report"]
    assert set(commands) <= set(readme.commands())


def test_the_license_is_the_one_that_the_package_names():
    license_name = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["license"]["text"]
    assert (ROOT / "LICENSE").read_text().startswith(f"{license_name} License\n")
