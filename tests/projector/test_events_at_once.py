"""Validation straight from the bytes must never say other than the one step by step, which can name the reason."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stock_projector.events import MOST_NESTED, Event, _event_at_once, _event_or_refusal

WHOLE = (
    '{"event_type": "quantity_incremented", "event_id": "e-1", "product": {"product_id": "P98765",'
    ' "product_name": "Laptop", "quantity": 10, "timestamp": "2024-02-29T12:00:00Z"}, "extra": null}'
)
TOKENS = [
    "NaN", "-Infinity", "Infinity", "1e999", "1e1", "10.0", "-0", "01", "true", "null", '"10"', "9" * 30, "9" * 5000,
    "[" * (MOST_NESTED - 1) + "]" * (MOST_NESTED - 1), "[" * MOST_NESTED + "]" * MOST_NESTED, "[" * 202 + "]" * 202,
    '"\\ud800"', '"\\ud83d\\ude00"', '"\\u0000"', '"\t"', '"NaN"', '"[[["', "{}", "[]", '{"a": 1, "a": NaN}', "/**/1",
    '"product_added"', '"product_removed"', '"quantity_decremented"', '"2023-02-29T12:00:00Z"',
    '"2023-09-31T00:00:60z"', '"2023-09-11T12:00:00"', '"x"', '""',
    '"' + "x" * 65 + '"', '"' + "x" * 201 + '"', '"e\u0301"', "1000000001", "0",
]  # fmt: skip
VALUES = ['"quantity_incremented"', '"e-1"', '"P98765"', '"Laptop"', "10", '"2024-02-29T12:00:00Z"', "null"]
NAMES = ["event_type", "event_id", "product", "product_id", "product_name", "quantity", "timestamp", "extra"]


def agree(data: bytes) -> None:
    at_once = _event_at_once(data)
    if at_once is not None:
        assert at_once == _event_or_refusal(data)


@pytest.mark.parametrize("value", VALUES)
def test_they_agree_on_every_token_in_the_place_of_a_value(subtests, value):
    for token in TOKENS:
        with subtests.test(token[:30]):
            agree(WHOLE.replace(value, token).encode("utf-8", "surrogatepass"))


@pytest.mark.parametrize("name", NAMES)
def test_they_agree_on_a_name_that_comes_twice(subtests, name):
    for token in TOKENS:
        with subtests.test(token[:30]):
            for place in ("{", '"product": {'):
                agree(WHOLE.replace(place, f'{place}"{name}": {token}, ', 1).encode())
                agree(WHOLE.replace("null}", f'null, "{name}": {token}}}').encode())


@settings(max_examples=300)
@given(st.integers(0, len(WHOLE)), st.integers(0, 12), st.binary(max_size=6))
def test_they_agree_on_spoiled_bytes(at, cut, bytes_put_in):
    data = WHOLE.encode()
    agree(data[:at] + bytes_put_in + data[at + cut :])


def test_a_sound_event_is_read_at_once():
    event = _event_at_once(WHOLE.encode())
    assert isinstance(event, Event) and event == _event_or_refusal(json.dumps(json.loads(WHOLE)).encode())
