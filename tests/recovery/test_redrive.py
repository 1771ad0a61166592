"""Bringing dead letters back, on a shop in memory: each record comes to one outcome, whoever else is at work."""

from contextlib import suppress

import pytest

from pipeline.errors import UserError
from pipeline.recovery import redrive, resend
from pipeline.recovery.resend import derived_event_id
from tests.consistency.shop import OUTPUTS, Shop, letter_of
from tests.doubles.events import added, decremented, incremented, removed

SHARD = "shardId-000000000000"
LAPTOP = "P98765"


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> Shop:
    return Shop(monkeypatch)


def bring_back(shop: Shop, **options: bool) -> redrive.Redriven:
    """Redrive when the pipe's last attempts are over, and let the pipe deliver what was sent again."""
    shop.now += 61
    done = redrive.redrive(shop.cloud, OUTPUTS, **options)
    shop.deliver()
    return done


def sell_without(shop: Shop, *events: object, given_up: int) -> str:
    """Send events, of which the pipe gives one up. Returns that record's id."""
    places = shop.send(*events)
    shop.deliver(most=given_up)
    shop.give_up(places[given_up])
    shop.deliver()
    return f"{SHARD}:{places[given_up]}"


def state(shop: Shop, record_id: str) -> tuple[str, str]:
    item = shop.quarantine[record_id]
    return item["reason"]["S"], item["state"]["S"]


def test_a_record_that_was_given_up_takes_effect_at_its_new_place(shop):
    record_id = sell_without(shop, added(quantity=0), incremented(quantity=5), decremented(quantity=5), given_up=1)
    assert (shop.level(LAPTOP).quantity, len(shop.quarantine)) == (0, 1)
    done = bring_back(shop)
    [step] = done.steps
    assert (step.record_id, step.what, step.why) == (record_id, "re_sent", f"as event_id {derived_event_id(record_id)}")
    assert (shop.level(LAPTOP).quantity, state(shop, record_id)) == (5, ("given_up", "re_sent"))
    assert shop.letters == []
    assert shop.audit().discrepancies == []


def test_what_was_refused_at_its_place_stays_refused(shop):
    shop.sell(added(quantity=0))
    [short] = shop.sell(decremented(quantity=5))
    shop.sell(incremented(quantity=10))
    shop.letters.append(letter_of(SHARD, *[raw["SequenceNumber"] for raw in shop.kinesis.records[::2]]))
    done = bring_back(shop)
    assert (done.letters, done.records, done.had_outcome, done.steps) == (1, 3, 3, [])
    assert (shop.level(LAPTOP).quantity, shop.letters) == (10, [])
    assert state(shop, f"{SHARD}:{short}") == ("insufficient_stock", "open")


@pytest.mark.parametrize(
    ("lost", "later", "why"),
    [
        (incremented(quantity=5), [removed(), added(quantity=10)], "a product_removed came after it"),
        (decremented(quantity=1), [added("MOUSE"), removed()], "a product_removed came after it"),
        (incremented(quantity=5), [added(quantity=3)], "a product_added came after it"),  # refused or not
        (removed(), [decremented(quantity=1)], "a quantity_decremented came after it"),
        (removed(), [incremented("MOUSE"), b"nonsense"], ""),
        (incremented(quantity=5), [decremented(quantity=1), incremented(quantity=2)], ""),
        (incremented(quantity=5, event_id="x"), [incremented(quantity=6, event_id="y")], ""),
    ],
)
def test_nothing_jumps_over_a_later_life(shop, lost, later, why):
    record_id = sell_without(shop, added(quantity=10), lost, *later, given_up=1)
    before = shop.level(LAPTOP).quantity
    done = bring_back(shop)
    [step] = done.steps
    if why:
        assert step.what == "for_a_person" and step.why.startswith(why)
        assert (shop.level(LAPTOP).quantity, state(shop, record_id)) == (before, ("given_up", "open"))
        assert bring_back(shop).letters == 0  # it is the quarantine that has it now
    else:
        assert (step.what, state(shop, record_id)) == ("re_sent", ("given_up", "re_sent"))
    assert shop.letters == []
    assert shop.audit().discrepancies == []


def test_a_whole_outage_comes_back_in_its_order(shop):
    shop.sell(added(quantity=1))
    lost = shop.send(incremented(quantity=5), decremented(quantity=6), removed(), added(quantity=7), decremented())
    for place in lost:
        shop.give_up(place)
    assert [step.what for step in bring_back(shop).steps] == ["re_sent"] * 5
    level = shop.level(LAPTOP)
    assert (level.quantity, level.version) == (6, 6)
    assert shop.audit().discrepancies == []


def test_an_addition_does_not_bring_back_a_later_life(shop):
    record_id = sell_without(shop, added(quantity=1), added(quantity=2), given_up=0)
    assert bring_back(shop).steps[0].why.startswith("a product_added came after it")
    assert (shop.level(LAPTOP).quantity, state(shop, record_id)) == (2, ("given_up", "open"))


def test_poison_in_a_letter_is_quarantined_for_what_it_is(shop):
    record_id = sell_without(shop, added(quantity=1), b"nonsense", given_up=1)
    assert bring_back(shop).steps[0].what == "quarantined"
    assert state(shop, record_id) == ("not_json", "open")
    [wrong] = shop.send(incremented(), key="MOUSE")
    shop.give_up(wrong)
    bring_back(shop)
    assert state(shop, f"{SHARD}:{wrong}") == ("wrong_partition_key", "open")
    assert shop.quarantine[f"{SHARD}:{wrong}"]["detail"]["S"].startswith("partition key: should be the product_id")
    assert (shop.audit().discrepancies, shop.letters) == ([], [])


def test_a_re_send_whose_event_was_applied_is_dismissed(shop):
    sale = decremented(quantity=3, event_id="sale-1")
    record_id = sell_without(shop, added(quantity=9), sale, sale, given_up=2)
    [step] = bring_back(shop).steps
    assert (step.what, state(shop, record_id)) == ("dismissed", ("given_up", "dismissed"))
    assert (shop.level(LAPTOP).quantity, shop.audit().discrepancies, shop.letters) == (6, [], [])


def test_two_records_of_one_event_count_once(shop):
    shop.sell(added(quantity=9))
    sale = decremented(quantity=3, event_id="sale-1")
    for place in shop.send(sale, sale):
        shop.give_up(place)
    first, second = bring_back(shop).steps
    assert (first.what, second.what) == ("re_sent", "for_a_person") and "is the same event" in second.why
    assert (shop.level(LAPTOP).quantity, shop.audit().discrepancies) == (6, [])


def test_what_may_have_been_applied_is_for_a_person(shop):
    record_id = sell_without(
        shop, added(quantity=50), incremented(quantity=5), *[decremented()] * 34, given_up=1
    )  # fmt: skip
    for _ in range(2):  # nothing is guessed, however often
        [step] = bring_back(shop).steps
        assert (step.what, step.why) == ("for_a_person", "it lies before all that its product's item remembers")
        assert (step.stock_with, step.stock_without) == (21, 16)
        assert record_id not in shop.quarantine and len(shop.letters) == 1


def test_letters_wait_until_nobody_can_be_at_work(shop):
    sell_without(shop, added(quantity=1), incremented(quantity=5), given_up=1)
    done = redrive.redrive(shop.cloud, OUTPUTS)
    assert (done.letters, len(shop.letters)) == (0, 1)
    assert "the pipe's last attempt may run for 6" in done.left[0] or "for 5" in done.left[0]
    [place] = shop.send(incremented(quantity=7))  # named by a letter, and the pipe still has it
    shop.letters.append(letter_of(SHARD, place, place))
    done = bring_back(shop)
    assert done.left == [f"record {place} on {SHARD}: the pipe may still have what it names"]
    assert shop.level(LAPTOP).quantity == 13


def test_foreign_messages_and_what_the_stream_forgot_are_named_and_left(shop):
    shop.letters.append("hello")
    sell_without(shop, added(quantity=1), incremented(quantity=5), given_up=1)
    shop.now += 25 * 3600
    shop.kinesis.retention_seconds = 24 * 3600.0
    shop.sell(incremented(quantity=1))
    done = bring_back(shop)
    assert [span["shard_id"] for span in done.forgotten] == [SHARD]
    assert done.foreign == ["the dead-letter queue holds a message that is not of this pipe: {'body': 'hello'}"]
    assert len(shop.letters) == 2


def test_a_dry_run_tells_all_and_changes_nothing(shop):
    shop.sell(added(quantity=1))
    lost = shop.send(incremented(quantity=5), b"nonsense", removed(), incremented(quantity=7))
    for place in lost:
        shop.give_up(place)
    before = dict(shop.stock), dict(shop.quarantine), list(shop.letters), len(shop.kinesis.records)
    planned = bring_back(shop, dry_run=True)
    assert (dict(shop.stock), dict(shop.quarantine), list(shop.letters), len(shop.kinesis.records)) == before
    assert planned.steps == bring_back(shop).steps
    assert [step.what for step in planned.steps] == ["quarantined", "re_sent", "re_sent", "re_sent"]


# ── interrupted, and two at once ──


@pytest.mark.parametrize("at", ["put", "re_sending", "re_sent", "deleted", "quarantine", "lease"])
@pytest.mark.parametrize("after", range(4))
def test_it_may_be_interrupted_anywhere_and_run_again(shop, at, after):
    shop.sell(added(quantity=1))
    for place in shop.send(incremented(quantity=5), incremented(quantity=2), b"{", removed(), incremented(quantity=1)):
        shop.give_up(place)

    def die(left: int = after) -> None:
        if left:
            shop.meanwhile[at] = lambda: die(left - 1)
        else:
            raise KeyboardInterrupt

    shop.meanwhile[at] = die
    with suppress(KeyboardInterrupt):
        bring_back(shop)
    shop.meanwhile.clear()
    shop.deliver()
    for _ in range(2):
        bring_back(shop)
    assert shop.letters == []
    level = shop.level(LAPTOP)
    assert (level.version, level.is_active) == (4, False)
    result = shop.audit()
    assert (result.discrepancies, result.quarantined["given_up"]) == ([], 4)


def test_only_one_redrive_is_at_work(shop):
    sell_without(shop, added(quantity=1), incremented(quantity=5), given_up=1)
    refused = []

    def another() -> None:
        with pytest.raises(UserError, match="another redrive is at work: process") as error:
            redrive.redrive(shop.cloud, OUTPUTS)
        refused.append(error)

    shop.meanwhile["put"] = another
    bring_back(shop)
    assert refused and shop.level(LAPTOP).quantity == 6


def test_a_lease_runs_out_and_its_holder_notices(shop):
    sell_without(shop, added(quantity=1), incremented(quantity=5), given_up=1)

    def take_over() -> None:
        shop.now += 61
        redrive.redrive(shop.cloud, OUTPUTS)

    shop.meanwhile["put"] = take_over
    with pytest.raises(UserError, match="another redrive has taken the work over"):
        bring_back(shop)
    shop.deliver()
    bring_back(shop)
    assert (shop.level(LAPTOP).quantity, shop.letters, shop.audit().discrepancies) == (6, [], [])


def test_a_person_may_decide_meanwhile(shop):
    record_id = sell_without(shop, added(quantity=1), incremented(quantity=5), given_up=1)
    shop.meanwhile["put"] = lambda: resend.dismiss(shop.cloud, OUTPUTS, record_id, "it was counted by hand")
    [step] = bring_back(shop).steps
    assert step.what == "for_a_person" and "is dismissed" in step.why
    assert (shop.level(LAPTOP).quantity, shop.letters) == (1, [])


def test_a_jump_that_could_not_be_excluded_is_reported(shop):
    record_id = sell_without(shop, added(quantity=1), incremented(quantity=5), given_up=1)
    meanwhile = []
    shop.meanwhile["re_sending"] = lambda: meanwhile.extend(shop.send(removed()))
    done = bring_back(shop)
    [jump] = done.jumps
    assert jump.startswith(f"{record_id} was sent again as record ")
    assert jump.endswith(f"after a product_removed that came meanwhile, record {meanwhile[0]}")
