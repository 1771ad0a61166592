"""Which records a filter lets through."""

import json
from typing import Any

import pytest

from pipeline.pipe.validation import problem_of
from tests.pipe.harness import CHAIR, LAPTOP, QUEUE, Harness


def _filtered(harness: Harness, *patterns: Any, **given: Any) -> list[str]:
    """Run a pipe with filters over what lies in the stream, and return what came through."""
    run = harness.run(filters=tuple(json.dumps(pattern) for pattern in patterns), **given)
    harness.eventually(lambda: harness.is_drained(run))
    return harness.delivered()


def test_a_filter_lets_through_what_matches_and_passes_over_the_rest(harness: Harness) -> None:
    """Guide, eb-pipes-event-filtering: "the streams iterator advances past this record"."""
    for key in (LAPTOP, CHAIR, LAPTOP):
        harness.kinesis.put(key, key)
    assert _filtered(harness, {"partitionKey": [LAPTOP]}) == [LAPTOP, LAPTOP]
    assert harness.mailbox.letters == []


def test_a_filter_looks_into_data_as_json(harness: Harness) -> None:
    """Guide, eb-pipes-event-filtering: "you can use filters on the decoded fields"."""
    for city in ("Seattle", "Bremen"):
        harness.kinesis.put(LAPTOP, json.dumps({"place": {"City": city}}))
    assert _filtered(harness, {"data": {"place": {"City": ["Seattle"]}}}) == ['{"place": {"City": "Seattle"}}']


def test_a_filter_on_data_drops_what_is_not_json_without_a_trace(harness: Harness) -> None:
    """Guide, eb-pipes-event-filtering, table: incoming data Non-JSON, pattern valid JSON: drops the record."""
    for data in (b"not json", b"\xff", b"[" * 100_000, b'{"a": 1}'):
        harness.kinesis.put(LAPTOP, data)
    assert _filtered(harness, {"data": {"a": [1]}}, dead_letter_arn=QUEUE) == ['{"a": 1}']
    assert harness.mailbox.letters == []


def test_a_filter_on_other_fields_lets_through_what_is_not_json(harness: Harness) -> None:
    """Guide, eb-pipes-event-filtering, table: no pattern for data: filters on the other properties only."""
    harness.kinesis.put(LAPTOP, b"not json")
    harness.kinesis.put(CHAIR, b"not json either")
    assert _filtered(harness, {"partitionKey": [LAPTOP]}) == ["not json"]


def test_one_of_several_filters_is_enough(harness: Harness) -> None:
    """Guide, eb-pipes-event-filtering, a list of filters; Lambda guide: "logically ORed together"; five at most."""
    for key in ("a", "b", "c"):
        harness.kinesis.put(key, key)
    assert _filtered(harness, {"partitionKey": ["a"]}, {"partitionKey": ["c"]}) == ["a", "c"]
    assert "5" in problem_of(harness.settings(filters=('{"partitionKey": ["a"]}',) * 6))


MATCHES: dict[str, tuple[Any, list[Any], list[Any]]] = {
    "equals": (["Al", 7, True, None, ""], ["Al", 7, True, None, "", ["Bob", "Al"]], ["al", "7", 1, False, 7.0]),
    "prefix": ([{"prefix": "us-"}], ["us-east-1"], ["eu-us-", 7, None]),
    "prefix ignoring case": ([{"prefix": {"equals-ignore-case": "EventB"}}], ["eventbridge"], ["bridge"]),
    "suffix": ([{"suffix": ".png"}], ["dir/a.png", ".png"], ["a.PNG", "png", "a.png.txt"]),
    "suffix ignoring case": ([{"suffix": {"equals-ignore-case": "TBridge"}}], ["eventbridge"], ["bridge-t"]),
    "equals ignoring case": ([{"equals-ignore-case": "alice"}], ["ALICE", "Alice"], ["Alicia", 7]),
    "anything but": ([{"anything-but": "initializing"}], ["running", 7], ["initializing"]),
    "anything but several": ([{"anything-but": [100, 200]}], [300, "100"], [100, 200]),
    "numeric range": ([{"numeric": [">", 0, "<=", 5]}], [1, 5, 0.5], [0, 6, "1", True, None]),
    "numeric equals": ([{"numeric": ["=", 3.018e2]}], [301.8], [302]),
    "or": (["Credit", {"prefix": "Deb"}], ["Credit", "Debit"], ["Cash"]),
}  # fmt: skip


@pytest.mark.parametrize("operator", MATCHES)
def test_the_comparison_operators_of_pipes(harness: Harness, operator: str) -> None:
    """Guide, eb-create-pattern-operators: the operators whose column "Pipe support" says yes."""
    pattern, matching, other = MATCHES[operator]
    for value in [*matching, *other]:
        harness.kinesis.put(LAPTOP, json.dumps({"value": value}))
    assert [json.loads(data)["value"] for data in _filtered(harness, {"data": {"value": pattern}})] == matching


def test_exists_asks_for_a_leaf(harness: Harness) -> None:
    """Guide, eb-event-patterns-content-based-filtering: "Exists matching only works on leaf nodes"."""
    for event in ({"count": 0}, {"other": 1}, {"count": {"c1": 100}}):
        harness.kinesis.put(LAPTOP, json.dumps(event))
    assert _filtered(harness, {"data": {"count": [{"exists": True}]}}) == ['{"count": 0}']
    harness.stop(harness.runs[0])
    harness.function.batches.clear()
    assert _filtered(harness, {"data": {"count": [{"exists": False}]}}, created_at=2.0) == [
        '{"other": 1}', '{"count": {"c1": 100}}',
    ]  # fmt: skip


def test_fields_are_anded_and_dollar_or_gives_alternatives(harness: Harness) -> None:
    """Guide, eb-create-pattern-operators: And, and "Or (multiple fields)"."""
    for event in ({"a": 1, "b": 1}, {"a": 1, "b": 2}, {"a": 2, "b": 2}, {"a": 1, "b": 3}):
        harness.kinesis.put(LAPTOP, json.dumps(event))
    pattern = {"data": {"a": [1], "$or": [{"b": [1]}, {"b": [{"numeric": [">", 2]}]}]}}
    assert _filtered(harness, pattern) == ['{"a": 1, "b": 1}', '{"a": 1, "b": 3}']


def test_operators_of_event_buses_are_refused(harness: Harness) -> None:
    """Guide, eb-create-pattern-operators: wildcard and anything-but with an operator in it have "Pipe support: No"."""
    for rule in ({"wildcard": "dir/*.png"}, {"anything-but": {"prefix": "us-"}}):
        filters = (json.dumps({"data": {"value": [rule]}}),)
        assert "not in a pipe" in problem_of(harness.settings(filters=filters))
        assert problem_of(harness.settings(filters=filters, bus_operators=True)) == ""


def test_operators_of_event_buses_work_where_the_setting_says_so(harness: Harness) -> None:
    """Guide, eb-event-patterns-content-based-filtering, with PIPES_EVENT_BUS_OPERATORS."""
    for value in ("dir/a.png", "dir/*.gif", "lib/a.png"):
        harness.kinesis.put(LAPTOP, json.dumps({"value": value}))
    patterns = [{"data": {"value": [{"wildcard": rule}]}} for rule in ("dir/*.png", r"dir/\*.gif")]
    unlike = {"data": {"value": [{"anything-but": {"prefix": "dir/"}}]}}
    assert len(_filtered(harness, *patterns, bus_operators=True)) == 2
    harness.stop(harness.runs[0])
    harness.function.batches.clear()
    assert _filtered(harness, unlike, bus_operators=True, created_at=2.0) == ['{"value": "lib/a.png"}']


def test_a_filter_that_cannot_work_is_refused(harness: Harness) -> None:
    """Guide, eb-pipes-event-filtering: "throws an exception"; fields added by polling "can't be used"."""
    for text in (
        "not json", '{"data": ["text"]}', '{"eventSource": ["aws:kinesis"]}', '{"data": {"a": "text"}}', "{}",
        '{"data": {"a": [{"sounds-like": "x"}]}}', '{"data": {"a": [{"numeric": ["~", 1]}]}}', '{"$or": [{"a": [1]}]}',
        '{"$or": [{"awsRegion": ["x"]}, {"partitionKey": ["y"]}]}',
    ):  # fmt: skip
        assert problem_of(harness.settings(filters=(text,))), text
