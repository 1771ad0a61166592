"""What an input template makes of a record."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from pipeline.pipe.validation import problem_of
from tests.doubles.kinesis import ARN
from tests.pipe.world import LAPTOP, PIPE, QUEUE, World, failures


def _transformed(world: World, template: str, *data: str) -> list[Any]:
    for each in data:
        world.kinesis.put(LAPTOP, each)
    run = world.run(input_template=template)
    world.eventually(lambda: world.is_drained(run))
    return [record for batch in world.function.batches for record in batch]


def test_a_template_is_applied_to_every_record_and_looks_into_data(world: World) -> None:
    """Guide, eb-pipes-input-transformation, "Implicit body data parsing": `<$.data.someKey>`; one by one in a batch."""
    template = (
        '{"id": <$.data.product.id>, "n": <$.data.n>, "key": <$.partitionKey>, "all": <$.data>, "one": <$.data.l[1]>}'
    )
    events = [{"product": {"id": 'a"b'}, "n": 1, "l": [1, 2]}, {"product": {"id": "c"}, "n": None, "l": [3, [4]]}]
    assert _transformed(world, template, *map(json.dumps, events)) == [
        {"id": 'a"b', "n": 1, "key": LAPTOP, "all": events[0], "one": 2},
        {"id": "c", "n": None, "key": LAPTOP, "all": events[1], "one": [4]},
    ]
    assert len(world.function.batches) == 1


def test_a_variable_in_quotes_becomes_text(world: World) -> None:
    """Guide, eb-pipes-input-transformation: "Dynamic string"; and the quotes of an object within quotes go."""
    template = '{"hello": "Hello, <$.data.name>: <$.data.n> of \\"it\\"", "flat": "<$.data.o>", "none": "<$.data.x>"}'
    assert _transformed(world, template, json.dumps({"name": 'A"l\n', "n": 2, "o": {"key": "value"}})) == [
        {"hello": 'Hello, A"l\n: 2 of "it"', "flat": "{key: value}", "none": ""}
    ]


def test_a_lone_path_to_an_object_loses_its_quotes(world: World) -> None:
    """Guide, eb-pipes-input-transformation: `{"key": "value"}` "will become `"{key: value}"` when delivered"."""
    assert _transformed(world, "<$.data>", '{"key": "value"}') == ["{key: value}"]


def test_a_template_may_be_plain_text(world: World) -> None:
    """Guide, eb-pipes-input-transformation: "Static string", "Dynamic string"."""
    assert _transformed(world, "Hello, <$.data.name>!", '{"name": "Al"}') == ["Hello, Al!"]


def test_data_that_is_not_json_stays_base64(world: World) -> None:
    """Guide, eb-pipes-input-transformation: "if the payload is not valid JSON, EventBridge base64-encodes"."""
    assert _transformed(world, '{"data": <$.data>, "inside": <$.data.x>}', "plain") == [
        {"data": base64.b64encode(b"plain").decode(), "inside": ""}
    ]


def test_the_reserved_variables(world: World) -> None:
    """Guide, eb-pipes-input-transformation, "Reserved variables"."""
    template = (
        '{"arn": <aws.pipes.pipe-arn>, "name": <aws.pipes.pipe-name>, "source": <aws.pipes.source-arn>, '
        '"target": "<aws.pipes.target-arn>", "at": <aws.pipes.event.ingestion-time>, "event": <aws.pipes.event>, '
        '"json": <aws.pipes.event.json>}'
    )
    [made] = _transformed(world, template, '{"a": 1}')
    assert (made["arn"], made["name"], made["source"]) == (PIPE, "stock-pipe", ARN)
    assert made["target"].endswith(":function:projector")
    assert abs(datetime.fromisoformat(made["at"]) - datetime.now(UTC)) < timedelta(minutes=1)
    assert json.loads(made["event"])["data"] == base64.b64encode(b'{"a": 1}').decode()
    assert made["json"] == json.loads(made["event"]) | {"data": {"a": 1}}


def test_a_template_that_makes_no_json_fails_the_delivery(world: World) -> None:
    """Guide, eb-pipes-input-transformation: for Lambda, "this will cause delivery failure"."""
    world.kinesis.put(LAPTOP, '{"a": 1}')
    run = world.run(input_template='{"a": <$.data.a>', maximum_retry_attempts=0, dead_letter_arn=QUEUE)
    world.eventually(lambda: world.is_drained(run))
    assert world.function.batches == [] and len(world.mailbox.letters) == 1
    assert problem_of(world.settings(input_template="<$.data..a>"))
    assert problem_of(world.settings(input_template="<aws.pipes.unknown>"))


def test_transformed_records_are_named_by_their_event_id(world: World) -> None:
    """Guide, eb-pipes-batching-concurrency: "these fields need to be included"."""
    world.function.does = lambda records: failures(records[1]["id"]) if len(records) > 1 else None
    made = _transformed(world, '{"id": <$.eventID>, "n": <$.data>}', "0", "1")
    assert [record["n"] for record in made] == [0, 1, 1]
