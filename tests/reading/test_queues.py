"""Looking into a queue takes nothing out of it."""

import json

import pytest

from pipeline.reading import queues
from tests.doubles.events import DEAD_LETTER


class Queue:
    """A queue in memory: a message that was received is hidden until its visibility is changed."""

    def __init__(self, bodies):
        self.visible = [
            {"MessageId": f"m{n}", "ReceiptHandle": str(n), "Body": body, "Attributes": {"SentTimestamp": f"{n}500"}}
            for n, body in enumerate(bodies)
        ]
        self.hidden = {}

    def get_queue_attributes(self, **_):
        return {"Attributes": {"ApproximateNumberOfMessagesNotVisible": str(len(self.hidden))}}

    def receive_message(self, *, MaxNumberOfMessages, **_):  # noqa: N803
        taken, self.visible = self.visible[:MaxNumberOfMessages], self.visible[MaxNumberOfMessages:]
        self.hidden |= {each["ReceiptHandle"]: each for each in taken}
        return {"Messages": taken} if taken else {}

    def delete_message_batch(self, *, QueueUrl, Entries):  # noqa: N803
        assert 1 <= len(Entries) <= 10
        for entry in Entries:
            del self.hidden[entry["ReceiptHandle"]]

    def change_message_visibility_batch(self, *, QueueUrl, Entries):  # noqa: N803
        assert 1 <= len(Entries) <= 10
        for entry in Entries:
            assert entry["VisibilityTimeout"] == 0
            self.visible.append(self.hidden.pop(entry["ReceiptHandle"]))
        return {"Successful": [{"Id": entry["Id"]} for entry in Entries]}


def letters(count):
    return [json.dumps(DEAD_LETTER | {"version": str(number)}) for number in range(count)]


@pytest.mark.parametrize("count", [0, 1, 9, 10, 11, 37, 200])
def test_every_message_is_seen_once_and_all_can_be_seen_again(count):
    queue = Queue(letters(count))
    for _ in range(2):
        assert sorted(int(each.body["version"]) for each in queues.peek(queue, "queue")) == list(range(count))
        assert not queue.hidden and len(queue.visible) == count


def test_only_the_named_messages_are_deleted():
    queue = Queue(letters(25))
    queues.delete(queue, "queue", {f"m{number}" for number in range(0, 25, 2)})
    assert sorted(each.message_id for each in queues.peek(queue, "queue")) == sorted(f"m{n}" for n in range(1, 25, 2))


def test_letters_that_somebody_else_looks_at_are_waited_for():
    queue = Queue(letters(3))
    taken = queue.receive_message(MaxNumberOfMessages=2)["Messages"]
    asked = queue.get_queue_attributes

    def put_back(**request):
        answer = asked(**request)
        entries = [{"ReceiptHandle": each["ReceiptHandle"], "VisibilityTimeout": 0, "Id": "0"} for each in taken]
        taken.clear()
        queue.change_message_visibility_batch(QueueUrl="queue", Entries=entries) if entries else None
        return answer

    queue.get_queue_attributes = put_back
    assert len(queues.dead_letters(queue, "queue")) == 3


def test_a_foreign_message_is_passed_on_as_it_is():
    assert queues.dead_letters(Queue(["hello", "[1]"]), "queue") == [
        ("m0", 0.5, {"body": "hello"}),
        ("m1", 1.5, {"body": "[1]"}),
    ]


def test_dead_letters_come_as_aws_writes_them():
    assert queues.dead_letters(Queue([json.dumps(DEAD_LETTER)]), "queue") == [("m0", 0.5, DEAD_LETTER)]
