"""A short poll asks some of a queue's servers: it may see nothing although there is something. A long one asks all."""

import asyncio
import time
from collections import Counter
from contextvars import ContextVar
from typing import Any
from zlib import crc32

from ministack.services import sqs

from pipeline.emulator.limits import is_on

SERVERS = 3  # each short poll asks the next one
HASTE = 0.1  # seconds here for each that a long poll of an empty queue waits: nobody learns more by waiting longer

_is_short: ContextVar[bool] = ContextVar("is_short", default=False)
_polls: Counter[str] = Counter()  # by queue
_act_receive_message, _collect_msgs = sqs._act_receive_message, sqs._collect_msgs


async def receive_message(request: dict[str, Any], queue_url: str) -> Any:
    """Receive; a short poll from one server, a long one from all, and for a tenth of the time that it asks for."""
    queue = sqs._get_q(request.get("QueueUrl", queue_url), "sqs:ReceiveMessage")
    wait = request.get("WaitTimeSeconds", queue["attributes"].get("ReceiveMessageWaitTimeSeconds", 0))
    token, ends = _is_short.set(not int(wait)), time.monotonic() + HASTE * int(wait)
    try:
        while True:
            answer = await _act_receive_message(request | {"WaitTimeSeconds": 0}, queue_url)
            if answer or time.monotonic() >= ends:
                return answer
            await asyncio.sleep(HASTE / 2)
    finally:
        _is_short.reset(token)


def collect_messages(queue: dict[str, Any], most: int, hidden_seconds: int) -> Any:
    """Collect messages: those of one server, for a short poll."""
    if not _is_short.get() or queue["is_fifo"]:
        return _collect_msgs(queue, most, hidden_seconds)
    name = queue["attributes"].get("QueueArn", "")
    _polls[name] += 1
    server = _polls[name] % SERVERS
    there = [message for message in queue["messages"] if crc32(message["id"].encode()) % SERVERS == server]
    return _collect_msgs(queue | {"messages": there}, most, hidden_seconds)


def impose() -> None:
    """Put the limit in force, if it is not switched off."""
    if is_on("sqs-short-polls"):
        sqs._HANDLERS["ReceiveMessage"], sqs._collect_msgs = receive_message, collect_messages
