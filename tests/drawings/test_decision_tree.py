"""The decision tree: its leaves are what the projector's code answers."""

import itertools
from typing import get_args

import pytest
from stock_projector.events import EVENTS, Reason
from stock_projector.projection import Outcome

from pipeline.drawings import decision_tree
from pipeline.drawings.decision_tree import (
    ACTIVE,
    ADDED,
    FULL,
    NEVER_SEEN,
    Case,
    Leaf,
    ask_the_code,
    level_after,
    raw,
    record,
)
from pipeline.drawings.flowchart import render
from tests.drawings.reading import words_of

LEAVES = decision_tree.leaves()


def test_the_leaves_are_the_outcomes_and_the_reasons_of_the_contract():
    assert {leaf.name for leaf in LEAVES if leaf.outcome == "quarantined"} == set(get_args(Reason))
    assert {leaf.outcome for leaf in LEAVES} == {*map(str, Outcome), "quarantined"}
    assert {leaf.name for leaf in LEAVES if leaf.outcome == "applied"} == set(EVENTS)
    assert {leaf.name for leaf in LEAVES if leaf.outcome == "duplicate"} == {"redelivery", "re-send"}


@pytest.mark.parametrize("leaf", LEAVES, ids=lambda leaf: f"{leaf.outcome}-{leaf.name}")
def test_a_sample_of_every_leaf_ends_there_in_the_tree_and_in_the_code(leaf: Leaf):
    assert decision_tree.walk(leaf.sample) is leaf
    answer = ask_the_code(leaf.sample)
    assert answer.outcome == leaf.outcome
    assert answer.reason == (leaf.name if leaf.outcome == "quarantined" else "")


def test_every_leaf_is_drawn_with_what_the_code_says_to_its_sample():
    picture = words_of(render(decision_tree.to_dot())).replace(",", "")  # digits are grouped
    for leaf in LEAVES:
        assert leaf.name in picture
        assert " ".join(ask_the_code(leaf.sample).words.replace(",", "").split()[:4]) in picture


def test_the_tree_asks_in_the_order_of_the_code():
    """Whatever is wrong with a record at once, tree and code name the same reason first."""
    log = [ADDED, *(record("quantity_incremented", 1, f"e{at}", at) for at in range(2, 50))]
    forgetful, removed = level_after(*log), level_after(ADDED, record("product_removed", at=3))
    bodies = [b"\xff", b"[", b"[]", b"null", b'{"event_type": 1}', b'{"event_type": "product_sold", "product": 1}']
    records = [raw(body, at, key) for body in bodies for at in (0, 1, 60) for key in ("P98765", "P1")]
    for event_type, quantity, event_id, at, key in itertools.product(
        EVENTS, (-1, 0, 1, 8, 10**9), ("", "added", "e2", "e48", "new"), (0, 1, 2, 40, 48, 60), ("P98765", "P1")
    ):
        records.append(record(event_type, quantity, event_id, at, key))
    reached = set()
    for case in itertools.starmap(Case, itertools.product(records, (NEVER_SEEN, ACTIVE, FULL, removed, forgetful))):
        leaf, answer = decision_tree.walk(case), ask_the_code(case)
        assert (leaf.outcome, leaf.name if leaf.outcome == "quarantined" else "") == answer[:2], case
        reached.add((leaf.outcome, leaf.name))
    assert reached == {(leaf.outcome, leaf.name) for leaf in LEAVES}
