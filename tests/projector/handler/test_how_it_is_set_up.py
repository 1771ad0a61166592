"""How it is set up: tombstones, log and metrics."""

import json

import pytest
from stock_projector import handler as edge

from tests.doubles import added, place, record, removed
from tests.doubles.fakes import denied
from tests.projector.handler.world import DAY, LAMP, MUG


def test_a_tombstone_outlives_every_record_that_could_still_come(world):
    world.invoke(record(added(LAMP, 1), 0), record(removed(LAMP), 1))
    item = world.table.items[LAMP]
    assert item["status"] == {"S": "removed"}
    assert item["expires_at"] == {"N": str(1694433600 + 4 * DAY)}
    world.invoke(record(added(LAMP, 1), 2))
    assert "expires_at" not in world.table.items[LAMP]


@pytest.mark.parametrize("hours", [24, 48, 8760])
def test_the_deployed_projector_keeps_tombstones_for_longer_than_the_stream_keeps_records(monkeypatch, hours):
    for name, value in {
        "STOCK_TABLE_NAME": "stock",
        "QUARANTINE_QUEUE_URL": "https://sqs.us-east-2.amazonaws.com/123456789012/quarantine",
        "RETENTION_HOURS": str(hours),
        "AWS_DEFAULT_REGION": "us-east-2",
    }.items():
        monkeypatch.setenv(name, value)
    store = edge._store.__wrapped__()
    assert store.tombstone_seconds > hours * 3600
    assert (store.table_name, store.queue_url) == (
        "stock",
        "https://sqs.us-east-2.amazonaws.com/123456789012/quarantine",
    )


def test_a_batch_is_reported_in_the_log_and_the_metrics_with_every_refusal_and_every_failure(world, caplog, capsys):
    def no_lamps(operation, product_id):
        if (operation, product_id) == ("PutItem", LAMP):
            raise denied("PutItem", "dynamodb:PutItem")

    world.table.trouble = no_lamps
    world.invoke(record(added(LAMP), 0), record(added(MUG), 1), record(b"{", 2))
    batch, quarantined, failed = (vars(each) for each in caplog.records)
    assert (batch["applied"], batch["quarantined"], batch["failed"]) == (1, 1, 1)
    assert (quarantined["reason"], quarantined["sequence_number"]) == ("not_json", str(place(2)))
    assert "not authorized to perform: dynamodb:PutItem" in failed["error"]
    metrics = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert [metrics[name] for name in ("Applied", "Duplicate", "Quarantined", "Failed")] == [[1.0], [0.0], [1.0], [1.0]]
