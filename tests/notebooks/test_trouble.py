"""Notebooks on the local cloud in trouble: a killed kernel, a dead emulator, a stack of somebody else."""

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell

from pipeline import cloud
from pipeline.errors import UserError
from pipeline.notebook import open_pipeline, records, remains, resources, take_down
from pipeline.notebook.story import still_to_send
from pipeline.paths import ROOT
from pipeline.stories.scenarios import write_story

STACK = "side-by-side"
BEGIN = f"from pipeline import notebook; pipeline = notebook.open_pipeline('local', {STACK!r}, 1000, 2); "
# So slow that it is still sending when the other one has started, however busy the machine is.
SEND = BEGIN + "notebook.send_story(pipeline, 'rough-day', 120, 6, 7, rate=2)"
SHOW = BEGIN + "print(len(notebook.ensure_sent(pipeline, 'rough-day', 100, 6, 8)))"


@pytest.fixture(scope="module", autouse=True)
def taken_down(running):
    yield
    running.inventory.run("down", "--stack-name", STACK)


def start(source: str, state_dir: Path) -> subprocess.Popen[str]:
    """Run some lines as a kernel of their own would."""
    env = os.environ | {"INVENTORY_STATE_DIR": str(state_dir)}
    return subprocess.Popen([sys.executable, "-u", "-c", source], cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True)


def test_what_a_killed_notebook_left_half_sent_is_finished_by_the_one_that_waited(joined, running, eventually):
    state_dir = running.inventory.state_dir
    sender, other = start(SEND, state_dir), None
    try:
        sent_log = state_dir / "sent" / "local" / STACK / "sent.jsonl"
        eventually(lambda: sent_log.exists() and sent_log.read_text().count("\n") > 3, "some records are sent", 60)
        other = start(SHOW, state_dir)
        waits = other.stdout.readline()
        assert waits.startswith("Another notebook sends the story scenario rough-day, event_count 120"), waits
        sender.kill()
        shown, count = other.communicate(timeout=120)[0].splitlines()
    finally:
        sender.kill()
        if other:
            other.kill()
    assert "seed 7" in shown
    pipeline = open_pipeline("local", STACK, 1000, 2)
    assert int(count) == len(records(pipeline))
    assert still_to_send(write_story("rough-day", 120, 6, 7), records(pipeline)) == []
    assert pipeline.audit().discrepancies == []


def test_what_notebooks_made_is_taken_down_and_what_others_sent_is_not(joined, running):
    open_pipeline("local", STACK, 1000, 2)
    assert len(remains(joined, STACK)) >= 8, "so many services that the stack uses"
    running.inventory.json("send", "--events", 20, "--stack-name", STACK)
    with pytest.raises(UserError, match=r"holds 20 records that no notebook sent, so it stays"):
        take_down(joined, STACK)
    assert (resources(joined, STACK)["status"] == "complete").all()

    longer = f"{STACK}-2"
    open_pipeline("local", longer, 1000, 1)
    assert remains(joined, longer) and not set(remains(joined, longer)) & set(remains(joined, STACK))
    take_down(joined, longer)  # nothing was sent to it
    assert remains(joined, longer) == []


def test_a_stack_that_is_there_is_taken_as_it_is(joined, running, capsys):
    pipeline = open_pipeline("local", STACK, 10, 4)
    assert "shard_count 2 and batch_size 1000: it stays as it is" in capsys.readouterr().out
    stream = pipeline.cloud.client("kinesis").describe_stream_summary(StreamName=pipeline.outputs["StreamName"])
    assert stream["StreamDescriptionSummary"]["OpenShardCount"] == 2


CELLS = (
    "from pipeline.notebook import check_parameters",
    "from pipeline.cloud import start; where = start('local'); kinesis = where.client('kinesis')",
    "kinesis.describe_stream_summary(StreamName='no-such-stream')",
    "from pipeline.cloud import state_dir; from pipeline.emulator import LocalCloud",
    "LocalCloud(state_dir()).emulator.process().kill()",
    "kinesis.list_streams()",
    "start('local').client('kinesis').list_streams()['StreamNames']",
    "kinesis.list_streams()",
)


def test_errors_are_one_line_that_says_what_to_do_next(tmp_path, monkeypatch):
    monkeypatch.setenv("INVENTORY_STATE_DIR", str(tmp_path / "state"))
    notebook = nbformat.v4.new_notebook(cells=[new_code_cell(source) for source in CELLS])
    try:
        NotebookClient(notebook, timeout=120, allow_errors=True, kernel_name="python3").execute()
    finally:
        cloud.stop("local")
    errors = [[out for out in cell.outputs if out.output_type == "error"] for cell in notebook.cells]
    assert [len(error) for error in errors] == [0, 0, 1, 0, 0, 1, 0, 1]
    unknown, dead, old = [error[0] for error in errors if error]
    for error in (unknown, dead, old):
        assert "\n" not in "".join(error.traceback)
        assert "Run ▸ Run All Cells" in error.evalue
    assert "The stack was deleted, or made anew" in unknown.evalue
    assert dead.ename == old.ename == "CloudGoneError", "not botocore's, after half a minute of trying"
