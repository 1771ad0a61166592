"""Who sends what: notebooks side by side, interrupted, or with another story on the stream than they ask for."""

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from types import SimpleNamespace

import pytest

from pipeline.consistency import oracle
from pipeline.errors import UserError
from pipeline.notebook import (
    ensure_sent,
    only_sender,
    records,
    send_by_hand,
    send_story,
    sending,
    sending_again,
    story,
)
from pipeline.notebook.by_hand import laptop_event
from pipeline.notebook.story import still_to_send
from pipeline.stories import producer
from pipeline.stories.scenarios import write_story
from tests.doubles.kinesis import STREAM, Kinesis

ROUGH, SEED_8 = ("rough-day", 300, 6, 7), ("rough-day", 300, 6, 8)


class Stack:
    """A stack's stream, and the folder in which it is noted what was sent to it."""

    stack_name = "inventory-tutorial"

    def __init__(self, folder: Path, created: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        self.kinesis, self.outputs = Kinesis(shards=2), {"StreamName": STREAM}
        self.cloud = SimpleNamespace(client=lambda service: self.kinesis, read_pause_seconds=0)
        self.sent_log = folder / "sent" / "sent.jsonl"
        summary = self.kinesis.describe_stream_summary(StreamName=STREAM)["StreamDescriptionSummary"]
        described = {"StreamDescriptionSummary": summary | {"StreamCreationTimestamp": created}}
        self.kinesis.describe_stream_summary = lambda **stream: described

    def holds(self, *parameters) -> bool:
        """Say whether the stream holds this story and nothing else, every product's records in its order."""
        lying = [(record["PartitionKey"], record["Data"]) for record in self.kinesis.records]
        wanted = [(record.partition_key, record.data) for record in write_story(*parameters)]
        return sorted(lying, key=lambda one: one[0]) == sorted(wanted, key=lambda one: one[0])


@pytest.fixture(autouse=True)
def unwatched(monkeypatch):
    """Only send, without a table to read."""

    def send(pipeline, story, unsent, rate, show):
        producer.publish(pipeline.kinesis, STREAM, unsent, sent_log=pipeline.sent_log, progress=False)

    monkeypatch.setattr(sending, "send_and_watch", send)
    monkeypatch.setattr(sending, "read_until_shown", lambda pipeline, log: None)


@pytest.fixture
def stack(tmp_path):
    return Stack(tmp_path)


def interrupt(monkeypatch, after: int, error: type[BaseException] = KeyboardInterrupt) -> None:
    """Let the next sending end after so many records."""
    send = sending.send_and_watch

    def send_some(pipeline, story, unsent, rate, show):
        monkeypatch.setattr(sending, "send_and_watch", send)
        send(pipeline, story, unsent[:after], rate, show)
        raise error

    monkeypatch.setattr(sending, "send_and_watch", send_some)


def test_a_story_is_sent_once_whoever_asks_for_it_again(stack):
    for _ in range(2):
        assert send_story(stack, *ROUGH) == write_story(*ROUGH)
        assert len(ensure_sent(stack, *ROUGH)) == 300
    assert stack.holds(*ROUGH)


def test_of_notebooks_side_by_side_one_sends_and_the_others_wait(stack, monkeypatch, capsys):
    monkeypatch.setattr(story, "LONG_SECONDS", 0.01)
    send, waits, begun = sending.send_and_watch, Event(), Event()

    def send_slowly(pipeline, *what):
        begun.set()
        assert waits.wait(30)
        send(pipeline, *what)

    monkeypatch.setattr(sending, "send_and_watch", send_slowly)
    monkeypatch.setattr("builtins.print", lambda line: (lines.append(line), waits.set()))
    lines: list[str] = []
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(send_story, stack, *ROUGH)
        assert begun.wait(30)
        second = pool.submit(ensure_sent, stack, *SEED_8)
        first.result()
        second.result()
    assert stack.holds(*ROUGH)
    waiting, shown = lines
    assert waiting.startswith("Another notebook sends the story scenario rough-day, event_count 300")
    assert shown.startswith("The stream of this stack holds the story scenario rough-day") and "seed 7" in shown


@pytest.mark.parametrize("resume", [send_story, ensure_sent])
def test_an_interrupted_sending_goes_on_where_it_stopped(stack, monkeypatch, resume):
    interrupt(monkeypatch, after=40)
    with pytest.raises(UserError, match="run this cell again, and the sending goes on where it stopped"):
        send_story(stack, *ROUGH)
    assert len(stack.kinesis.records) == 40
    resume(stack, *ROUGH)
    assert stack.holds(*ROUGH)


def test_04_finishes_the_story_that_was_begun_and_not_the_one_of_its_parameters(stack, monkeypatch):
    interrupt(monkeypatch, after=40)
    with pytest.raises(UserError):
        send_story(stack, *SEED_8)
    ensure_sent(stack, *ROUGH)
    assert stack.holds(*SEED_8)


def test_a_request_whose_answer_was_lost_is_no_other_story(stack, monkeypatch):
    interrupt(monkeypatch, after=40)
    with pytest.raises(UserError):
        send_story(stack, *ROUGH)
    last = stack.kinesis.records[-1]
    stack.kinesis.put(last["PartitionKey"], last["Data"])
    send_story(stack, *ROUGH)
    assert len(stack.kinesis.records) == 301


def test_a_story_that_was_begun_by_hand_is_finished(stack):
    first = write_story(*ROUGH)[0]
    with only_sender(stack, *ROUGH) as unsent:
        assert unsent == write_story(*ROUGH)
        stack.kinesis.put(first.partition_key, first.data)
    with only_sender(stack, *ROUGH) as unsent:
        assert unsent == write_story(*ROUGH)[1:]
    ensure_sent(stack, *SEED_8)
    assert stack.holds(*ROUGH)


def test_another_story_is_not_sent_on_top_and_the_error_names_the_parameter_that_helps(stack):
    send_story(stack, *SEED_8)
    with pytest.raises(UserError) as refused:
        send_story(stack, *ROUGH)
    line = str(refused.value)
    assert "seed 8" in line and "the parameter stack_name" in line
    assert "inventory down" not in line and "\n" not in line
    assert stack.holds(*SEED_8)


def test_records_of_somebody_else_are_shown_and_nothing_is_sent(stack, capsys):
    stack.kinesis.put("MUG-1", b'{"event_type": "product_added"}')
    assert [record.partition_key for record in ensure_sent(stack, *ROUGH)] == ["MUG-1"]
    assert "1 record that no notebook sent" in capsys.readouterr().out
    with pytest.raises(UserError, match="1 record that no notebook sent"):
        send_story(stack, *ROUGH)
    send = write_story(*ROUGH)
    assert still_to_send(send, ensure_sent(stack, *ROUGH)) is None


def test_a_note_is_not_believed_about_another_stream_of_the_same_name(tmp_path):
    send_story(Stack(tmp_path), *SEED_8)
    later = Stack(tmp_path, created=datetime(2026, 1, 2, tzinfo=UTC))
    assert story.noted(later) is None
    ensure_sent(later, *ROUGH)
    assert later.holds(*ROUGH)


@pytest.mark.parametrize("garbage", ["", "{", "[]", '{"stream": 1}', json.dumps({"stream": "s", "story": {"x": 1}})])
def test_a_note_that_cannot_be_read_is_no_note(stack, garbage):
    send_story(stack, *ROUGH)
    stack.sent_log.with_name("story.json").write_text(garbage)
    assert story.noted(stack) is None
    send_story(stack, *ROUGH)
    assert stack.holds(*ROUGH)


def test_what_was_read_of_the_table_is_shown_again(stack):
    shown = []
    send_story(stack, *ROUGH)
    stack.sent_log.with_name("reads.jsonl").write_text('{"started": 1.0, "before": 0}\n')
    send_story(stack, *ROUGH, show=shown.append)
    assert [reads.started for reads in shown] == [1.0]


def test_what_is_sent_again_changes_no_stock_and_is_no_other_story(stack):
    send_story(stack, *ROUGH)
    log = records(stack)
    before = oracle.fold(log)
    with sending_again(stack, log, rate=0) as count:
        pass
    after = oracle.fold(records(stack))
    again = {place: outcome for place, outcome in after.outcomes.items() if place not in before.outcomes}
    assert Counter(again.values()) == {"duplicate": count}
    assert count > 100
    assert {name: it.quantity for name, it in after.products.items()} == {
        name: it.quantity for name, it in before.products.items()
    }
    assert send_story(stack, *ROUGH) == write_story(*ROUGH), "03 can be run again"
    assert story.records_not_of(story.Story(*ROUGH), records(stack)) == 0


def test_what_is_sent_by_hand_is_the_notebooks_own(stack, monkeypatch):
    monkeypatch.setattr(sending.audit, "audit", lambda *stack: None)
    send_story(stack, *ROUGH)
    send_by_hand(stack, laptop_event("quantity_incremented", "5"))
    assert send_story(stack, *ROUGH) == write_story(*ROUGH), "03 can be run again"
    assert story.records_not_of(story.Story(*ROUGH), records(stack)) == 0
    assert not story.is_by_hand(b"[1]") and not story.is_by_hand(b"\xff") and not story.is_by_hand(b"{}")


def test_whoever_is_stopped_while_sending_again_says_so(stack, monkeypatch):
    send_story(stack, *ROUGH)
    with pytest.raises(UserError, match="interrupted"), sending_again(stack, records(stack), rate=0):
        raise KeyboardInterrupt
