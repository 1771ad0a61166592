"""How it is set up: the deployed clients, log and metrics."""

import json

import pytest
from stock_projector import handler as edge

from tests.doubles.events import added, place, record
from tests.projector.handler.harness import DAY, LAMP, MUG, STOCK


@pytest.mark.parametrize("days", [1, 90])
def test_the_deployed_projector_works_on_the_tables_of_its_environment(monkeypatch, days):
    for name, value in {
        "STOCK_TABLE_NAME": "stock",
        "QUARANTINE_TABLE_NAME": "refused",
        "QUARANTINE_DAYS": str(days),
        "AWS_DEFAULT_REGION": "us-east-2",
    }.items():
        monkeypatch.setenv(name, value)
    store, quarantine = edge._tables.__wrapped__()
    assert (store.table_name, quarantine.table_name) == ("stock", "refused")
    assert quarantine.keep_seconds == days * DAY


def test_several_requests_are_sent_at_once_and_answers_keep_their_order():
    assert list(edge._in_parallel(lambda number: number * 2, iter(range(50)))) == [2 * each for each in range(50)]
    assert list(edge._in_parallel(lambda number: number * 2, [7])) == [14]


def test_a_batch_is_reported_in_the_log_and_the_metrics_with_every_refusal_and_every_failure(harness, caplog, capsys):
    harness.fate = lambda what, key: "refused" if (what, key) == (STOCK, LAMP) else ""
    harness.invoke(record(added(LAMP), 0), record(added(MUG), 1), record(b"{", 2))
    batch, quarantined, failed = (vars(each) for each in caplog.records)
    assert (batch["applied"], batch["quarantined"], batch["failed"]) == (1, 1, 1)
    assert (quarantined["reason"], quarantined["sequence_number"]) == ("not_json", str(place(2)))
    assert "AccessDenied" in failed["error"]
    metrics = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert [metrics[name] for name in ("Applied", "Duplicate", "Quarantined", "Failed")] == [[1.0], [0.0], [1.0], [1.0]]
    [age] = metrics["OldestRecord"]
    assert age > 0


def test_of_a_flood_a_few_refusals_are_logged_and_all_are_counted(harness, caplog):
    harness.invoke(*(record(b"{", number) for number in range(60)))
    batch, *refused = (vars(each) for each in caplog.records)
    assert batch["quarantined"] == len(harness.quarantine) == 60
    assert [each["sequence_number"] for each in refused] == [str(place(number)) for number in range(20)]
