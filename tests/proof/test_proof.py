"""A shorter cut of every layer, and every planted bug. The whole proof: `make prove`."""

import ast
from pathlib import Path

import pytest

from tests.proof import search
from tests.proof.deployed import StalePatchError, load
from tests.proof.layers import CRASHES, EXPLORER, FOLD, MACHINE, REDRIVE, SHORT, SIMULATION, Task, run, tasks
from tests.proof.planted import BUGS, Bug
from tests.proof.removed import REMOVED
from tests.proof.report import judge
from tests.proof.search import explore
from tests.proof.stories import STORIES
from tests.proof.story import Bounds

ENUMERATED = [task for task in tasks(SHORT) if task.layer in (FOLD, EXPLORER, CRASHES, REDRIVE)]
DRAWN = [task for task in tasks(SHORT) if task.layer in (MACHINE, SIMULATION)]


@pytest.mark.parametrize("task", ENUMERATED, ids=lambda task: f"{task.layer}: {task.about}")
def test_every_schedule_ends_as_the_contract_says(task: Task) -> None:
    ran = run(task)
    assert not ran.violation
    assert ran.complete
    assert ran.count > 20


@pytest.mark.parametrize("task", DRAWN, ids=lambda task: f"{task.layer}: {task.about}")
def test_every_history_drawn_ends_as_the_contract_says(task: Task) -> None:
    assert not run(task).violation


@pytest.mark.parametrize("bug", [*BUGS, *REMOVED], ids=lambda bug: bug.name)
def test_a_planted_bug_is_caught(bug: Bug) -> None:
    assert judge(bug, first_only=True), "nothing sees this bug: the proof has a hole"


def test_a_patch_that_fits_no_more_fails_loudly() -> None:
    with pytest.raises(StalePatchError):
        load({"store": [("no such line", "")]})
    with pytest.raises(StalePatchError):
        load({"store": [("self", "")]})


def test_schedules_that_meet_are_counted_as_if_each_had_been_run(monkeypatch: pytest.MonkeyPatch) -> None:
    bounds, story = Bounds(faults=1, preemptions=1), next(each for each in STORIES if not each.in_order)
    merged = explore(story, load(), bounds)
    monkeypatch.setattr(search.Search, "arrive", lambda self, state: None)
    plain = explore(story, load(), bounds)
    assert merged.schedules == plain.schedules == plain.runs
    assert merged.runs < plain.runs


def test_the_reference_shares_no_code_with_what_it_judges() -> None:
    source = Path(__file__).with_name("reference.py").read_text()
    imported = {
        name
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([each.name for each in node.names] if isinstance(node, ast.Import) else [node.module or ""])
    }
    assert imported <= {"base64", "collections.abc", "datetime", "json", "re", "typing"}
