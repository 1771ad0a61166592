"""The formula for writes: against cases that can be counted by hand, against draws, and against the real stories."""

from collections import Counter
from hashlib import md5

import numpy as np
import pytest

from pipeline.scale.write_formula import StoryShape, expected_products, expected_writes, popularity, shards_of
from pipeline.stories import scenarios


def test_two_records_about_two_products_make_a_write_and_a_half() -> None:
    assert expected_products(popularity(2, skew=0), 2) == 1.5


def test_a_batch_of_one_is_one_write_and_no_batch_is_none() -> None:
    assert expected_products(popularity(50, skew=1), 1) == pytest.approx(1)
    assert expected_products(popularity(50, skew=1), 0) == 0


@pytest.mark.filterwarnings("error")
def test_a_product_that_gets_everything_is_one_write_however_large_the_batch() -> None:
    assert expected_products(np.array([1.0, 0.0]), 10_000) == 1
    assert expected_products(np.array([1.0, 0.0]), 0) == 0


def test_popularity_is_zipfs_law() -> None:
    assert popularity(3, skew=1) == pytest.approx([6 / 11, 3 / 11, 2 / 11])
    assert popularity(4, skew=0) == pytest.approx([0.25] * 4)


@pytest.mark.parametrize(("products", "skew", "records"), [(100, 0, 1000), (1000, 1, 500), (300, 2, 2000)])
def test_the_formula_is_what_many_draws_come_to(products: int, skew: float, records: int) -> None:
    random, shares = np.random.default_rng(1), popularity(products, skew)
    drawn = [len(set(random.choice(products, size=records, p=shares))) for _ in range(400)]
    within = 4 * np.std(drawn) / len(drawn) ** 0.5
    assert expected_products(shares, records) == pytest.approx(np.mean(drawn), abs=within)


def shard_of(key: str, shards: int) -> int:
    """Kinesis's rule, worked out another way: which of the equal parts of 2^128 the hash falls into."""
    return int(int(md5(key.encode()).hexdigest(), 16) / 2**128 * shards)


def test_products_are_on_the_shards_that_kinesis_puts_them_on() -> None:
    told = scenarios.write_story("everyday", events=2000, products=30)
    placed = dict(zip(sorted({entry.partition_key for entry in told} - {"P98765"}), shards_of(30, 4)[1:], strict=True))
    assert placed == {key: shard_of(key, 4) for key in placed}
    assert len(set(placed.values())) == 4


def keys_of(day: StoryShape) -> list[str]:
    """Tell the real story, or choose from a full shelf; return the product of every event."""
    if day.story == "everyday":
        told = scenarios.write_story("everyday", day.events, day.products, seed=7, skew=day.skew)
        return [entry.partition_key for entry in told]
    writer = scenarios.StoryWriter("changes", day.products, seed=7, skew=day.skew)
    for product_id in writer.products:
        writer.shelf.put(product_id)
    return [writer.shelf.choose(writer.random) for _ in range(day.events)]


def counted(day: StoryShape, batch_size: int) -> int:
    """Count the products in every full batch of the real story."""
    seen: Counter[int] = Counter()
    batches = set()
    for key in keys_of(day):
        shard = shard_of(key, day.shards)
        batches.add((shard, seen[shard] // batch_size, key))
        seen[shard] += 1
    return len(batches)


@pytest.mark.parametrize(
    ("day", "batch_size"),
    [
        pytest.param(StoryShape(8000, 200), 500, id="all alike"),
        pytest.param(StoryShape(8000, 200), 50, id="small batches"),
        pytest.param(StoryShape(8000, 200), 4000, id="large batches"),
        pytest.param(StoryShape(8000, 200, skew=1), 500, id="skewed"),
        pytest.param(StoryShape(8000, 200, skew=2), 500, id="steeply skewed"),
        pytest.param(StoryShape(8000, 200, shards=4), 500, id="more shards"),
        pytest.param(StoryShape(8000, 200, shards=1), 500, id="one shard"),
        pytest.param(StoryShape(8000, 5000), 500, id="a shelf that is never full"),
        pytest.param(StoryShape(8000, 200, story="changes"), 500, id="a shelf that is full from the start"),
        pytest.param(StoryShape(8000, 5000, story="changes"), 500, id="a large shelf that is full from the start"),
        pytest.param(StoryShape(8000, 200, skew=2, story="changes"), 500, id="a full shelf, steeply skewed"),
    ],
)
def test_a_day_costs_the_writes_that_its_story_has(day: StoryShape, batch_size: int) -> None:
    assert expected_writes(day, batch_size) == pytest.approx(counted(day, batch_size), rel=0.05)


@pytest.mark.filterwarnings("error")
def test_a_day_with_fewer_products_than_shards_comes_to_an_end() -> None:
    assert 0 < expected_writes(StoryShape(1000, products=2, shards=16), 100) <= 2 * 12


def test_a_day_is_settled_when_its_shelf_is_full_for_most_of_it() -> None:
    assert StoryShape(20_000, products=200).is_settled
    assert not StoryShape(20_000, products=3000).is_settled  # full in the end
    assert StoryShape(20_000, products=3000, story="changes").is_settled
