"""Stories of events: named, seeded, the same on every machine. Trouble is written into the story, not left to chance.

A story is a list of `NewRecord`, in the order in which they are to be sent. The same name,
seed and numbers make the same story.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from itertools import count, cycle, islice
from random import Random
from typing import Any

from pipeline.stories.popularity import Shelf

OPENING = datetime(2023, 9, 11, 12, tzinfo=UTC)
STEP = timedelta(milliseconds=250)
LAPTOP, LAPTOPS = "P98765", 10  # the brief's own sample: it opens every story

KINDS = ("Laptop", "Lamp", "Chair", "Mug", "Backpack", "Headphones", "Notebook", "Kettle", "Keyboard", "Blanket")
KINDS_OF_POISON = 7
LOOKS = ("Crunchy", "Quiet", "Round", "Amber", "Folding", "Nordic", "Tiny", "Brave", "Velvet", "Copper")


@dataclass(frozen=True)
class NewRecord:
    """One record to send: its bytes, and the key that picks its shard."""

    data: bytes
    partition_key: str


Event = dict[str, Any]
Scenario = Callable[["StoryWriter", int, int], Iterator[NewRecord]]


class StoryWriter:
    """Writes events, each with its own `event_id` and time, and knows what is in stock while it does."""

    def __init__(self, name: str, products: int, seed: int, skew: float = 0) -> None:
        self.random = Random(f"{name}/{seed}")
        others = (product_id for number in count(10_001) if (product_id := f"P{number}") != LAPTOP)
        self.products = [LAPTOP, *islice(others, products - 1)]
        self.shelf = Shelf(self.products, skew)
        self.stock: dict[str, int] = {}
        self._name, self._seed, self._written = name, seed, 0

    def event(self, event_type: str, product_id: str, quantity: int | None = None) -> Event:
        """Write one event, as the brief spells it."""
        moment = OPENING + self._written * STEP
        identity = blake2b(f"{self._name}/{self._seed}/{self._written}".encode(), digest_size=16).hexdigest()
        self._written += 1
        product: Event = {"product_id": product_id}
        if event_type == "product_added":
            product["product_name"] = name_of(product_id)
        if quantity is not None:
            product["quantity"] = quantity
        product["timestamp"] = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z").replace(".000", "")
        return {"event_type": event_type, "event_id": identity, "product": product}

    def record(self, event_type: str, product_id: str, quantity: int | None = None) -> NewRecord:
        """Write one event, bring the stock forward by it, and pack it."""
        self._follow(event_type, product_id, quantity or 0)
        return pack(self.event(event_type, product_id, quantity))

    def _follow(self, event_type: str, product_id: str, quantity: int) -> None:
        if event_type == "product_added":
            self.stock[product_id] = quantity
            self.shelf.put(product_id)
        elif event_type == "product_removed":
            del self.stock[product_id]
            self.shelf.take(product_id)
        elif event_type == "quantity_incremented":
            self.stock[product_id] += quantity
        elif quantity <= self.stock[product_id]:  # more than there is will be refused
            self.stock[product_id] -= quantity


def pack(event: Event) -> NewRecord:
    """Put an event into a record: its JSON, under its product's id."""
    return NewRecord(json.dumps(event).encode(), event["product"]["product_id"])


def name_of(product_id: str) -> str:
    """Name a product: the laptop of the brief's sample, or something a shop could sell."""
    if product_id == LAPTOP:
        return "Laptop"
    number = int(product_id[1:])
    return f"{LOOKS[number // len(KINDS) % len(LOOKS)]} {KINDS[number % len(KINDS)]}"


def sold_out(writer: StoryWriter) -> NewRecord:
    """Sell every laptop there is, not one more: the case that `>` in the place of `>=` would get wrong."""
    return writer.record("quantity_decremented", LAPTOP, writer.stock[LAPTOP])


def everyday(writer: StoryWriter, events: int, products: int) -> Iterator[NewRecord]:
    """A shop's day: products come in, are sold out, restocked, taken off and brought back. Nothing goes wrong."""
    random = writer.random
    yield writer.record("product_added", LAPTOP, LAPTOPS)
    if events > 1:
        yield sold_out(writer)
    for _ in range(events - 2):
        new = len(writer.stock) < len(writer.products) and (len(writer.stock) < 2 or random.random() < 0.2)
        if new:
            yield writer.record("product_added", writer.shelf.missing(), random.randint(20, 200))
            continue
        product_id = writer.shelf.choose(random)
        held, dice = writer.stock[product_id], random.random()
        if dice < 0.02 and len(writer.stock) > 2:
            unwanted = writer.shelf.choose_any(random, product_id)  # no shop takes off what sells best, again and again
            yield writer.record("product_removed", unwanted)
        elif dice < 0.35 or held == 0:
            yield writer.record("quantity_incremented", product_id, random.randint(5, 60))
        else:
            yield writer.record("quantity_decremented", product_id, random.randint(1, min(held, 12)))


def flash_sale(writer: StoryWriter, events: int, products: int) -> Iterator[NewRecord]:
    """One product that everybody wants: half of all events are the laptop's, until it is sold out and beyond."""
    random = writer.random
    opening = min(len(writer.products), events)
    for product_id in writer.products[:opening]:
        yield writer.record("product_added", product_id, LAPTOPS if product_id == LAPTOP else random.randint(50, 200))
    if events > opening:
        yield sold_out(writer)
    for _ in range(events - opening - 1):
        product_id = LAPTOP if random.random() < 0.5 else writer.shelf.choose(random)
        restock = random.random() < (0.045 if product_id == LAPTOP else 0.05)
        event_type = "quantity_incremented" if restock else "quantity_decremented"
        yield writer.record(event_type, product_id, random.randint(20, 60) if restock else random.randint(1, 3))


def rough_day(writer: StoryWriter, events: int, products: int) -> Iterator[NewRecord]:
    """An everyday with everything that goes wrong: one record in ten is a re-send, one in a hundred is poison."""
    recent: list[NewRecord] = []
    sound = everyday(writer, events, products)
    for _ in range(events):
        dice = writer.random.random()
        if dice < 0.10 and recent:
            yield writer.random.choice(recent[-8:])  # the producer had no answer, and sends it again
        elif dice < 0.11 and recent:
            yield _poison(writer)
        else:
            record = next(sound)
            recent.append(record)
            yield record


def stock_taking(writer: StoryWriter, events: int, products: int) -> Iterator[NewRecord]:
    """Products are taken off and brought back with what was counted, again and again: one event in three is of that."""
    random = writer.random
    yield writer.record("product_added", LAPTOP, LAPTOPS)
    if events > 1:
        yield sold_out(writer)
    for _ in range(events - 2):
        dice, has_room = random.random(), len(writer.stock) < len(writer.products)
        if not writer.stock or (has_room and dice < 0.2):
            yield writer.record("product_added", writer.shelf.missing(), random.randint(20, 200))
            continue
        product_id = writer.shelf.choose(random)
        if dice < 0.35:
            yield writer.record("product_removed", product_id)
        elif dice < 0.6 or not writer.stock[product_id]:
            yield writer.record("quantity_incremented", product_id, random.randint(5, 60))
        else:
            yield writer.record(
                "quantity_decremented", product_id, random.randint(1, min(12, writer.stock[product_id]))
            )


def unreliable_producer(writer: StoryWriter, events: int, products: int) -> Iterator[NewRecord]:
    """A producer that knows little: it sends whole requests again after a time-out, and what was not taken too late."""
    random, sound = writer.random, everyday(writer, events, products)
    yield from islice(sound, 2)
    while request := list(islice(sound, random.randint(1, 10))):
        dice = random.random()
        refused = [record for record in request if random.random() < 0.3] if 0.15 < dice < 0.3 else []
        yield from (record for record in request if record not in refused)
        yield from request if dice < 0.15 else refused  # the answer was lost; or the request was taken in part


def poison(writer: StoryWriter, events: int, products: int) -> Iterator[NewRecord]:
    """An everyday in which every third record can never be applied, each for the next of all reasons in turn."""
    sound, kinds = everyday(writer, events, products), cycle(range(KINDS_OF_POISON))
    for number in range(events):
        yield next(sound) if number % 3 < 2 else _poison(writer, next(kinds))


def _poison(writer: StoryWriter, wanted: int | None = None) -> NewRecord:
    """Write a record that can never be applied: of the kind that is wanted, or of any."""
    product_id = writer.shelf.choose(writer.random)
    held = writer.stock.get(product_id, 0)
    kind = writer.random.randrange(KINDS_OF_POISON) if wanted is None else wanted
    if kind == 0:
        return NewRecord(b'{"event_type": "quantity_decremented", "product": {', product_id)
    if kind == 1:
        return _spoiled(writer, product_id, quantity="a dozen")
    if kind == 2:
        return pack(writer.event("quantity_guessed", product_id, 0))
    if kind == 3:
        return NewRecord(pack(writer.event("quantity_incremented", product_id, 1)).data, f"not-{product_id}")
    if kind == 4:
        return pack(writer.event("product_added", product_id, 1))
    if kind == 5:
        return pack(writer.event("quantity_decremented", product_id, held + 1))
    return pack(writer.event("quantity_incremented", "P00000", 1))  # a product that nobody ever added


def _spoiled(writer: StoryWriter, product_id: str, **fields: Any) -> NewRecord:
    event = writer.event("quantity_incremented", product_id, 0)
    event["product"] |= fields
    return pack(event)


SCENARIOS: dict[str, Scenario] = {
    "everyday": everyday,
    "flash-sale": flash_sale,
    "rough-day": rough_day,
    "stock-taking": stock_taking,
    "unreliable-producer": unreliable_producer,
    "poison": poison,
}


def write_story(name: str, events: int = 1000, products: int = 20, seed: int = 7, skew: float = 0) -> list[NewRecord]:
    """Write the story of that name.

    Args:
        name: one of `SCENARIOS`.
        events: how many records the story has.
        products: how many products it is about, at least one.
        seed: another seed, another story of the same kind.
        skew: how unlike in popularity the products are. 0: all alike; 1: the k-th has 1/k of the first one's events.

    Raises:
        ValueError: the skew is negative, huge or no number.
    """
    return list(_told(StoryWriter(name, products, seed, skew), name, events, products))


def stock_after(name: str, events: int, products: int, seed: int = 7, skew: float = 0) -> dict[str, int]:
    """Count what is in stock after a story as its writer does, who knows what it tells: arguments as above.

    A story that breaks the order of its own events (`unreliable-producer`) ends otherwise.
    """
    writer = StoryWriter(name, products, seed, skew)
    for _ in _told(writer, name, events, products):
        pass
    return writer.stock


def _told(writer: StoryWriter, name: str, events: int, products: int) -> Iterator[NewRecord]:
    return islice(SCENARIOS[name](writer, events, products), events)
