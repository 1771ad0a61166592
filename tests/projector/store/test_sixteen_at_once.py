"""Sixteen who want the same laptop."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from stock_projector.batch import ContentionError
from stock_projector.events import Refusal
from stock_projector.projection import Outcome

from tests.doubles import added, decremented

THREADS = 16


def hammered(work):
    """Run the same work in sixteen threads at once, each trying again as the pipe would. Returns what each came to."""
    start = Barrier(THREADS)

    def as_the_pipe_would(number):
        start.wait()
        while True:
            try:
                return work(number)
            except ContentionError:
                continue

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(as_the_pipe_would, range(THREADS)))


def test_sixteen_who_sell_the_same_laptop_lose_no_sale_and_sell_none_twice(shelf):
    laptop = "CRUNCHY-LAPTOP"
    shelf.bring_forward((0, added(laptop, 100)))

    def sell(thread):
        results = []
        for sale in range(4):
            number = 1 + sale * THREADS + thread
            results += shelf.bring_forward((number, decremented(laptop, 3, event_id=f"sale-{number}")))
        return results

    outcomes = Counter(
        each.reason if isinstance(each, Refusal) else each for results in hammered(sell) for each in results
    )
    level = shelf.level(laptop)
    assert outcomes.total() == 4 * THREADS, "every record has exactly one outcome"
    assert outcomes["duplicate"] == 0
    assert level.quantity == 100 - 3 * outcomes["applied"] >= 0
    assert level.version == 1 + outcomes["applied"]
    refused = Counter(each["reason"]["S"] for each in shelf.refused(laptop))
    assert refused == {reason: n for reason, n in outcomes.items() if reason not in ("applied", "duplicate")}
    assert refused.keys() <= {"out_of_order", "insufficient_stock"}


def test_sixteen_who_are_given_the_same_batch_apply_it_once(shelf):
    laptop = "ROUND-LAPTOP"
    batch = [(0, added(laptop, 50))] + [(number, decremented(laptop, 2)) for number in range(1, 20)]
    results = hammered(lambda thread: shelf.bring_forward(*batch))
    level = shelf.level(laptop)
    assert (level.quantity, level.version) == (50 - 2 * 19, 20)
    applied = Counter(place for each in results for place, outcome in enumerate(each) if outcome == Outcome.APPLIED)
    assert set(applied.values()) == {1} and len(applied) == 20, "each record was applied by exactly one of them"
    assert shelf.refused(laptop) == []


def test_the_last_laptop_is_sold_to_one_of_sixteen(shelf):
    laptop = "LAST-LAPTOP"
    shelf.bring_forward((0, added(laptop, 1)))
    results = hammered(lambda thread: shelf.bring_forward((1 + thread, decremented(laptop, 1))))
    assert [each for result in results for each in result].count(Outcome.APPLIED) == 1
    assert shelf.level(laptop).quantity == 0
    assert len(shelf.refused(laptop)) == 15
