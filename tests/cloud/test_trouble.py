"""When things break: permissions, planted errors, dead letters, kill -9. Nothing is lost, and nothing goes unseen."""

import json
import signal
from contextlib import contextmanager
from dataclasses import replace

import pytest

from pipeline import cloud
from pipeline.paths import ROOT
from pipeline.provisioning import deployment, stack
from pipeline.reading import frames, queues
from pipeline.stories import producer, scenarios
from pipeline.stories.scenarios import pack
from tests.doubles.events import DEAD_LETTER, added, as_bytes, decremented, incremented

TEMPLATE = (ROOT / "infra" / "stack.yaml").read_text()
LAMP, MUG = "CRUNCHY-LAMP", "ROUND-MUG"


@pytest.fixture
def patience(monkeypatch):
    """Set how long an audit waits for what does not come: what is stuck here is stuck until the test puts it right."""
    join = cloud.join

    def set_to(seconds):
        monkeypatch.setattr(cloud, "join", lambda *where: replace(join(*where), patience_seconds=seconds))

    set_to(0.5)
    return set_to


def without(statement, action):
    """Return the template with one permission missing: another one that is no use stands in its place."""
    head, marked, rest = TEMPLATE.partition(f"Sid: {statement}\n")
    assert marked and action in rest.partition("Resource:")[0]
    return head + marked + rest.replace(action, f"{action.partition(':')[0]}:ListTagsForResource", 1)


@contextmanager
def template(monkeypatch, tmp_path, text):
    path = tmp_path / "stack.yaml"
    path.write_text(text)
    with monkeypatch.context() as patched:
        patched.setattr(stack, "TEMPLATE", path)
        yield


@pytest.fixture(scope="module")
def second_stacks(running):
    """Names of stacks that the tests of this file made; they go when the tests have gone."""
    names = set()
    yield names
    for name in names:
        running.client("cloudformation").delete_stack(StackName=name)


@pytest.fixture
def a_stack(joined, second_stacks):
    def made(name, parameters=None):
        if name in second_stacks:
            return deployment.find(joined, name)
        second_stacks.add(name)
        return deployment.up(joined, name, parameters)

    return made


def in_stock(shelf, include_removed=False):
    return frames.stock(shelf.cloud, shelf.outputs["StockTableName"], include_removed)


def story(*said):
    return [pack(each) for each in said]


PERMISSIONS = [
    ("ReadTheStream", "kinesis:GetRecords"),
    ("InvokeTheProjector", "lambda:InvokeFunction"),
    ("ReadAndWriteStock", "dynamodb:PartiQLInsert"),
    ("ReadAndWriteStock", "dynamodb:PartiQLUpdate"),
    ("ReadAndWriteStock", "dynamodb:BatchGetItem"),
    ("QuarantineRecords", "dynamodb:PartiQLInsert"),
]


@pytest.mark.parametrize(("statement", "action"), PERMISSIONS, ids=[action for _, action in PERMISSIONS])
def test_a_missing_permission_is_in_view_and_nothing_is_lost_once_it_is_there(
    a_stack, joined, monkeypatch, tmp_path, inventory_here, patience, eventually, statement, action
):
    shelf = a_stack("denied")
    lamp, mug = f"LAMP-{statement}-{action}", f"MUG-{statement}-{action}"
    producer.send(shelf, story(added(lamp, 3)), progress=False)
    patience(30.0)
    assert inventory_here("audit", "--stack-name", "denied")["discrepancies"] == []
    patience(0.5)
    with template(monkeypatch, tmp_path, without(statement, action)):
        stack.provision(joined, "denied", tell=lambda line: None)
    producer.send(shelf, story(decremented(lamp, 9), decremented(lamp, 1), added(mug, 4)), progress=False)

    def in_view():
        view = "\n".join(inventory_here("audit", "--stack-name", "denied", status=1)["discrepancies"])
        return action in view and ("AccessDenied" in view or "not authorized" in view)

    eventually(in_view, "the pipe to meet the missing permission")

    stack.provision(joined, "denied", tell=lambda line: None)
    patience(30.0)
    assert inventory_here("audit", "--stack-name", "denied")["discrepancies"] == []
    assert in_stock(shelf).set_index("product_id")["quantity"][[lamp, mug]].to_list() == [2, 4]


def test_what_the_pipe_gives_up_on_is_a_dead_letter_as_aws_writes_it(
    a_stack, joined, monkeypatch, tmp_path, inventory_here, patience, eventually
):
    with template(monkeypatch, tmp_path, without("ReadAndWriteStock", "dynamodb:PartiQLInsert")):
        shelf = a_stack("impatient", {"MaximumRetryAttempts": 1, "ShardCount": 1})
        producer.send(shelf, story(added(LAMP, 3)), progress=False)
        [letter] = eventually(
            lambda: queues.dead_letters(joined.client("sqs"), shelf.outputs["DeadLetterQueueUrl"]), "a dead letter"
        )
        found = inventory_here("audit", "--stack-name", "impatient")

    [sent] = [json.loads(line) for line in shelf.sent_log.read_text().splitlines()]
    letter = letter.body
    assert letter.keys() == DEAD_LETTER.keys()
    assert letter["context"].keys() == DEAD_LETTER["context"].keys()
    assert letter["context"]["condition"] == "RetryAttemptsExhausted"
    assert letter["context"]["partnerResourceArn"].endswith(f":pipe/{shelf.outputs['PipeName']}")
    where = letter["KinesisBatchInfo"]
    assert where.keys() == DEAD_LETTER["KinesisBatchInfo"].keys()
    assert where["shardId"] == sent["shard_id"]
    assert where["startSequenceNumber"] == where["endSequenceNumber"] == sent["sequence_number"]
    assert where["batchSize"] == 1
    assert where["streamArn"].endswith(f"/{shelf.outputs['StreamName']}")

    assert (found["given_up"], found["left_out"], found["discrepancies"]) == (1, 1, [])


def test_the_audit_finds_every_error_that_was_planted(a_stack, joined, inventory_here, patience):
    patience(30.0)
    shelf = a_stack("tampered", {"ShardCount": 2})
    products = ["SOUND", "TOO-MANY", "GONE", "RENAMED", "SHORT", "LATE", "OLD"]
    producer.send(
        shelf,
        story(*[added(each, 5) for each in products], decremented("SOUND", 9), decremented("GONE", 7)),
        progress=False,
    )
    torn = [put_on_shard(shelf, added("TORN", 5), 0)]
    assert inventory_here("audit", "--stack-name", "tampered")["discrepancies"] == []
    torn.append(put_on_shard(shelf, added("TORN", 5), 2**128 - 1))
    [of_torn] = inventory_here("audit", "--stack-name", "tampered", status=1)["discrepancies"]

    patience(1.5)
    dynamodb = joined.client("dynamodb")
    table, refused = shelf.outputs["StockTableName"], shelf.outputs["QuarantineTableName"]

    def tamper(product_id, change, value):
        dynamodb.update_item(
            TableName=table, Key={"product_id": {"S": product_id}}, UpdateExpression=f"SET {change} = :value",
            ExpressionAttributeValues={":value": value},
        )  # fmt: skip

    tamper("TOO-MANY", "quantity", {"N": "6"})
    tamper("RENAMED", "product_name", {"S": "Impostor"})
    tamper("LATE", "last_sequence_number", {"S": "1"})
    tamper("OLD", "updated_at", {"S": "1970-01-01T00:00:00Z"})
    tamper("SHORT", "quantity", {"N": "-1"})
    dynamodb.delete_item(TableName=table, Key={"product_id": {"S": "GONE"}})
    item = dynamodb.get_item(TableName=table, Key={"product_id": {"S": "SOUND"}})["Item"]
    dynamodb.put_item(TableName=table, Item=item | {"product_id": {"S": "ALIEN"}})
    dynamodb.put_item(TableName=table, Item={"product_id": {"S": "BY-HAND"}, "note": {"S": "mine"}})
    refusals = dynamodb.scan(TableName=refused)["Items"]
    lost, other = (item for item in refusals if item["partition_key"]["S"] in ("SOUND", "GONE"))
    dynamodb.delete_item(TableName=refused, Key={"record_id": lost["record_id"]})
    dynamodb.put_item(TableName=refused, Item=other | {"reason": {"S": "not_json"}})
    shard = lost["shard_id"]["S"]
    invented = {"record_id": {"S": f"{shard}:42"}, "sequence_number": {"S": "42"}, "reason": {"S": "out_of_order"}}
    dynamodb.put_item(TableName=refused, Item=lost | invented)

    assert of_torn == (
        f"TORN: its records lie on {', '.join(sorted(torn))}: the order across shards is not guaranteed. "
        "Somebody put them there with an ExplicitHashKey; send them with the product_id as partition key alone"
    )
    found = inventory_here("audit", "--stack-name", "tampered", status=1)
    assert sorted(found["discrepancies"]) == sorted([
        "ALIEN: the table has version 1, the stream has no event",
        f"GONE: record {place_of(shelf, 'GONE')} was never applied, and the pipe no longer has it; "
        "the table has no item",
        "LATE: last_sequence_number is 1, where no event of this product took effect",
        "OLD: updated_at should be '2023-09-11T12:00:00Z', is '1970-01-01T00:00:00Z'",
        "RENAMED: product_name should be 'Laptop', is 'Impostor'",
        "SHORT: quantity should be 5, is -1",
        "SHORT: -1 in stock",
        "BY-HAND: its item was not written by the projector: missing, foreign or of another kind are "
        "last_sequence_number, "
        "note, product_name, quantity, recent_events, remembers_after, status, updated_at, version",
        "TOO-MANY: quantity should be 5, is 6",
        of_torn,
        f"record {int(lost['sequence_number']['S'])} on {shard}: should be quarantined as insufficient_stock, is not",
        f"record {int(other['sequence_number']['S'])} on {other['shard_id']['S']}: "
        "is quarantined as not_json, should be as insufficient_stock",
        f"record 42 on {shard}: is quarantined as out_of_order, the stream has no such record",
    ])  # fmt: skip


def put_on_shard(shelf, event, hash_key):
    """Put an event past the producer, and return the shard that it lies on."""
    record = {"Data": as_bytes(event), "PartitionKey": event["product"]["product_id"], "ExplicitHashKey": str(hash_key)}
    return shelf.cloud.client("kinesis").put_record(StreamName=shelf.outputs["StreamName"], **record)["ShardId"]


def place_of(shelf, product_id):
    lines = [json.loads(line) for line in shelf.sent_log.read_text().splitlines()]
    return next(each["sequence_number"] for each in lines if each["partition_key"] == product_id)


def test_a_pipe_that_is_killed_in_the_middle_is_started_again_and_nothing_is_lost(running, joined, eventually):
    shelf = deployment.find(joined, "inventory")
    before = in_stock(shelf, include_removed=True)["version"].sum()
    producer.send(shelf, scenarios.write_story("rough-day", 1500, 150, seed=99), progress=False)
    eventually(
        lambda: in_stock(shelf, include_removed=True)["version"].sum() > before,
        "the first of them in the table",
    )
    pipes = running.inventory.process("pipes")
    pipes.send_signal(signal.SIGKILL)
    pipes.wait(10)

    done = running.inventory.run("audit", "--json")
    assert done.returncode == 0, done.stderr + done.stdout
    assert "pipe runtime had died" in done.stderr
    assert json.loads(done.stdout)["discrepancies"] == []
    assert running.inventory.process("pipes").pid != pipes.pid


def test_records_that_come_while_no_pipe_runs_are_carried_when_one_does(running, joined, inventory_here):
    shelf = deployment.find(joined, "inventory")
    pipes = running.inventory.process("pipes")
    pipes.send_signal(signal.SIGKILL)
    pipes.wait(10)
    producer.send(
        shelf,
        story(added("PATIENT-MUG", 5), decremented("PATIENT-MUG", 1), incremented("PATIENT-MUG", 3)),
        progress=False,
    )
    assert inventory_here("audit")["discrepancies"] == []
    [mug] = [each for each in inventory_here("stock") if each["product_id"] == "PATIENT-MUG"]
    assert (mug["quantity"], mug["version"]) == (7, 3)
