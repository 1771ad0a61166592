"""The fold: of any story, in any batches, with anything delivered again."""

from hypothesis import given
from hypothesis import strategies as st

from tests.doubles.events import added, decremented, incremented, place, removed
from tests.projector.projection.laptop import APPLIED, DUPLICATE, in_stock, never_seen, projected


def test_the_fold_leaves_what_it_was_given_as_it_was():
    before = in_stock(10)
    projected(before, (1, decremented(quantity=3)), (2, removed()))
    assert before == in_stock(10)


def test_the_fold_of_nothing_is_nothing():
    assert projected(in_stock(10)) == (in_stock(10), [])


EVENTS = st.builds(
    lambda say, quantity, event_id: (
        say(event_id=event_id) if say is removed else say(quantity=quantity, event_id=event_id)
    ),
    st.sampled_from([added, removed, incremented, incremented, decremented, decremented]),
    st.integers(1, 12),
    st.sampled_from([None, None, "a", "b", "c"]),
)
STORIES = st.lists(EVENTS, max_size=60).map(lambda story: list(enumerate(story)))


@given(STORIES, st.integers(0, 60))
def test_how_the_log_is_cut_into_batches_does_not_matter(story, cut):
    whole, outcomes = projected(never_seen(), *story)
    half, first = projected(never_seen(), *story[:cut])
    both, second = projected(half, *story[cut:])
    assert (both, first + second) == (whole, outcomes)


@given(STORIES, st.data())
def test_redelivery_of_anything_at_any_time_changes_nothing(story, data):
    level, outcomes = projected(never_seen(), *story)
    applied = [step for step, outcome in zip(story, outcomes, strict=True) if outcome == APPLIED]
    again = data.draw(st.lists(st.sampled_from(applied), max_size=20)) if applied else []
    after, repeated = projected(level, *again)
    assert after == level
    assert repeated == [DUPLICATE] * len(again)


@given(STORIES)
def test_stock_is_never_negative_and_every_step_is_accounted_for(story):
    level = never_seen()
    for step in story:
        before = level
        level, [outcome] = projected(before, step)
        assert level.quantity >= 0
        assert level.version == before.version + (outcome == APPLIED)
        assert level.last_sequence_number == (
            place(step[0]) if outcome in (APPLIED, DUPLICATE) else before.last_sequence_number
        )
