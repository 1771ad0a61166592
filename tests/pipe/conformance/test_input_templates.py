"""What an input template makes of a record."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from pipeline.pipe.validation import problem_of
from tests.doubles.kinesis import ARN
from tests.pipe.harness import LAPTOP, PIPE, QUEUE, Harness, failures


def _transformed(harness: Harness, template: str, *data: str) -> list[Any]:
    for event in data:
        harness.kinesis.put(LAPTOP, event)
    run = harness.run(input_template=template)
    harness.eventually(lambda: harness.is_drained(run))
    return [record for batch in harness.function.batches for record in batch]


def test_a_template_is_applied_to_every_record_and_looks_into_data(harness: Harness) -> None:
    """Guide, eb-pipes-input-transformation, "Implicit body data parsing": `<$.data.someKey>`; one by one in a batch."""
    template = (
        '{"id": <$.data.product.id>, "n": <$.data.n>, "key": <$.partitionKey>, "all": <$.data>, "one": <$.data.l[1]>}'
    )
    events = [{"product": {"id": 'a"b'}, "n": 1, "l": [1, 2]}, {"product": {"id": "c"}, "n": None, "l": [3, [4]]}]
    assert _transformed(harness, template, *map(json.dumps, events)) == [
        {"id": 'a"b', "n": 1, "key": LAPTOP, "all": events[0], "one": 2},
        {"id": "c", "n": None, "key": LAPTOP, "all": events[1], "one": [4]},
    ]
    assert len(harness.function.batches) == 1


def test_a_variable_in_quotes_becomes_text(harness: Harness) -> None:
    """Guide, eb-pipes-input-transformation: "Dynamic string"; and the quotes of an object within quotes go."""
    template = '{"hello": "Hello, <$.data.name>: <$.data.n> of \\"it\\"", "flat": "<$.data.o>", "none": "<$.data.x>"}'
    assert _transformed(harness, template, json.dumps({"name": 'A"l\n', "n": 2, "o": {"key": "value"}})) == [
        {"hello": 'Hello, A"l\n: 2 of "it"', "flat": "{key: value}", "none": ""}
    ]


def test_a_lone_path_to_an_object_loses_its_quotes(harness: Harness) -> None:
    """Guide, eb-pipes-input-transformation: `{"key": "value"}` "will become `"{key: value}"` when delivered"."""
    assert _transformed(harness, "<$.data>", '{"key": "value"}') == ["{key: value}"]


def test_a_template_may_be_plain_text(harness: Harness) -> None:
    """Guide, eb-pipes-input-transformation: "Static string", "Dynamic string"."""
    assert _transformed(harness, "Hello, <$.data.name>!", '{"name": "Al"}') == ["Hello, Al!"]


def test_data_that_is_not_json_stays_base64(harness: Harness) -> None:
    """Guide, eb-pipes-input-transformation: "if the payload is not valid JSON, EventBridge base64-encodes"."""
    assert _transformed(harness, '{"data": <$.data>, "inside": <$.data.x>}', "plain") == [
        {"data": base64.b64encode(b"plain").decode(), "inside": ""}
    ]


def test_the_reserved_variables(harness: Harness) -> None:
    """Guide, eb-pipes-input-transformation, "Reserved variables"."""
    template = (
        '{"arn": <aws.pipes.pipe-arn>, "name": <aws.pipes.pipe-name>, "source": <aws.pipes.source-arn>, '
        '"target": "<aws.pipes.target-arn>", "at": <aws.pipes.event.ingestion-time>, "event": <aws.pipes.event>, '
        '"json": <aws.pipes.event.json>}'
    )
    [made] = _transformed(harness, template, '{"a": 1}')
    assert (made["arn"], made["name"], made["source"]) == (PIPE, "stock-pipe", ARN)
    assert made["target"].endswith(":function:projector")
    assert abs(datetime.fromisoformat(made["at"]) - datetime.now(UTC)) < timedelta(minutes=1)
    assert json.loads(made["event"])["data"] == base64.b64encode(b'{"a": 1}').decode()
    assert made["json"] == json.loads(made["event"]) | {"data": {"a": 1}}


def test_a_template_that_makes_no_json_fails_the_delivery(harness: Harness) -> None:
    """Guide, eb-pipes-input-transformation: for Lambda, "this will cause delivery failure"."""
    harness.kinesis.put(LAPTOP, '{"a": 1}')
    run = harness.run(input_template='{"a": <$.data.a>', maximum_retry_attempts=0, dead_letter_arn=QUEUE)
    harness.eventually(lambda: harness.is_drained(run))
    assert harness.function.batches == [] and len(harness.mailbox.letters) == 1
    assert problem_of(harness.settings(input_template="<$.data..a>"))
    assert problem_of(harness.settings(input_template="<aws.pipes.unknown>"))


def test_transformed_records_are_named_by_their_event_id(harness: Harness) -> None:
    """Guide, eb-pipes-batching-concurrency: "these fields need to be included"."""
    harness.function.does = lambda records: failures(records[1]["id"]) if len(records) > 1 else None
    made = _transformed(harness, '{"id": <$.eventID>, "n": <$.data>}', "0", "1")
    assert [record["n"] for record in made] == [0, 1, 1]
