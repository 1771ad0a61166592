"""The memory, and how it is packed into the item: newest first, digests and gaps."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stock_projector.events import SequenceNumber
from stock_projector.memory import CAPACITY, DIGEST_BYTES, Memory, identity_of

from tests.doubles.events import FIRST, STEP, place


def remembering(*places):
    memory = Memory()
    for number in places:
        memory.remember(identity_of(f"sale-{int(number)}", number), number)
    return memory


def round_trip(memory):
    newest = memory.entries()[-1][1]
    return Memory.from_bytes(memory.to_bytes(), newest, memory.remembers_after)


def test_exactly_32_are_remembered_the_oldest_goes_first():
    memory = remembering(*(place(number) for number in range(CAPACITY + 1)))
    assert len(memory.entries()) == 32
    assert identity_of(f"sale-{int(place(0))}", 0) not in memory
    assert identity_of(f"sale-{int(place(1))}", 0) in memory
    assert memory.remembers_after == place(0)


def test_to_remember_again_is_to_move_to_the_newest_place():
    memory = remembering(place(0), place(1))
    sale = memory.entries()[0][0]
    memory.remember(sale, place(2))
    assert [at for _, at in memory.entries()] == [place(1), place(2)]
    assert memory.entries()[-1][0] == sale


def test_an_identity_is_an_event_id_or_a_place_and_the_two_are_told_apart():
    assert identity_of("", place(1)) != identity_of(str(place(1)), place(1))
    assert identity_of("sale-1", place(1)) == identity_of("sale-1", place(2))
    assert identity_of("", place(1)) != identity_of("", place(2))
    assert identity_of("\N{DUMPLING}" * 64, 0) != identity_of("\N{DUMPLING}" * 63, 0)


def test_a_zero_padded_place_is_the_same_place():
    assert identity_of("", SequenceNumber("00042")) == identity_of("", SequenceNumber("00042"))


def test_a_full_memory_on_aws_takes_under_700_bytes():
    memory = remembering(*(place(number) for number in range(100)))
    assert len(str(FIRST)) == 56 and len(str(STEP)) == 28
    assert len(memory.to_bytes()) == 32 * (DIGEST_BYTES + 1) + 31 * 12 < 700


@pytest.mark.parametrize("gap", [1, 255, 256, 2**64 - 1, 2**64, STEP, STEP * 24 * 3600, 10**56])
def test_a_gap_of_any_width_survives(gap):
    memory = remembering(*(SequenceNumber(str(7 + number * gap)) for number in range(40)))
    assert round_trip(memory) == memory


@given(st.lists(st.integers(1, 10**30), min_size=1, max_size=80), st.integers(0, 10**56))
def test_what_was_packed_is_unpacked(gaps, first):
    memory, at = Memory(), first
    for number, gap in enumerate(gaps):
        at += gap
        memory.remember(identity_of(f"e{number}", at), at)
    assert Memory.from_bytes(memory.to_bytes(), at, memory.remembers_after) == memory


def test_a_copy_goes_on_on_its_own():
    memory = remembering(place(0))
    copy = memory.copy()
    copy.remember(b"12345678", place(1))
    assert len(memory.entries()) == 1
    assert memory != copy
