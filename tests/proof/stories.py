"""The stories that the explorer tells in every possible way. Small, and each about one thing that can go wrong."""

from collections.abc import Sequence

from tests.proof.events import FIRST, Said, added, down, log, poison, removed, up
from tests.proof.reference import LoggedRecord
from tests.proof.story import Batches, Story

LAPTOP, MOUSE = "LAPTOP", "MOUSE"


def _batches(said: Sequence[Said], *sizes: int) -> list[list[LoggedRecord]]:
    records, batches = log(said), []
    for size in sizes:
        batches.append(records[:size])
        records = records[size:]
    assert not records
    return batches


def _padded() -> Story:
    records = log([added(LAPTOP, 5), down(LAPTOP, 9), up(LAPTOP, 1), up(LAPTOP, 2)], width=60)
    return Story("sequence numbers padded with zeros", [[records[:3], records[3:]]], zombies=1, remembered=2)


def _in_order(name: str, said: Sequence[Said], *sizes: int, **more: object) -> Story:
    return Story(name, [_batches(said, *sizes)], **more)  # type: ignore[arg-type]


def _overtaking(
    name: str, before: Sequence[Said], lanes: Sequence[Sequence[int]], said: Sequence[Said], **more: int
) -> Story:
    """Lanes name records of `said` by their number, one batch each lane."""
    records = log([*before, *said])
    brought: list[Batches] = [[[records[len(before) + number] for number in lane]] for lane in lanes]
    return Story(name, brought, before=[records[: len(before)]] if before else (), **more)


def _overlapping(name: str, said: Sequence[Said], lanes: Sequence[Sequence[int]]) -> Story:
    """Each lane brings a beginning of what follows the first record: an attempt that lives on, and a later one."""
    records = log(said)
    return Story(name, [[[records[at] for at in lane]] for lane in lanes], before=[records[:1]], overlap=True)


IN_ORDER = [
    _in_order(
        "one batch, one refusal, one worker",
        [added(LAPTOP, 5), down(LAPTOP, 9), up(LAPTOP, 3), down(LAPTOP, 8)],
        4,
    ),
    _in_order(
        "two products and a poison record, one worker",
        [added(LAPTOP, 5), poison(LAPTOP), added(MOUSE, 7), down(LAPTOP, 2)],
        4,
    ),
    _in_order(
        "a zombie beside its retry",
        [added(LAPTOP, 5), down(LAPTOP, 9), down(LAPTOP, 2)],
        3,
        zombies=1,
    ),
    _in_order(
        "a zombie from two batches ago",
        [added(LAPTOP, 1), down(LAPTOP, 2), up(LAPTOP, 5), down(LAPTOP, 6)],
        2,
        2,
        zombies=1,
    ),
    _in_order(
        "a zombie with two products",
        [added(LAPTOP, 5), added(MOUSE, 7), down(LAPTOP, 6)],
        3,
        zombies=1,
    ),
    _in_order(
        "removed, and late records come",
        [added(LAPTOP, 5), removed(LAPTOP), up(LAPTOP, 1), added(LAPTOP, 2)],
        2,
        2,
        zombies=1,
    ),
    _in_order(
        "sent again, in the same and in the next batch",
        [added(LAPTOP, 5, "a"), up(LAPTOP, 1, "u"), up(LAPTOP, 1, "u"), up(LAPTOP, 1, "u")],
        3,
        1,
        zombies=1,
    ),
    _in_order(
        "refused, sent again, then accepted",
        [down(LAPTOP, 1, "d"), added(LAPTOP, 5, "a"), down(LAPTOP, 1, "d")],
        1,
        2,
        zombies=1,
    ),
    _in_order(
        "a memory of two, refreshed and overrun",
        [added(LAPTOP, 5, "a"), up(LAPTOP, 1, "u"), added(LAPTOP, 5, "a"), up(LAPTOP, 2, "v")],
        2,
        2,
        zombies=1,
        remembered=2,
    ),
    _in_order(
        "one attempt, and a zombie takes it",
        [added(LAPTOP, 5), down(LAPTOP, 9), added(MOUSE, 1)],
        3,
        zombies=1,
        guards=1,
    ),
    _in_order(
        "an event_id that reads like a sequence number",
        [added(LAPTOP, 5), up(LAPTOP, 1, str(FIRST + 2)), up(LAPTOP, 2)],
        1,
        2,
    ),
    _padded(),
    _in_order(
        "two products and a poison record, no time to wait",
        [added(LAPTOP, 5), poison(LAPTOP), added(MOUSE, 7), down(LAPTOP, 9), down(LAPTOP, 2)],
        5,
        pauses=0,
    ),
    _in_order(
        "two refusals of one product",
        [added(LAPTOP, 1), down(LAPTOP, 9), up(LAPTOP, 2), down(LAPTOP, 9), down(LAPTOP, 3)],
        5,
        zombies=1,
        remembered=1,
    ),
    _in_order(
        "a memory of one, and a refused record from long ago",
        [added(LAPTOP, 1, "a"), down(LAPTOP, 9), up(LAPTOP, 2, "u"), up(LAPTOP, 4)],
        2,
        2,
        zombies=1,
        remembered=1,
    ),
    _in_order(
        "an item that is not ours in the way of one product",
        [added(LAPTOP, 5), added(MOUSE, 7), down(MOUSE, 2), down(LAPTOP, 1)],
        3,
        1,
        foreign=(LAPTOP,),
    ),
    _in_order(
        "two items that are not ours, one of them with a version that cannot be",
        [added(LAPTOP, 5), added(MOUSE, 7), down(MOUSE, 2)],
        3,
        foreign=(LAPTOP, MOUSE),
    ),
    _overlapping(
        "a zombie's shorter batch beside a longer one",
        [added(LAPTOP, 9), down(LAPTOP, 1), down(LAPTOP, 2), down(LAPTOP, 9)],
        [[1], [1, 2, 3]],
    ),
]

OUT_OF_ORDER = [
    _overtaking("the second record comes before the first", [], [[0], [1]], [added(LAPTOP, 5), added(LAPTOP, 7)]),
    _overtaking(
        "a decrement comes before its increment",
        [added(LAPTOP, 0)],
        [[0], [1, 2]],
        [up(LAPTOP, 5), down(LAPTOP, 5), up(LAPTOP, 1)],
    ),
    _overtaking(
        "a removal overtakes a sale",
        [added(LAPTOP, 5)],
        [[0, 2], [1]],
        [down(LAPTOP, 5), removed(LAPTOP), added(LAPTOP, 2)],
    ),
    _overtaking(
        "a re-send overtakes its original",
        [added(LAPTOP, 5)],
        [[0], [1, 2]],
        [up(LAPTOP, 1, "u"), up(LAPTOP, 1, "u"), down(LAPTOP, 7)],
    ),
    _overtaking(
        "one attempt, and the other lane takes it",
        [added(LAPTOP, 5)],
        [[0], [1]],
        [up(LAPTOP, 1), up(LAPTOP, 2)],
        guards=1,
    ),
    _overtaking(
        "a re-send and a sale at the same time",
        [added(LAPTOP, 5), up(LAPTOP, 1, "u")],
        [[0], [1]],
        [up(LAPTOP, 1, "u"), down(LAPTOP, 2)],
        remembered=1,
    ),
    _overtaking(
        "one product is overtaken while the other waits, and there is no time",
        [added(LAPTOP, 5)],
        [[0], [1, 2]],
        [up(LAPTOP, 1), down(LAPTOP, 2), added(MOUSE, 3)],
        pauses=0,
    ),
    _overtaking(
        "two lanes cross on two products",
        [added(LAPTOP, 1)],
        [[0, 2], [1, 3]],
        [down(LAPTOP, 1), up(LAPTOP, 1), added(MOUSE, 1), added(MOUSE, 2)],
    ),
]

STORIES = IN_ORDER + OUT_OF_ORDER
