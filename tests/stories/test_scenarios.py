"""Stories: the same for the same seed, opened by the brief's sample, and with exactly the trouble that is in them."""

import json
from collections import Counter
from hashlib import blake2b
from itertools import product
from random import Random

import pytest

from pipeline.consistency import oracle
from pipeline.stories import scenarios
from pipeline.stories.popularity import Shelf
from pipeline.stories.scenarios import StoryWriter
from tests.doubles.events import SAMPLE, record
from tests.proof.deployed import load

TYPES = {"product_added", "product_removed", "quantity_incremented", "quantity_decremented"}
EVERY = pytest.mark.parametrize("name", scenarios.SCENARIOS)


def outcomes(story):
    records = (record(entry.data, number, entry.partition_key) for number, entry in enumerate(story))
    folded = oracle.fold(record._replace(sequence_number=str(record.sequence_number)) for record in records)
    return list(folded.outcomes.values())


def events(story):
    readable = []
    for entry in story:
        try:
            readable.append(json.loads(entry.data))
        except ValueError:
            continue
    return readable


@EVERY
def test_the_same_seed_tells_the_same_story_and_another_seed_another_one(name):
    assert scenarios.write_story(name, 500, 20, seed=7) == scenarios.write_story(name, 500, 20, seed=7)
    assert scenarios.write_story(name, 500, 20, seed=7) != scenarios.write_story(name, 500, 20, seed=8)


@EVERY
def test_another_skew_tells_another_story_and_the_same_skew_the_same_one(name):
    assert scenarios.write_story(name, 500, 20, skew=1.2) == scenarios.write_story(name, 500, 20, skew=1.2)
    assert scenarios.write_story(name, 500, 20, skew=1.2) != scenarios.write_story(name, 500, 20, skew=0)


@EVERY
@pytest.mark.parametrize("skew", [0, 0.5, 1, 2, 10])
def test_the_kth_product_gets_its_share_of_the_events(name, skew):
    """Half of a flash sale's events are the laptop's whatever the skew, so there the others are compared.

    A hundredth of all events may go elsewhere: products come and go alike, and while one is gone the next is taken.
    At a stock-taking they are gone so often that it says nothing.
    """
    if name == "stock-taking":
        return
    products = 12
    counts = Counter(entry.partition_key for entry in scenarios.write_story(name, 20_000, products, skew=skew))
    known = ["P98765", *(f"P{10_000 + number}" for number in range(1, products))]
    first = 1 if name == "flash-sale" else 0
    expected = [place**-skew for place in range(first + 1, products + 1)]
    drawn = sum(counts[product_id] for product_id in known[first:])
    for product_id, share in zip(known[first:], expected, strict=True):
        wanted = drawn * share / sum(expected)
        assert abs(counts[product_id] - wanted) < 0.05 * wanted + 4 * wanted**0.5 + 0.01 * drawn + 5, product_id


def test_who_wanted_a_product_that_is_not_for_sale_takes_the_next_one():
    shelf, dice = Shelf(["CHAIR", "LAMP", "MUG"], skew=10), Random(7)
    for product_id in ("CHAIR", "LAMP", "MUG"):
        assert shelf.missing() == product_id
        shelf.put(product_id)
    assert {shelf.choose(dice) for _ in range(50)} == {"CHAIR"}
    shelf.take("CHAIR")
    assert {shelf.choose(dice) for _ in range(50)} == {"LAMP"}
    assert shelf.missing() == "CHAIR"
    shelf.put("CHAIR")
    assert {shelf.choose(dice) for _ in range(50)} == {"CHAIR"}


def test_a_story_is_the_same_on_every_machine():
    """Its `event_id`s are, so the events have to be: whoever changes a story on purpose changes these digests."""
    stories = {name: b"".join(e.data for e in scenarios.write_story(name, 5000, 100)) for name in scenarios.SCENARIOS}
    assert {name: blake2b(data, digest_size=8).hexdigest() for name, data in stories.items()} == {
        "everyday": "aa2d5cb1948b80de",
        "flash-sale": "3d2accaea660b97e",
        "rough-day": "8e3f6abc10dfb576",
        "stock-taking": "f96445258a0f7883",
        "unreliable-producer": "bf4316a58865b104",
        "poison": "acfbe779d81ffd52",
    }


@pytest.mark.parametrize("skew", [0, 1])
def test_a_story_about_many_products_takes_no_longer_for_each_event(skew):
    """Looking at every product for every event would take minutes here."""
    story = scenarios.write_story("everyday", 60_000, 100_000, skew=skew)
    assert len(story) == 60_000
    assert len(set(StoryWriter("everyday", 100_000, 7).products)) == 100_000, "none of them is a second laptop"


@pytest.mark.parametrize("skew", [-0.1, -1, 10.5, 1e300, float("nan"), float("inf"), 10**400])
def test_a_skew_out_of_bounds_is_refused(skew):
    with pytest.raises(ValueError, match="is not a skew: 0 "):
        scenarios.write_story("everyday", 10, 3, skew=skew)


@EVERY
def test_a_story_does_not_depend_on_what_was_told_before(name):
    alone = scenarios.write_story(name, 200, 10, seed=3)
    scenarios.write_story("rough-day", 300, 5, seed=4)
    assert scenarios.write_story(name, 200, 10, seed=3) == alone


@EVERY
def test_every_story_opens_with_the_briefs_own_sample(subtests, name):
    for seed in range(40):
        with subtests.test(f"seed {seed}"):
            opening = json.loads(scenarios.write_story(name, 5, 3, seed=seed)[0].data)
            assert opening.pop("event_id"), "the producer always sets it"
            assert opening == SAMPLE


@EVERY
@pytest.mark.parametrize(("count", "products"), [(1, 1), (2, 1), (50, 1), (50, 2), (3, 100), (1000, 20)])
def test_a_story_has_as_many_records_as_asked_for(name, count, products):
    story = scenarios.write_story(name, count, products)
    assert len(story) == count
    known = {"P98765", *(f"P{10_000 + number}" for number in range(1, products)), "P00000"}
    assert {entry.partition_key.removeprefix("not-") for entry in story} <= known


@pytest.mark.parametrize("name", ["everyday", "rough-day"])
def test_all_event_types_occur(name):
    assert {event.get("event_type") for event in events(scenarios.write_story(name, 1000, 20))} >= TYPES


def test_every_event_has_an_identity_of_its_own_unless_it_is_a_re_send():
    for name in ("everyday", "flash-sale"):
        event_ids = [event["event_id"] for event in events(scenarios.write_story(name, 2000, 20))]
        assert len(set(event_ids)) == len(event_ids)
        assert all(1 <= len(event_id) <= 64 for event_id in event_ids)


def test_two_stories_share_no_identity():
    one = {event["event_id"] for event in events(scenarios.write_story("everyday", 500, 20, seed=1))}
    other = {event["event_id"] for event in events(scenarios.write_story("everyday", 500, 20, seed=2))}
    assert not one & other


def test_time_goes_on():
    moments = [event["product"]["timestamp"] for event in events(scenarios.write_story("everyday", 300, 20))]
    assert moments[0] == "2023-09-11T12:00:00Z"
    assert len(set(moments)) == len(moments)


def test_on_an_everyday_nothing_goes_wrong(subtests):
    for seed, products, skew in product(range(8), (1, 2, 20), (0, 1)):
        with subtests.test(f"seed {seed}, {products} products, skew {skew}"):
            assert set(outcomes(scenarios.write_story("everyday", 600, products, seed=seed, skew=skew))) == {"applied"}


def test_somebody_buys_all_that_is_left_so_a_projector_that_keeps_the_last_unit_is_found_out(subtests):
    projector = load({"projection": (("if change.quantity > stock:", "if change.quantity >= stock:"),)}).modules
    parse, projection = projector["events"].parse, projector["projection"]
    for name, seed, count in product(scenarios.SCENARIOS, (7, 1, 2), (200, 2000)):
        story = scenarios.write_story(name, count, 20, seed)
        levels, wrongly_refused = {}, 0
        for number, (new, expected) in enumerate(zip(story, outcomes(story), strict=True)):
            if expected == "applied":
                key, arrived = new.partition_key, record(new.data, number, new.partition_key)
                level = levels.get(key, projection.StockLevel(key))
                levels[key], [outcome] = projection.fold(level, [(arrived.sequence_number, parse(arrived))])
                wrongly_refused += getattr(outcome, "reason", "") == "insufficient_stock"
        with subtests.test(f"{name}, seed {seed}, {count} events"):
            assert wrongly_refused


def test_a_flash_sale_is_half_laptops_until_it_is_sold_out_and_beyond():
    story = scenarios.write_story("flash-sale", 2000, 20)
    keys = Counter(entry.partition_key for entry in story)
    assert 0.4 < keys["P98765"] / len(story) < 0.6
    assert set(outcomes(story)) == {"applied", "insufficient_stock"}


def test_a_rough_day_has_every_reason_that_a_producer_can_be_to_blame_for():
    counts = Counter(outcomes(scenarios.write_story("rough-day", 3000, 20)))
    assert counts.keys() == {
        "applied", "duplicate", "not_json", "invalid_event", "unknown_event_type", "wrong_partition_key",
        "already_active", "not_active", "insufficient_stock",
    }  # fmt: skip
    assert 0.08 < counts["duplicate"] / 3000 < 0.12


@pytest.mark.parametrize("seed", range(10))
def test_on_a_rough_day_what_is_refused_is_what_was_poisoned_and_nothing_else(monkeypatch, seed):
    poisoned = []
    poison = scenarios._poison
    monkeypatch.setattr(scenarios, "_poison", lambda writer: poisoned.append(poison(writer)) or poisoned[-1])
    story = scenarios.write_story("rough-day", 3000, 5, seed=seed)
    refused = [
        entry for entry, outcome in zip(story, outcomes(story), strict=True) if outcome not in ("applied", "duplicate")
    ]
    assert refused == poisoned


def test_a_re_send_is_the_same_bytes_again():
    story = scenarios.write_story("rough-day", 1000, 20)
    earlier = set()
    for entry, outcome in zip(story, outcomes(story), strict=True):
        if outcome == "duplicate":
            assert entry in earlier
        earlier.add(entry)


@EVERY
def test_the_partition_key_is_the_product_id_but_for_poison(name):
    story = scenarios.write_story(name, 1000, 20)
    astray = [entry for entry in story if entry.partition_key.encode() not in entry.data]
    assert len(astray) < (100 if name == "poison" else 20)
    if name not in ("rough-day", "poison"):
        assert not astray


def test_at_a_stock_taking_products_come_and_go():
    story = scenarios.write_story("stock-taking", 2000, 20)
    kinds = Counter(event["event_type"] for event in events(story))
    assert set(outcomes(story)) == {"applied"}
    assert kinds["product_removed"] > 250
    assert kinds["product_added"] > 250


def test_an_unreliable_producer_sends_again_and_too_late():
    story = scenarios.write_story("unreliable-producer", 3000, 20)
    counts = Counter(outcomes(story))
    assert 0.05 < counts["duplicate"] / 3000 < 0.25
    assert counts.keys() - {"applied", "duplicate"} <= {"not_active", "already_active", "insufficient_stock"}
    assert counts["insufficient_stock"] + counts["not_active"] > 0


def test_poison_of_every_kind_comes_in_turn():
    counts = Counter(outcomes(scenarios.write_story("poison", 2100, 20)))
    reasons = counts.keys() - {"applied", "duplicate"}
    assert reasons == {
        "not_json", "invalid_event", "unknown_event_type", "wrong_partition_key",
        "already_active", "not_active", "insufficient_stock",
    }  # fmt: skip
    assert {counts[reason] for reason in reasons} == {100}


@pytest.mark.parametrize("name", sorted(set(scenarios.SCENARIOS) - {"unreliable-producer"}))
def test_the_writer_of_a_story_counts_the_stock_that_the_oracle_folds(name):
    products: dict[str, oracle.Product] = {}
    for place, entry in enumerate(scenarios.write_story(name, 700, 9, 3), start=1):
        oracle.judge(entry.data, entry.partition_key, str(place), products)
    folded = {product_id: product.quantity for product_id, product in products.items() if product.status == "active"}
    assert scenarios.stock_after(name, 700, 9, 3) == folded
