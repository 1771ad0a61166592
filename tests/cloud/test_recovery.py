"""Ways back, on the embedded cloud: faults by name, a redrive, and a table that was lost."""

import pytest

from pipeline.consistency import audit
from pipeline.provisioning import deployment, spare_tables
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


def test_faults_on_the_command_line(running, inventory_here):
    assert inventory_here("fault", "list") == []
    [fault] = inventory_here("fault", "inject", "dynamodb-throttled", "--percent", 1, "--seconds", 30)
    assert (fault["name"], fault["percent"]) == ("dynamodb-throttled", 1)
    assert inventory_here("fault", "clear") == []
