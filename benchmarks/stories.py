"""The events that every contender gets: the same ones, for the same numbers."""

from random import Random

from pipeline.stories.scenarios import NewRecord, StoryWriter, write_story

STOCK = 1_000_000_000  # of every product at first: then no change is ever refused


def everyday(events: int, products: int, seed: int) -> list[NewRecord]:
    """Return a shop's day: the scenario `everyday`."""
    return write_story("everyday", events, products, seed)


def changes(events: int, products: int, skew: float, seed: int) -> tuple[list[str], list[NewRecord]]:
    """Return products that are in stock already, and events that change their quantity."""
    writer = StoryWriter("benchmark", products, seed, skew)
    for product_id in writer.products:
        writer.stock[product_id] = STOCK
        writer.shelf.put(product_id)
    kinds = ("quantity_incremented", "quantity_decremented")
    return writer.products, [
        writer.record(writer.random.choice(kinds), writer.shelf.choose(writer.random), writer.random.randint(1, 9))
        for _ in range(events)
    ]


def once_each(events: int, seed: int) -> list[NewRecord]:
    """Return events of which each adds another product: nothing folds, and no product is in stock before."""
    writer = StoryWriter("benchmark", events, seed)
    return [writer.record("product_added", product_id, 10) for product_id in writer.products]


def bad(events: int) -> list[NewRecord]:
    """Return records that are no JSON, each under another key."""
    return [NewRecord(b"not an event, %d" % number, f"key-{number}") for number in range(events)]


def with_re_sends(story: list[NewRecord], seed: int, share: float = 0.02) -> list[NewRecord]:
    """Return the story with some events sent again, a few places on: the producer got no answer to the first."""
    random = Random(f"re-sends/{seed}")
    placed: list[tuple[float, NewRecord]] = []
    for place, entry in enumerate(story):
        placed.append((place, entry))
        if random.random() < share:
            placed.append((place + random.randint(1, 8) + 0.5, entry))
    return [entry for _, entry in sorted(placed, key=lambda pair: pair[0])]
