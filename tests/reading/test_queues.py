"""Looking into a queue takes nothing out of it."""

import base64
import json

import pytest
from stock_projector.events import Refusal
from stock_projector.quarantine import message_for

from pipeline.reading import queues
from tests.doubles.events import DEAD_LETTER, SHARD, added, place, record


class FakeQueue:
    """A queue in memory: a message that was received is hidden until its visibility is changed."""

    def __init__(self, bodies):
        self.visible = [{"ReceiptHandle": str(number), "Body": body} for number, body in enumerate(bodies)]
        self.hidden = {}

    def receive_message(self, *, MaxNumberOfMessages, **_):  # noqa: N803
        taken, self.visible = self.visible[:MaxNumberOfMessages], self.visible[MaxNumberOfMessages:]
        self.hidden |= {each["ReceiptHandle"]: each for each in taken}
        return {"Messages": taken} if taken else {}

    def change_message_visibility_batch(self, *, QueueUrl, Entries):  # noqa: N803
        assert 1 <= len(Entries) <= 10
        for entry in Entries:
            assert entry["VisibilityTimeout"] == 0
            self.visible.append(self.hidden.pop(entry["ReceiptHandle"]))
        return {"Successful": [{"Id": entry["Id"]} for entry in Entries]}


def refused(number, reason="already_active"):
    return message_for(record(added(), number), Refusal(reason, "the product is active"))


def test_every_message_is_seen_once_and_all_can_be_seen_again():
    queue = FakeQueue([refused(number) for number in range(37)])
    first, second = queues.peek(queue, "queue"), queues.peek(queue, "queue")
    assert [each["sequence_number"] for each in first] == [str(place(number)) for number in range(37)]
    assert sorted(each["sequence_number"] for each in second) == sorted(each["sequence_number"] for each in first)
    assert not queue.hidden


def test_an_empty_queue_is_an_empty_table():
    frame = queues.quarantine(FakeQueue([]), "queue")
    assert len(frame) == 0
    assert list(frame.columns) == queues.QUARANTINE_COLUMNS


def test_a_record_that_was_quarantined_twice_counts_once_in_the_order_of_the_log():
    queue = FakeQueue([refused(5), refused(2), refused(5, "out_of_order"), refused(2)])
    frame = queues.quarantine(queue, "queue")
    assert list(frame["sequence_number"]) == [str(place(2)), str(place(5))]
    assert list(frame["shard_id"]) == [SHARD, SHARD]
    assert list(frame["reason"]) == ["already_active", "already_active"]


def test_the_bytes_of_a_record_are_given_back_as_bytes():
    frame = queues.quarantine(FakeQueue([message_for(record(b"\xff\0", 1), Refusal("not_json", "an ff"))]), "queue")
    assert frame["data"][0] == b"\xff\0"
    assert base64.b64encode(frame["data"][0]) == b"/wA="


def test_dead_letters_come_as_aws_writes_them():
    assert queues.dead_letters(FakeQueue([json.dumps(DEAD_LETTER)]), "queue") == [DEAD_LETTER]


@pytest.mark.parametrize("count", [1, 9, 10, 11, 200])
def test_any_number_of_messages_is_put_back(count):
    queue = FakeQueue([refused(number) for number in range(count)])
    assert len(queues.peek(queue, "queue")) == len(queue.visible) == count
