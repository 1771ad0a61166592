"""Audit, snapshot, history and quarantine on the embedded cloud, while events flow."""

from threading import Thread

import pytest

from pipeline.consistency import audit
from pipeline.emulator import limits
from pipeline.errors import UserError
from pipeline.provisioning import deployment
from pipeline.reading import quarantine, stream
from pipeline.stories import producer, scenarios
from pipeline.stories.scenarios import pack
from tests.doubles.events import added, decremented, incremented


@pytest.fixture(scope="module")
def shelf(running):
    """A stack of its own."""
    import os

    from pipeline import cloud

    before = os.environ.get("INVENTORY_STATE_DIR")
    os.environ["INVENTORY_STATE_DIR"] = str(running.inventory.state_dir)
    try:
        yield deployment.up(cloud.join(), "flowing", {"ShardCount": 2})
    finally:
        running.client("cloudformation").delete_stack(StackName="flowing")
        os.environ.pop("INVENTORY_STATE_DIR") if before is None else os.environ.update(INVENTORY_STATE_DIR=before)


@pytest.fixture
def flow(shelf):
    """Send 200 events a second for a few seconds, beside the test."""
    records = scenarios.write_story("rough-day", 600, 12, seed=14)
    sending = Thread(target=producer.send, args=(shelf, records), kwargs={"rate": 200, "progress": False})
    sending.start()
    yield sending
    sending.join()


def send(shelf, *said):
    producer.send(shelf, [pack(each) for each in said], progress=False)


def test_audits_while_events_flow_find_nothing_and_end(shelf, flow):
    results = []
    while flow.is_alive() or len(results) < 3:
        results.append(audit.audit(shelf.cloud, shelf.outputs, wait=False))
        audit.take_snapshot(shelf.cloud, shelf.outputs)
    assert [result.discrepancies for result in results] == [[]] * len(results)
    assert any(result.pending for result in results)
    last = audit.audit(shelf.cloud, shelf.outputs)
    assert (last.discrepancies, last.pending) == ([], 0)
    assert last.from_snapshot


def test_two_audits_at_once_agree(shelf):
    found = []
    auditors = [Thread(target=lambda: found.append(audit.audit(shelf.cloud, shelf.outputs))) for _ in range(2)]
    for auditor in auditors:
        auditor.start()
    for auditor in auditors:
        auditor.join()
    assert found[0] == found[1]
    assert found[0].discrepancies == []


def test_a_mistake_is_found_while_events_flow(shelf, flow):
    send(shelf, added("TALL-LAMP", 5))
    assert audit.audit(shelf.cloud, shelf.outputs).discrepancies == []
    key = {"product_id": {"S": "TALL-LAMP"}}
    edit = {"TableName": shelf.outputs["StockTableName"], "Key": key, "UpdateExpression": "SET quantity = :n"}
    dynamodb = shelf.cloud.client("dynamodb")
    dynamodb.update_item(**edit, ExpressionAttributeValues={":n": {"N": "6"}})
    wrong = audit.audit(shelf.cloud, shelf.outputs, wait=False).discrepancies
    assert wrong == ["TALL-LAMP: quantity should be 5, is 6"]
    assert audit.take_snapshot(shelf.cloud, shelf.outputs)[0] == ""
    dynamodb.update_item(**edit, ExpressionAttributeValues={":n": {"N": "5"}})


def test_the_history_of_a_product(shelf, inventory_here):
    send(shelf, added("DIM-LAMP", 5), decremented("DIM-LAMP", 9), incremented("DIM-LAMP", 2))
    inventory_here("audit", "--stack-name", "flowing")
    entries = inventory_here("history", "DIM-LAMP", "--stack-name", "flowing")
    assert [(each["outcome"], each["reason"], each["stock"]) for each in entries] == [
        ("applied", None, 5), ("quarantined", "insufficient_stock", 5), ("applied", None, 7),
    ]  # fmt: skip
    at = inventory_here("history", "DIM-LAMP", "--at", entries[1]["sequence_number"], "--stack-name", "flowing")
    assert at == [entries[1]]


def test_what_is_refused_is_listed_without_its_bytes_and_decided_on_once(shelf, inventory_here, capsys, tmp_path):
    heavy = "x" * 100_000
    send(shelf, {**incremented("HEAVY-LAMP", 3), "note": heavy}, decremented("HEAVY-LAMP", 1))
    inventory_here("audit", "--stack-name", "flowing")
    where = ("--stack-name", "flowing")
    sizes = []
    dynamodb = shelf.cloud.client("dynamodb")
    note_size = lambda http_response, **_: sizes.append(len(http_response.content))  # noqa: E731
    dynamodb.meta.events.register("after-call.dynamodb.Scan", note_size)
    listed = list(quarantine.listing(shelf.cloud, shelf.outputs["QuarantineTableName"], product_id="HEAVY-LAMP"))
    assert {each["reason"] for each in listed} == {"not_active"}
    assert len(listed) == 2
    assert not {"event", "data"} & set(listed[0])
    assert sum(sizes) < len(heavy) / 10, "the record itself is not read"

    heavy_id, light_id = (each["record_id"] for each in sorted(listed, key=lambda each: each["sequence_number"]))
    assert heavy in inventory_here("quarantine", "show", heavy_id, *where)["event"]
    send(shelf, added("HEAVY-LAMP", 1))
    [sent] = inventory_here("quarantine", "resend", heavy_id, *where)
    assert sent["event_id"].startswith("re-sent-")
    inventory_here("quarantine", "dismiss", light_id, "--note", "sold twice", *where)
    inventory_here("quarantine", "dismiss", light_id, "--note", "again", *where, status=1)
    assert inventory_here("quarantine", "--product", "HEAVY-LAMP", "--state", "open", *where) == []
    assert inventory_here("audit", *where)["discrepancies"] == []
    [lamp] = [each for each in inventory_here("stock", *where) if each["product_id"] == "HEAVY-LAMP"]
    assert lamp["quantity"] == 4


def test_the_number_of_shards_changes_while_events_flow(shelf, flow):
    deployment.up(shelf.cloud, "flowing", {"ShardCount": 3})
    flow.join()
    listed = shelf.cloud.client("kinesis").list_shards(StreamName=shelf.outputs["StreamName"])["Shards"]
    assert len(listed) == 5
    result = audit.audit(shelf.cloud, shelf.outputs)
    assert (result.discrepancies, result.pending) == ([], 0)
    with pytest.raises(UserError, match=r"EventStream: ShardCount of .* cannot go from 3 to 9 in one step"):
        deployment.up(shelf.cloud, "flowing", {"ShardCount": 9})
    assert audit.audit(shelf.cloud, shelf.outputs).discrepancies == []


def test_a_stream_that_forgets_is_audited_from_a_snapshot(monkeypatch, tmp_path, eventually):
    """On a cloud whose hours last half a second, so that a day of retention is over after twelve."""
    from pipeline import cloud

    monkeypatch.setenv("INVENTORY_HOUR_SECONDS", "0.5")
    monkeypatch.setenv(limits.VARIABLE, "kinesis-reads")  # the stream is read until it is empty
    monkeypatch.setenv("INVENTORY_STATE_DIR", str(tmp_path / "state"))
    where = cloud.start()
    try:
        shelf = deployment.up(where, "forgetful", {"RetentionHours": 24, "ShardCount": 1, "QuarantineDays": 1})
        send(shelf, added("OLD-LAMP", 5), decremented("OLD-LAMP", 9), incremented("OLD-LAMP", 2))
        assert audit.audit(where, shelf.outputs).applied == 2

        def is_forgotten():
            assert audit.take_snapshot(where, shelf.outputs)[0]
            return not stream.read_all(where.client("kinesis"), shelf.outputs["StreamName"])

        eventually(is_forgotten, "the stream to forget", seconds=60)
        send(shelf, decremented("OLD-LAMP", 1))
        result = audit.audit(where, shelf.outputs)
        assert (result.discrepancies, result.applied) == ([], 1)
        assert result.from_snapshot

        s3, bucket = where.client("s3"), shelf.outputs["ArtifactBucketName"]
        for name in list(audit.snapshots.names(s3, bucket)):
            s3.delete_object(Bucket=bucket, Key=name)
        [sentence] = audit.audit(where, shelf.outputs).discrepancies
        assert "cannot be judged: the stream keeps 24 hours, and there is no snapshot" in sentence
    finally:
        cloud.stop("local")
