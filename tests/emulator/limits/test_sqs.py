"""A poll that does not wait sees some of the messages; whoever reads the queue has to wait for the others."""

import asyncio

import pytest
from ministack.services import sqs as emulated

from pipeline.emulator.limits import sqs
from pipeline.reading import queues

MESSAGES = 9


class Client:
    """A queue in the emulator's own handlers, with the limit in front of them."""

    def __init__(self, monkeypatch):
        monkeypatch.setattr(emulated, "_collect_msgs", sqs.collect_messages)
        self.url = emulated._act_create_queue({"QueueName": "limited"}, "")["QueueUrl"]
        for number in range(MESSAGES):
            emulated._act_send_message({"QueueUrl": self.url, "MessageBody": f'{{"number": {number}}}'}, self.url)

    def receive_message(self, **request):
        return asyncio.run(sqs.receive_message(request, self.url))

    def change_message_visibility_batch(self, **request):
        return emulated._act_change_visibility_batch(request, self.url)


@pytest.fixture
def client(monkeypatch):
    client = Client(monkeypatch)
    yield client
    emulated._act_delete_queue({"QueueUrl": client.url}, client.url)


def test_a_short_poll_sees_some_of_the_messages(client):
    assert len(client.receive_message(MaxNumberOfMessages=10, VisibilityTimeout=0, WaitTimeSeconds=1)["Messages"]) == 9
    seen = [len(client.receive_message(MaxNumberOfMessages=10).get("Messages", [])) for _ in range(sqs.SERVERS)]
    assert max(seen) < MESSAGES and sum(seen) == MESSAGES


def test_whoever_looks_into_the_queue_sees_all_of_them(client, monkeypatch):
    assert [len(queues.peek(client, client.url)) for _ in range(2)] == [MESSAGES] * 2
    client.receive_message(MaxNumberOfMessages=8, WaitTimeSeconds=1)
    assert len(queues.peek(client, client.url)) == 1
    monkeypatch.setattr(queues, "LONG_POLL_SECONDS", 0)
    assert 0 in [len(queues.peek(client, client.url)) for _ in range(sqs.SERVERS)], "or this test would show nothing"
