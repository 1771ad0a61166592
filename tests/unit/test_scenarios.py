"""Stories: the same for the same seed, opened by the brief's sample, and with exactly the trouble that they tell of."""

import json
from collections import Counter
from dataclasses import dataclass

import pytest

from pipeline import oracle, scenarios
from tests.events import SAMPLE

TYPES = {"product_added", "product_removed", "quantity_incremented", "quantity_decremented"}
EVERY = pytest.mark.parametrize("name", scenarios.SCENARIOS)


@dataclass
class Logged:
    data: bytes
    partition_key: str
    sequence_number: str
    shard_id: str = "shardId-000000000000"


def outcomes(story):
    expected = oracle.fold(Logged(each.data, each.partition_key, str(place)) for place, each in enumerate(story))
    return list(expected.outcomes.values())


def events(story):
    found = []
    for each in story:
        try:
            found.append(json.loads(each.data))
        except ValueError:
            continue
    return found


@EVERY
def test_the_same_seed_tells_the_same_story_and_another_seed_another_one(name):
    assert scenarios.tell(name, 500, 20, seed=7) == scenarios.tell(name, 500, 20, seed=7)
    assert scenarios.tell(name, 500, 20, seed=7) != scenarios.tell(name, 500, 20, seed=8)


@EVERY
def test_a_story_does_not_depend_on_what_was_told_before(name):
    alone = scenarios.tell(name, 200, 10, seed=3)
    scenarios.tell("rough-day", 300, 5, seed=4)
    assert scenarios.tell(name, 200, 10, seed=3) == alone


@EVERY
@pytest.mark.parametrize("seed", range(40))
def test_every_story_opens_with_the_briefs_own_sample(name, seed):
    opening = json.loads(scenarios.tell(name, 5, 3, seed=seed)[0].data)
    assert opening.pop("event_id"), "our producer always sets it"
    assert opening == SAMPLE


@EVERY
@pytest.mark.parametrize(("count", "products"), [(1, 1), (2, 1), (50, 1), (50, 2), (3, 100), (1000, 20)])
def test_a_story_has_as_many_records_as_asked_for(name, count, products):
    story = scenarios.tell(name, count, products)
    assert len(story) == count
    known = {"P98765", *(f"P{10_000 + number}" for number in range(1, products)), "P00000"}
    assert {each.partition_key.removeprefix("not-") for each in story} <= known


@pytest.mark.parametrize("name", ["everyday", "rough-day"])
def test_all_event_types_occur(name):
    told = {event.get("event_type") for event in events(scenarios.tell(name, 1000, 20))}
    assert told >= TYPES


def test_every_event_has_an_identity_of_its_own_unless_it_is_a_re_send():
    for name in ("everyday", "flash-sale"):
        told = [event["event_id"] for event in events(scenarios.tell(name, 2000, 20))]
        assert len(set(told)) == len(told)
        assert all(1 <= len(each) <= 64 for each in told)


def test_two_stories_share_no_identity():
    one = {event["event_id"] for event in events(scenarios.tell("everyday", 500, 20, seed=1))}
    other = {event["event_id"] for event in events(scenarios.tell("everyday", 500, 20, seed=2))}
    assert not one & other


def test_time_goes_on():
    told = [event["product"]["timestamp"] for event in events(scenarios.tell("everyday", 300, 20))]
    assert told[0] == "2023-09-11T12:00:00Z"
    assert len(set(told)) == len(told)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("products", [1, 2, 20])
def test_on_an_everyday_nothing_goes_wrong(seed, products):
    assert set(outcomes(scenarios.tell("everyday", 600, products, seed=seed))) == {"applied"}


def test_a_flash_sale_is_half_laptops_until_it_is_sold_out_and_beyond():
    story = scenarios.tell("flash-sale", 2000, 20)
    keys = Counter(each.partition_key for each in story)
    assert 0.4 < keys["P98765"] / len(story) < 0.6
    assert set(outcomes(story)) == {"applied", "insufficient_stock"}


def test_a_rough_day_has_every_reason_that_a_producer_can_be_to_blame_for():
    counts = Counter(outcomes(scenarios.tell("rough-day", 3000, 20)))
    assert counts.keys() == {
        "applied", "duplicate", "not_json", "invalid_event", "unknown_event_type", "wrong_partition_key",
        "already_active", "not_active", "insufficient_stock",
    }  # fmt: skip
    assert 0.08 < counts["duplicate"] / 3000 < 0.12


@pytest.mark.parametrize("seed", range(10))
def test_on_a_rough_day_what_is_refused_is_what_was_poisoned_and_nothing_else(monkeypatch, seed):
    poisoned = []
    poison = scenarios._poison
    monkeypatch.setattr(scenarios, "_poison", lambda teller: poisoned.append(poison(teller)) or poisoned[-1])
    story = scenarios.tell("rough-day", 3000, 5, seed=seed)
    refused = [
        each for each, outcome in zip(story, outcomes(story), strict=True) if outcome not in ("applied", "duplicate")
    ]
    assert refused == poisoned


def test_a_re_send_is_the_same_bytes_again():
    story = scenarios.tell("rough-day", 1000, 20)
    seen = set()
    for each, outcome in zip(story, outcomes(story), strict=True):
        if outcome == "duplicate":
            assert each in seen
        seen.add(each)


@EVERY
def test_the_partition_key_is_the_product_id_but_for_poison(name):
    story = scenarios.tell(name, 1000, 20)
    astray = [each for each in story if each.partition_key.encode() not in each.data]
    assert len(astray) < 20
    if name != "rough-day":
        assert not astray
