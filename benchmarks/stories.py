"""The events that every contender gets: the same ones, for the same numbers."""

from random import Random

from pipeline.stories.scenarios import Entry, Teller, tell

STOCK = 1_000_000_000  # of every product at first: then no change is ever refused


def everyday(events: int, products: int, seed: int) -> list[Entry]:
    """Return a shop's day: the scenario `everyday`."""
    return tell("everyday", events, products, seed)


def changes(events: int, products: int, skew: float, seed: int) -> tuple[list[str], list[Entry]]:
    """Return products that are in stock already, and events that change their quantity."""
    teller = Teller("benchmark", products, seed, skew)
    for product_id in teller.products:
        teller.stock[product_id] = STOCK
        teller.shelf.put(product_id)
    kinds = ("quantity_incremented", "quantity_decremented")
    return teller.products, [
        teller.entry(teller.random.choice(kinds), teller.shelf.choose(teller.random), teller.random.randint(1, 9))
        for _ in range(events)
    ]


def with_re_sends(story: list[Entry], seed: int, share: float = 0.02) -> list[Entry]:
    """Return the story with some events sent again, a few places on: the producer got no answer to the first."""
    random = Random(f"re-sends/{seed}")
    placed: list[tuple[float, Entry]] = []
    for place, entry in enumerate(story):
        placed.append((place, entry))
        if random.random() < share:
            placed.append((place + random.randint(1, 8) + 0.5, entry))
    return [entry for _, entry in sorted(placed, key=lambda pair: pair[0])]
