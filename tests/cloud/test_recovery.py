"""Ways back, on the embedded cloud: faults by name, a redrive, and a table that was lost."""

import pytest

from pipeline.consistency import audit
from pipeline.errors import UserError
from pipeline.provisioning import deployment, lease, pausing, spare_tables
from pipeline.recovery import rebuild
from pipeline.stories import producer, scenarios
from tests.cloud.fault_rounds import IMPATIENT, play


def test_three_faults_at_once_leave_nothing_wrong(joined):
    names = ["aws:kinesis:stream-provisioned-throughput-exception", "dynamodb-no-permission", "lambda-worker-killed"]
    came = play(joined, "faults", names, events=300, seed=1, seconds=5)
    assert (came["discrepancies"], came["pending"]) == ([], 0)
    assert joined.breakable().faults() == []


@pytest.fixture
def lost(joined):
    """A stack that is about to lose its table."""
    yield deployment.up(joined, "lost", IMPATIENT)
    deployment.down(joined, "lost")
    assert list(spare_tables.names(joined, "lost")) == []


def test_a_table_that_was_lost_is_rebuilt_and_switched_to(joined, lost):
    there = lost
    story = scenarios.write_story("rough-day", 600, 12, seed=4)
    producer.send(there, story[:400], progress=False)
    assert audit.audit(there.cloud, there.outputs).discrepancies == []
    assert audit.take_snapshot(there.cloud, there.outputs)[0]
    joined.client("dynamodb").delete_table(TableName=there.outputs["StockTableName"])
    rebuilt = rebuild.rebuild(there, switch=True)
    now = type(there)(there.cloud, there.stack_name, there.outputs | {"StockTableName": rebuilt.table})
    assert rebuilt.differences == [f"the table {there.outputs['StockTableName']} is gone"]
    producer.send(now, story[400:], progress=False)
    assert audit.audit(now.cloud, now.outputs).discrepancies == []
    assert rebuild.rebuild(now).differences == []
    assert len(rebuild.discard(now)) == 1 and rebuild.discard(now) == []
    up_starts_a_pipe_that_was_left_stopped(now)


def up_starts_a_pipe_that_was_left_stopped(there):
    pausing.stop(there.cloud, there.outputs["PipeName"])
    with lease.held(there.cloud, there.outputs, "rebuild"), pytest.raises(UserError, match="another rebuild"):
        deployment.up(there.cloud, there.stack_name)
    assert pausing.is_stopped(there.cloud, there.outputs["PipeName"])
    deployment.up(there.cloud, there.stack_name)
    assert not pausing.is_stopped(there.cloud, there.outputs["PipeName"])


def test_faults_on_the_command_line(running, inventory_here):
    assert inventory_here("fault", "list") == []
    [fault] = inventory_here("fault", "inject", "dynamodb-throttled", "--percent", 1, "--seconds", 30)
    assert (fault["name"], fault["percent"]) == ("dynamodb-throttled", 1)
    assert inventory_here("fault", "clear") == []
