"""The whole way, as its first user would go it: `up`, any AWS client, `audit`.

With INVENTORY_TEST_ACCOUNT_ID it goes through that AWS account (docs/aws.md).
"""

import json
from dataclasses import replace

import pytest

from pipeline.provisioning import deployment
from pipeline.reading import stream
from tests.doubles.events import SAMPLE, added, as_bytes, decremented, event, flat, incremented, removed
from tests.inventory import ACCOUNT

LAMP, MUG, GOLD, CHAIR, KETTLE = "CRUNCHY-LAMP", "ROUND-MUG", "GOLD-BAR", "TINY-CHAIR", "NEVER-ADDED-KETTLE"
BILLION = 1_000_000_000
STACK = "inventory-end-to-end" if ACCOUNT else "brief"
SALE = decremented(LAMP, 12, event_id="sale-of-a-dozen")

STORY = [  # (what is put on the stream, its partition key, what must come of it)
    (SAMPLE, "P98765", "applied"),
    (added(LAMP, 20, "Crunchy Lamp", event_id="first-lamps"), LAMP, "applied"),
    (incremented(LAMP, 5), LAMP, "applied"),
    (SALE, LAMP, "applied"),
    (SALE, LAMP, "duplicate"),
    (decremented(LAMP, 14), LAMP, "insufficient_stock"),
    (added(LAMP, 99, "Impostor"), LAMP, "already_active"),
    (decremented(LAMP, 13), LAMP, "applied"),
    (SALE, LAMP, "duplicate"),
    (added(MUG, 3, "Round Mug \N{DUMPLING}"), MUG, "applied"),
    (removed(MUG), MUG, "applied"),
    (decremented(MUG), MUG, "not_active"),
    (incremented(KETTLE), KETTLE, "not_active"),
    (added(CHAIR, 4, "<script>alert('chair')</script>"), CHAIR, "applied"),
    (removed(CHAIR), CHAIR, "applied"),
    (added(CHAIR, 7, "Tiny Chair"), CHAIR, "applied"),
    (b"\xff\xfe not an event", CHAIR, "not_json"),
    (b'{"event_type": "product_added", "product": {', CHAIR, "not_json"),
    (decremented(CHAIR, "two"), CHAIR, "invalid_event"),
    (incremented(CHAIR, 1, timestamp="yesterday"), CHAIR, "invalid_event"),
    (event("quantity_guessed", CHAIR), CHAIR, "unknown_event_type"),
    (decremented(CHAIR, 1), LAMP, "wrong_partition_key"),
    (decremented(CHAIR, 1), CHAIR, "applied"),
]  # fmt: skip


@pytest.fixture(scope="module")
def brief(running):
    """A stack of its own in the cloud that runs, so that nobody else's records are on its stream."""
    if not ACCOUNT:
        yield replace(running, facts=running.inventory.json("up", "--stack-name", STACK))
        return
    deployment.must_not_be_there("aws", STACK, ACCOUNT)
    try:
        yield replace(running, facts=running.inventory.json("up", "--yes", "--stack-name", STACK))
    finally:
        assert running.inventory.json("down", "--stack-name", STACK) == {"deleted": True}


@pytest.fixture(scope="module")
def told(brief):
    """The story, put on the stream record by record. Returns what must come of each: {(shard, place): outcome}."""
    kinesis, stream_name = brief.client("kinesis"), brief.outputs["StreamName"]
    expected = {}
    for said, key, outcome in STORY:
        answer = kinesis.put_record(StreamName=stream_name, Data=as_bytes(said), PartitionKey=key)
        expected[answer["ShardId"], answer["SequenceNumber"]] = outcome
    hoard = [added(GOLD, BILLION, "Gold Bar"), *[incremented(GOLD, BILLION)] * 999, incremented(GOLD, 1)]
    for start in range(0, len(hoard), 500):
        records = [{"Data": as_bytes(said), "PartitionKey": GOLD} for said in hoard[start : start + 500]]
        answer = kinesis.put_records(StreamName=stream_name, Records=records)
        assert answer["FailedRecordCount"] == 0
        expected |= {(each["ShardId"], each["SequenceNumber"]): "applied" for each in answer["Records"]}
    expected[list(expected)[-1]] = "quantity_overflow"
    return expected


@pytest.fixture(scope="module")
def audited(brief, told):
    return brief.inventory.json("audit", "--stack-name", STACK)


@pytest.fixture(scope="module")
def stock(brief, audited):
    return {each["product_id"]: each for each in brief.inventory.json("stock", "--all", "--stack-name", STACK)}


def quarantined(brief):
    found = brief.client("dynamodb").scan(TableName=brief.outputs["QuarantineTableName"], ConsistentRead=True)["Items"]
    return {(item["shard_id"]["S"], item["sequence_number"]["S"]): item for item in found}


def items(brief):
    found = brief.client("dynamodb").scan(TableName=brief.outputs["StockTableName"], ConsistentRead=True)["Items"]
    return {item["product_id"]["S"]: item for item in found}


@pytest.mark.local
def test_up_again_finds_what_is_there_and_changes_nothing(brief):
    processes = {process.pid for process in brief.inventory.family()}
    assert brief.inventory.json("up", "--stack-name", STACK) == brief.facts
    assert processes <= {process.pid for process in brief.inventory.family()}, "both go on running"


@pytest.mark.local
def test_up_prints_what_the_contract_says(brief):
    assert brief.facts.keys() == {"cloud", "endpoint_url", "region", "stack_name", "outputs", "env"}
    assert (brief.facts["cloud"], brief.facts["stack_name"]) == ("local", STACK)
    assert brief.facts["endpoint_url"] == brief.facts["env"]["AWS_ENDPOINT_URL"]


def test_the_audit_finds_nothing_and_every_record_has_one_outcome(audited, told):
    assert audited["discrepancies"] == []
    assert (audited["pending"], audited["left_out"], audited["given_up"], audited["from_snapshot"]) == (0, 0, 0, None)
    assert audited["records"] == audited["applied"] + audited["duplicates"] + sum(audited["quarantined"].values())
    assert audited["records"] >= len(told)
    assert audited["quarantined"].keys() >= {
        outcome for outcome in told.values() if outcome not in ("applied", "duplicate")
    }


def test_every_refused_record_lies_in_quarantine_with_its_reason_and_its_bytes(brief, audited, told):
    found = quarantined(brief)
    refused = {place: outcome for place, outcome in told.items() if outcome not in ("applied", "duplicate")}
    assert {place: found[place]["reason"]["S"] for place in refused} == refused
    assert not [place for place, outcome in told.items() if outcome in ("applied", "duplicate") and place in found]
    for place, (said, key, _) in zip(told, STORY, strict=False):
        if place in refused:
            assert found[place]["data"]["B"] == as_bytes(said)
            assert found[place]["partition_key"]["S"] == key


def test_the_table_is_the_fold_of_the_stream(stock):
    lines = {
        product_id: (each["product_name"], each["status"], each["quantity"], each["version"])
        for product_id, each in stock.items()
    }
    assert lines["P98765"] == ("Laptop", "active", 10, 1)
    assert lines[LAMP] == ("Crunchy Lamp", "active", 0, 4)
    assert lines[MUG] == ("Round Mug \N{DUMPLING}", "removed", 0, 2)
    assert lines[CHAIR] == ("Tiny Chair", "active", 6, 4)
    assert lines[GOLD] == ("Gold Bar", "active", 1000 * BILLION, 1000)
    assert KETTLE not in lines
    assert stock["P98765"].keys() == {"product_id", "product_name", "status", "quantity", "version", "updated_at"}


def test_what_was_removed_is_listed_only_when_asked_for(stock, inventory_here):
    shown = {each["product_id"] for each in inventory_here("stock", "--stack-name", STACK)}
    assert MUG in stock and MUG not in shown
    assert {LAMP, CHAIR, GOLD, "P98765"} <= shown


def test_stock_is_printed_for_people_too(brief, stock):
    printed = brief.inventory.run("stock", "--stack-name", STACK)
    assert printed.returncode == 0
    assert "Gold Bar" in printed.stdout and "Round Mug" not in printed.stdout
    assert printed.stderr == ""


def test_the_item_of_the_sample_event_is_the_one_of_the_contract(brief, audited, told):
    item = items(brief)["P98765"]
    assert item.pop("recent_events")["B"]
    place = next(iter(told))[1]
    assert item == {
        "product_id": {"S": "P98765"},
        "product_name": {"S": "Laptop"},
        "status": {"S": "active"},
        "quantity": {"N": "10"},
        "version": {"N": "1"},
        "last_sequence_number": {"S": place},
        "updated_at": {"S": "2023-09-11T12:00:00Z"},
        "remembers_after": {"S": ""},
    }


# ── the deployed projector, asked directly ──


def on_the_stream(brief, places):
    """Read records back, as the pipe would hand them on; in the order of their shard."""
    records = stream.read_all(brief.client("kinesis"), brief.outputs["StreamName"])
    return [flat(record) for record in records if (record.shard_id, record.sequence_number) in places]


def invoke(brief, batch):
    answer = brief.client("lambda").invoke(FunctionName=brief.outputs["ProjectorName"], Payload=json.dumps(batch))
    assert "FunctionError" not in answer, answer["Payload"].read()
    return json.loads(answer["Payload"].read())


def test_redelivery_of_everything_changes_nothing(brief, audited, told, inventory_here):
    before, refused = items(brief), quarantined(brief)
    batch = on_the_stream(brief, told)
    assert len(batch) == len(told)
    assert invoke(brief, batch) == {"batchItemFailures": []}
    assert items(brief) == before
    assert quarantined(brief) == refused, "nor is anything quarantined once more"
    assert inventory_here("audit", "--stack-name", STACK)["discrepancies"] == []


def test_a_refused_record_that_comes_again_later_keeps_its_first_verdict(brief, audited, told, inventory_here):
    refused_sale = list(told)[5]
    assert told[refused_sale] == "insufficient_stock"
    invoke(brief, on_the_stream(brief, {refused_sale}))  # by now it is out of order
    assert quarantined(brief)[refused_sale]["reason"] == {"S": "insufficient_stock"}
    assert inventory_here("audit", "--stack-name", STACK)["discrepancies"] == []


# ── the producer, by name ──


@pytest.mark.parametrize("scenario", ["rough-day", "flash-sale"])
def test_a_scenario_is_sent_and_the_audit_finds_nothing(brief, inventory_here, scenario):
    before = inventory_here("audit", "--stack-name", STACK)["records"]
    sent = inventory_here(
        "send", "--stack-name", STACK, "--scenario", scenario, "--events", 600, "--products", 30, "--seed", 11
    )
    assert sent.keys() == {"sent", "unsent", "scenario", "seed", "seconds", "sent_log"}
    assert (sent["sent"], sent["scenario"], sent["seed"]) == (600, scenario, 11)
    audited = inventory_here("audit", "--stack-name", STACK)
    assert audited["discrepancies"] == []
    assert audited["records"] == before + 600


def test_a_file_is_sent_as_it_is_good_lines_and_bad_ones(brief, inventory_here, tmp_path):
    path = tmp_path / "events.jsonl"
    shelf = added("QUIET-SHELF", 2)
    path.write_bytes(
        b"\n".join(
            [
                as_bytes(shelf),
                b"not an event",
                as_bytes(decremented("QUIET-SHELF", 3)),
                as_bytes(decremented("QUIET-SHELF", 1)),
            ]
        )
    )
    sent = inventory_here("send", "--stack-name", STACK, "--file", path)
    assert (sent["sent"], sent["scenario"], sent["seed"]) == (4, None, None)
    assert inventory_here("audit", "--stack-name", STACK)["discrepancies"] == []
    assert items(brief)["QUIET-SHELF"]["quantity"] == {"N": "1"}
