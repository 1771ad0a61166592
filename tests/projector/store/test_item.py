"""The item: its attributes, its size, and that it is read as it was written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stock_projector.events import SequenceNumber, parse
from stock_projector.item import ForeignItemError, from_item, to_item
from stock_projector.memory import CAPACITY
from stock_projector.projection import StockLevel, fold

from tests.doubles import FIRST, STEP, added, decremented, incremented, place, record, removed
from tests.doubles.table import size_of

UUID = "3f2b8c1e-7d4a-4c55-9b1e-0a6f2d9e8c71"
LONG_NAME = "Crunchy Laptop 15\u2033, refurbished, German keyboard, 32 GB"


def folded(*story, product_id="P98765", apart=STEP):
    """Fold events that lie so far apart in the shard. Returns the stock level."""
    places = (SequenceNumber(str(FIRST + number * apart)) for number in range(len(story)))
    return fold(StockLevel(product_id), zip(places, (parse(record(said)) for said in story), strict=True))[0]


def test_the_item_has_the_attributes_of_the_contract_and_their_types():
    item = to_item(folded(added(), decremented(quantity=3)))
    assert {name: list(value) for name, value in item.items()} == {
        "product_id": ["S"],
        "product_name": ["S"],
        "status": ["S"],
        "quantity": ["N"],
        "version": ["N"],
        "last_sequence_number": ["S"],
        "updated_at": ["S"],
        "recent_events": ["B"],
        "remembers_after": ["S"],
    }
    assert item["quantity"] == {"N": "7"}
    assert item["version"] == {"N": "2"}
    assert item["remembers_after"] == {"S": ""}, "empty while nothing was forgotten"


def test_a_sequence_number_of_56_digits_is_kept_to_the_last_digit():
    item = to_item(folded(added(), incremented()))
    assert item["last_sequence_number"] == {"S": str(FIRST + STEP)}
    assert len(item["last_sequence_number"]["S"]) == 56


def test_a_padded_sequence_number_is_written_as_kinesis_wrote_it():
    padded = SequenceNumber("000000000000000000000000000042")
    level, _ = fold(StockLevel("P98765"), [(padded, parse(record(added())))])
    item = to_item(level)
    assert item["last_sequence_number"] == {"S": "000000000000000000000000000042"}
    assert str(from_item(item).last_sequence_number) == "000000000000000000000000000042"


def test_no_item_expires_not_even_that_of_a_removed_product():
    gone = to_item(folded(added(), removed()))
    assert gone["status"] == {"S": "removed"}
    assert "expires_at" not in gone


@pytest.mark.parametrize(
    "wrong",
    [
        {"status": {"S": "sold out"}},
        {"quantity": {"N": "-1"}},
        {"version": {"N": "0"}},
        {"quantity": {"S": "many"}},
        {"last_sequence_number": {"S": "first"}},
        {"last_sequence_number": {"S": "0"}},
        {"recent_events": {"B": b"12345678"}},
        {"remembers_after": {"N": "7"}},
    ],
)
def test_an_item_that_the_projector_cannot_have_written_is_refused_with_its_name(wrong):
    with pytest.raises(ForeignItemError, match="P98765"):
        from_item(to_item(folded(added())) | wrong)
    for missing in to_item(folded(added())):
        with pytest.raises(ForeignItemError):
            from_item({name: value for name, value in to_item(folded(added())).items() if name != missing})


def test_a_full_memory_says_what_it_has_forgotten():
    item = to_item(folded(added(), *[incremented()] * 40))
    assert item["remembers_after"] == {"S": str(place(40 - CAPACITY))}


@pytest.mark.parametrize(
    ("product_id", "name", "apart"),
    [
        pytest.param(UUID, LONG_NAME, STEP, id="a minute apart, with a long id and a long name"),
        pytest.param("P98765", LONG_NAME, STEP * 60 * 24, id="a day apart, with a long name"),
        pytest.param("P98765", "Crunchy Laptop", STEP * 60 * 24 * 365, id="a year apart"),
    ],
)
def test_an_item_of_realistic_size_costs_one_write_unit(product_id, name, apart):
    busy = [incremented(product_id, 10**9, timestamp="2023-09-11T12:00:00.000+02:00")] * 100
    level = folded(added(product_id, 10**9, name), *busy, removed(product_id), product_id=product_id, apart=apart)
    item = to_item(level)
    assert len(item["recent_events"]["B"]) >= CAPACITY * 9
    assert size_of(item) < 1024


STORY = st.lists(
    st.builds(
        lambda say, quantity, event_id: (
            say(event_id=event_id) if say is removed else say(quantity=quantity, event_id=event_id)
        ),
        st.sampled_from([added, removed, incremented, incremented, decremented]),
        st.integers(1, 10**9),
        st.none() | st.text(st.characters(codec="utf-8"), min_size=1, max_size=64),
    ),
    min_size=1,
    max_size=70,
).map(lambda story: [added(name="L\N{DUMPLING}"), *story])


@given(
    STORY, st.sampled_from([1, 255, 256, STEP, 10**40]), st.sampled_from([1, 9_999, FIRST]), st.sampled_from([0, 60])
)
def test_an_item_is_read_as_the_stock_level_that_was_written(story, apart, first, width):
    places = [SequenceNumber(str(first + number * apart).zfill(width)) for number in range(len(story))]
    level, _ = fold(StockLevel("P98765"), zip(places, (parse(record(said)) for said in story), strict=True))
    back = from_item(to_item(level))
    assert back == level
    assert str(back.last_sequence_number) == str(level.last_sequence_number)
    again = to_item(back)
    assert again == to_item(level)


@pytest.mark.parametrize("width", [0, 30])
def test_what_was_forgotten_after_a_round_trip_is_named_as_kinesis_wrote_it(width):
    places = [SequenceNumber(str(number).zfill(width)) for number in range(95, 95 + CAPACITY + 2)]
    story = [parse(record(added(quantity=5))), *(parse(record(incremented(quantity=1))) for _ in places[1:-1])]
    level, _ = fold(StockLevel("P98765"), zip(places[:-1], story, strict=True))
    back = from_item(to_item(level))
    after, _ = fold(back, [(places[-1], parse(record(incremented(quantity=1))))])
    assert to_item(after)["remembers_after"] == {"S": "96".zfill(width)}
