"""A producer, for the simulation: seeded events, published in order per product through a boto3-shaped client.

`publish` is the place for the project's own producer: it is given the same client and the same events.
"""

from collections import deque
from collections.abc import Iterator
from random import Random
from typing import Any

from botocore.exceptions import ReadTimeoutError

from tests.proof.events import Said, event

KINDS = ("product_added", "quantity_incremented", "quantity_decremented", "product_removed")
WEIGHTS = (12, 42, 42, 4)
POISON = (
    b"\xff\xfe",
    b"[]",
    b'{"event_type": "product_removed", "product": 1e999}',  # it is JSON, and cannot be written as such again
    b'{"event_type": "product_lost", "product": {}}',
    b'{"event_type": "product_removed", "product": {"product_id": 7}}',
    b'{"event_type": "product_removed", "product": {"product_id": "elsewhere", "timestamp": "2023-09-11T12:00:00Z"}}',
)


def invent(random: Random, events: int, products: int) -> Iterator[Said]:
    """Invent events: mostly good ones, 5 % re-sent (from however far back), 1 % poison, some without an `event_id`."""
    sent: dict[str, list[Said]] = {}
    for number in range(events):
        product = f"PRODUCT-{min(random.randrange(products), random.randrange(products))}"
        earlier = sent.setdefault(product, [])
        if random.random() < 0.01:
            yield product, random.choice(POISON)
        elif earlier and random.random() < 0.05:
            yield random.choice(earlier[-40:])
        else:
            kind = "product_added" if not earlier else random.choices(KINDS, WEIGHTS)[0]
            event_id = f"event-{number}" if random.random() < 0.8 else ""
            earlier.append(event(kind, product, random.randint(1, 20), event_id, name=f"Name {number}"))
            yield earlier[-1]


def publish(client: Any, stream_name: str, events: Iterator[Said], random: Random) -> Iterator[None]:
    """Publish, one PutRecords a step. A product is never twice in a request: what fails of it comes before its next."""
    waiting: deque[Said] = deque()
    for said in events:
        waiting.append(said)
        if len(waiting) < random.randint(1, 60):
            continue
        _put(client, stream_name, waiting)
        yield
    while waiting:
        _put(client, stream_name, waiting)
        yield


def _put(client: Any, stream_name: str, waiting: deque[Said]) -> None:
    request: dict[str, Said] = {}
    later: list[Said] = []
    for said in waiting:
        (later.append(said) if said[0] in request else request.__setitem__(said[0], said))
    entries = [{"Data": data, "PartitionKey": key} for key, data in request.values()]
    try:
        answers = client.put_records(StreamName=stream_name, Records=entries)["Records"]
    except ReadTimeoutError:
        return  # nobody knows whether they were written: all of them again, before anything else
    failed = [said for said, answer in zip(request.values(), answers, strict=True) if "ErrorCode" in answer]
    waiting.clear()
    waiting.extend([*failed, *later])
