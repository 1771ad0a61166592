"""How many writes it takes when records are folded by product and batch: the formula, to be compared with the measured.

A batch of n records costs one write for each product that occurs in it. A product that gets the share p of the records
is missing from all n of them with probability (1 - p)^n; so the expected number of products is the sum of
1 - (1 - p)^n. That is exact for records drawn one independently of the other.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import md5
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.stories.scenarios import StoryWriter

Shares = npt.NDArray[np.float64]  # of the records, one for each product; they sum to 1

MOST_BYTES = 6 * 1024 * 1024  # in one invocation
RECORD_BYTES = 833  # of one of our records as a pipe hands it over: data in base64, names and ARNs
ADDED_OF_EVENTS = 0.2  # while products are missing: every fifth event of an everyday story adds one
TAKEN_OFF = 0.02  # of all events: any product, whatever its popularity; it comes back within a few events


def popularity(products: int, skew: float) -> Shares:
    """Return the share of the events that each product gets, the most popular first: Zipf's law with that exponent."""
    weights = np.arange(1, products + 1, dtype=float) ** -skew
    return weights / weights.sum()


def expected_products(shares: Shares, records: float) -> float:
    """Return how many products are expected in a batch.

    Args:
        shares: of the records, for each product that can be in the batch.
        records: how many records the batch has.
    """
    if not records:
        return 0.0
    with np.errstate(divide="ignore"):  # a product that gets everything: log(0), and then a certainty
        return float(-np.expm1(records * np.log1p(-np.minimum(shares, 1))).sum())


@dataclass(frozen=True)
class StoryShape:
    """A story of the benchmark, as far as its writes depend on it.

    Args:
        events: how many the story has.
        products: how many it is about.
        skew: how unlike in popularity they are.
        shards: how many the stream has.
        story: `everyday`, where the shelf is empty at first, or `changes`, where all products are there all the time.
    """

    events: int
    products: int
    skew: float = 0
    shards: int = 2
    story: str = "everyday"

    @classmethod
    def of(cls, drain: Mapping[str, Any]) -> "StoryShape":
        """Return the story that a drain worked off: a row of `benchmark.drains`."""
        events, products, shards = (int(drain[name]) for name in ("events", "products", "shards"))
        return cls(events, products, float(drain["skew"]), shards, str(drain["story"]))

    def on_the_shelf(self, event: float) -> float:
        """Return how many products have been added before that event."""
        if self.story != "everyday":
            return self.products
        return min(self.products, self.events, 2 + ADDED_OF_EVENTS * event)

    @property
    def is_settled(self) -> bool:
        """Say whether all products were there for most of the story."""
        return self.on_the_shelf(self.events / 4) >= self.products

    def shares(self, products: int) -> Shares:
        """Return the part of the events that are about each product while so many are on the shelf."""
        if self.story != "everyday":
            return popularity(products, self.skew)
        return (1 - 2 * TAKEN_OFF) * popularity(products, self.skew) + TAKEN_OFF / products


def shards_of(products: int, shards: int) -> npt.NDArray[np.int64]:
    """Return the shard of each product of a story: Kinesis cuts the range of the key's MD5 into equal parts."""
    keys = (product_id.encode() for product_id in StoryWriter("everyday", products, seed=0).products)
    places = [int.from_bytes(md5(key, usedforsecurity=False).digest()) * shards >> 128 for key in keys]
    return np.array(places, dtype=np.int64)


def expected_writes(story: StoryShape, batch_size: int) -> float:
    """Return how many writes a story costs in full batches; a batch is also full when it has 6 MB.

    The shelf fills while the story goes on: what a batch adds is in it for certain, what was there before with the
    probability above.
    """
    batch_size = min(batch_size, MOST_BYTES // RECORD_BYTES)
    shard_of = shards_of(story.products, story.shards)
    return sum(_writes_on(shard_of == shard, story, batch_size) for shard in range(story.shards))


def _writes_on(here: npt.NDArray[np.bool_], story: StoryShape, batch_size: int) -> float:
    writes, start = 0.0, 0.0
    while start < story.events - 0.5:
        before = round(story.on_the_shelf(start))
        end = min(
            float(story.events), start + batch_size * story.shards
        )  # about: how far the batch reaches in the story
        middle = max(before, round(story.on_the_shelf((start + end) / 2)))
        during = np.where(here[:middle], story.shares(middle), 0)
        adding = (story.on_the_shelf(end) - before) / (end - start)
        of_all = (
            adding * here.mean() + (1 - adding) * during.sum() / story.shares(middle).sum()
        )  # of the story's events
        if of_all <= 0:
            break  # fewer products than shards, and this shard has none
        records = min(float(batch_size), of_all * (story.events - start))
        end = start + records / of_all
        added = here[before : round(story.on_the_shelf(end))].sum()
        writes += added + expected_products(during[:before] * (1 - adding) / of_all, records)
        start = end
    return writes
