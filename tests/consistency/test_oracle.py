"""The oracle against the same rules, and against the projector: two folds of one log that share no line."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stock_projector.events import Refusal, SequenceNumber, parse
from stock_projector.projection import StockLevel, project

from pipeline.consistency import oracle
from pipeline.stories import scenarios
from tests.doubles import cases
from tests.doubles.events import added, as_bytes, decremented, incremented, key_of, record, removed


def projected(records):
    """Say what the projector makes of records in their order: levels by product, and outcomes by record."""
    levels, outcomes = {}, {}
    for logged in records:
        event = parse(logged)
        if not isinstance(event, Refusal):
            product_id = event.product.product_id
            level = levels.setdefault(product_id, StockLevel(product_id))
            event = project(level, logged.sequence_number, event)
        reason = event.reason if isinstance(event, Refusal) else str(event)
        outcomes[logged.shard_id, str(logged.sequence_number)] = reason
    return {product_id: level for product_id, level in levels.items() if level.version}, outcomes


def as_the_audit_reads(records):
    """Write records as the audit hands them to the oracle: with sequence numbers that are plain text."""
    return [logged._replace(sequence_number=str(logged.sequence_number)) for logged in records]


def agreed(records):
    """Fold records both ways, and return the outcomes that both came to."""
    levels, outcomes = projected(records)
    expected = oracle.fold(as_the_audit_reads(records))
    assert outcomes == expected.outcomes
    assert {
        product_id: (
            level.product_name,
            "active" if level.is_active else "removed",
            level.quantity,
            level.version,
            str(level.last_sequence_number),
            level.updated_at,
        )
        for product_id, level in levels.items()
    } == {
        product_id: (
            product.product_name,
            product.status,
            product.quantity,
            product.version,
            product.last_sequence_number,
            product.updated_at,
        )
        for product_id, product in expected.products.items()
    }
    return list(outcomes.values())


def judged(data, opening=()):
    expected = oracle.fold(as_the_audit_reads([*opening, record(data, len(opening), partition_key=key_of(data))]))
    return list(expected.outcomes.values())[-1]


# ── the rules of an event ──


def test_the_oracle_applies_what_is_within_the_bounds(subtests):
    for name, data in cases.VALID:
        with subtests.test(name):
            assert judged(data) == "applied"


def test_the_oracle_applies_what_can_happen_to_an_active_product(subtests):
    for name, data in cases.VALID_LATER:
        with subtests.test(name):
            assert judged(data, opening=[record(added(), 0)]) == "applied"


def test_the_oracle_refuses_what_is_no_valid_event_with_the_reason(subtests):
    for reason, refused in cases.REFUSED.items():
        for name, data in refused:
            with subtests.test(name):
                assert judged(data) == reason


def test_the_oracle_tells_every_reason_that_an_ordered_log_can_have():
    full = [record(added(quantity=1_000_000_000), 0)]
    full += [record(incremented(quantity=1_000_000_000), number) for number in range(1, 1001)]
    reasons = agreed([
        *full,
        record(added(), 1001),
        record(b"{", 1002),
        record({"event_type": "gift"}, 1003, partition_key="P98765"),
        record(added(), 1004, partition_key="P1"),
        record(added(quantity=None), 1005),
        record(decremented("P1"), 1006),
        record(added("P2", 1), 1007),
        record(decremented("P2", 2), 1008),
    ])  # fmt: skip
    assert Counter(reasons) == {
        "applied": 1001,
        "quantity_overflow": 1,
        "already_active": 1,
        "not_json": 1,
        "unknown_event_type": 1,
        "wrong_partition_key": 1,
        "invalid_event": 1,
        "not_active": 1,
        "insufficient_stock": 1,
    }


def test_the_count_is_what_the_audit_prints():
    sale = decremented(quantity=1, event_id="sale-1")
    log = [record(added(), 0), record(sale, 1), record(sale, 2), record(added(), 3), record(b"{", 4)]
    assert oracle.fold(as_the_audit_reads(log)).count() == {
        "applied": 2,
        "duplicates": 1,
        "quarantined": {"already_active": 1, "not_json": 1},
    }


def test_outcomes_are_told_apart_by_shard_too():
    one, other = record(added("P1"), 0), record(added("P2"), 0, shard_id="shardId-000000000007")
    assert len(oracle.fold(as_the_audit_reads([one, other])).outcomes) == 2


# ── the oracle and the projector, over logs that nobody thought of ──

JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
SURROGATES = st.text(st.characters(categories=["Cs", "Cc", "Ll"]), max_size=3)
IDS = (
    st.sampled_from(["P98765", "P98765", "P2", "\N{DUMPLING}", "", "P" * 128, "P" * 129, "P\x85", "P\ud83d"])
    | SURROGATES
)
DATES, TIMES = r"[0-9]{4}-[01][0-9]-[0-3][0-9]", r"[0-2][0-9]:[0-6][0-9]:[0-6][0-9](\.[0-9]{1,12})?"
OFFSETS = r"([Zz]|[+-][0-2][0-9]:[0-6][0-9])?"
MOMENTS = st.sampled_from([
    "2023-09-11T12:00:00Z", "2023-09-11T12:00:00Z", "2023-09-11T12:00:00+02:00", "2023-09-11t12:00:60.5z",
    "2023-02-29T12:00:00Z", "2024-02-29T12:00:00-00:00", "0000-02-29T00:00:00Z", "2023-09-11T12:00:00", "2023-09-11",
    "2023-09-11T12:00:00+24:00", "2023-09-11T12:00:00\N{LATIN SMALL LETTER LONG S}",
]) | st.from_regex(rf"\A{DATES}[Tt ]{TIMES}{OFFSETS}\Z")  # fmt: skip
QUANTITIES = st.sampled_from([0, 1, 1, 2, 3, 10, 1_000_000_000, 1_000_000_001, -1, 1.0, True, "1", 10**30]) | JUNK
NAMES = st.sampled_from(["Laptop", "Laptop", "", "L" * 200, "L" * 201, "\ud83d"]) | JUNK
TYPES = st.sampled_from([*oracle.RULES, *oracle.RULES, "gift", "", None, 7, [], "\ud83d"])


def spoiled(fields, of):
    """Let every field be there or not, but for those that are named."""
    there = {name: value for name, value in fields.items() if name in of}
    return st.fixed_dictionaries(there, optional={name: value for name, value in fields.items() if name not in of})


PRODUCTS = spoiled(
    {"product_id": IDS | JUNK, "product_name": NAMES, "quantity": QUANTITIES, "timestamp": MOMENTS | JUNK},
    ("product_id", "timestamp", "quantity", "product_name"),
) | spoiled({"product_id": IDS, "product_name": NAMES, "quantity": QUANTITIES, "timestamp": MOMENTS}, ())
EVENT_IDS = st.sampled_from(["a", "b", "", "e" * 64, "e" * 65, "\udc00"]) | JUNK
BODIES = spoiled({"event_type": TYPES, "product": PRODUCTS, "event_id": EVENT_IDS}, ("event_type", "product"))
SOUND = st.builds(
    lambda build, product_id, quantity, event_id: (
        build(product_id, event_id=event_id) if build is removed else build(product_id, quantity, event_id=event_id)
    ),
    st.sampled_from([added, added, removed, incremented, decremented, decremented]),
    st.sampled_from(["P98765", "P2"]),
    st.sampled_from([1, 2, 5, 1_000_000_000]),
    st.sampled_from([None, "a", "b", "c", "d"]),
)
WRITTEN = (SOUND | SOUND | BODIES | JUNK).map(as_bytes)
SPLICED = st.tuples(WRITTEN, st.integers(0, 200), st.binary(max_size=3)).map(
    lambda cut: cut[0][: cut[1]] + cut[2] + cut[0][cut[1] :]
)


DATA = WRITTEN | WRITTEN | SPLICED | st.binary(max_size=40)
KEYED = st.tuples(DATA, st.sampled_from([None] * 9 + ["P98766"])).map(
    lambda pair: (pair[0], pair[1] or key_of(pair[0]))
)


def log_of(keyed):
    return [record(data, number, partition_key=key) for number, (data, key) in enumerate(keyed)]


@settings(max_examples=100)
@given(st.lists(KEYED, max_size=12))
def test_oracle_and_projector_agree_on_any_log(keyed):
    agreed(log_of(keyed))


@settings(max_examples=150)
@given(st.lists(SOUND, max_size=80))
def test_oracle_and_projector_agree_on_long_logs_of_sound_events(story):
    agreed([record(event, number) for number, event in enumerate(story)])


@settings(max_examples=150)
@given(MOMENTS)
def test_oracle_and_projector_agree_on_what_a_moment_is(moment):
    agreed([record(added(timestamp=moment), 0)])


@pytest.mark.parametrize(
    ("in_between", "outcome"), [(30, "duplicate"), (31, "duplicate"), (32, "applied"), (33, "applied")]
)
def test_oracle_and_projector_remember_equally_long(in_between, outcome):
    sale = decremented(quantity=1, event_id="sale-1")
    story = [added(), sale, *[incremented()] * in_between, sale]
    assert agreed([record(event, number) for number, event in enumerate(story)])[-1] == outcome


@pytest.mark.parametrize("in_between", [30, 31, 32])
def test_oracle_and_projector_refresh_a_re_send_alike(in_between):
    sale = decremented(quantity=1, event_id="sale-1")
    story = [added(), sale, *[incremented()] * 31, sale, *[incremented()] * in_between, sale]
    outcomes = agreed([record(event, number) for number, event in enumerate(story)])
    assert outcomes[33] == "duplicate"
    assert outcomes[-1] == ("duplicate" if in_between < 32 else "applied")


@pytest.mark.parametrize(("in_between", "outcome"), [(30, "duplicate"), (31, "already_active")])
def test_oracle_and_projector_give_a_re_send_no_second_place_in_the_memory(in_between, outcome):
    first, sale = added(event_id="first"), decremented(quantity=1, event_id="sale-1")
    story = [first, sale, sale, *[incremented()] * in_between, first]
    assert agreed([record(event, number) for number, event in enumerate(story)])[-1] == outcome


@pytest.mark.parametrize("digits", [1, 30, 56])
def test_oracle_and_projector_agree_on_sequence_numbers_of_any_length(digits):
    sale = decremented(event_id="sale-1")
    log = [
        record(event)._replace(sequence_number=SequenceNumber(str(number).zfill(digits)))
        for number, event in enumerate([added(), sale, sale, removed(), removed()], start=1)
    ]
    assert agreed(log) == ["applied", "applied", "duplicate", "applied", "not_active"]


@pytest.mark.parametrize("name", scenarios.SCENARIOS)
def test_oracle_and_projector_agree_on_every_scenario(name):
    story = scenarios.write_story(name, events=3000, products=40, seed=11)
    agreed([record(entry.data, number, entry.partition_key) for number, entry in enumerate(story)])


def test_how_deep_is_too_deep_does_not_depend_on_who_asks():
    def called_from(frames, data):
        return agreed([record(data, 0, partition_key="P98765")]) if frames == 0 else called_from(frames - 1, data)

    for depth in (100, *range(800, 1000, 10), 1500, 20_000):
        data = cases.raw(more=', "note": ' + "[" * depth + "]" * depth)
        assert called_from(0, data) == called_from(40, data), f"nested {depth} deep"
