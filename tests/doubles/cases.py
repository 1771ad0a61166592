"""The rules of an event, boundary by boundary. The projector and the oracle are held to the same list."""

import json
from typing import Any

from tests.doubles.events import NOON, SAMPLE, added, as_bytes, decremented, event, incremented, removed

BILLION = 1_000_000_000
DUMPLING = "\N{DUMPLING}"  # one character, two UTF-16 units, four UTF-8 bytes

Case = tuple[str, bytes]


def without(event: dict[str, Any], field: str) -> dict[str, Any]:
    """Leave a field out."""
    product = {name: value for name, value in event["product"].items() if name != field}
    return {name: value for name, value in event.items() if name != field} | (
        {"product": product} if field != "product" else {}
    )


def raw(quantity: str = "10", timestamp: str = json.dumps(NOON), product_id: str = '"P98765"', more: str = "") -> bytes:
    """Write an event by hand, to say what `json.dumps` would not."""
    product = f'"product_id": {product_id}, "product_name": "Laptop", "quantity": {quantity}, "timestamp": {timestamp}'
    return f'{{"event_type": "product_added", "product": {{{product}}}{more}}}'.encode()


def at(moment: str) -> dict[str, Any]:
    """Return an event that happened at a moment, however that is written."""
    return added(timestamp=moment)


def _packed(cases: dict[str, Any]) -> list[Case]:
    return [(name, as_bytes(body)) for name, body in cases.items()]


VALID = _packed({
    "the brief's sample": SAMPLE,
    "an id of one character": added("P"),
    "an id of 128 characters": added("P" * 128),
    "an id of 128 dumplings": added(DUMPLING * 128),
    "an id that is a space": added(" "),
    "an id with a line separator, which is no control character": added("a\u2028b"),
    "an id with the first character after the controls": added("\xa0"),
    "a name of one character": added(name="L"),
    "a name of 200 dumplings": added(name=DUMPLING * 200),
    "a name with markup": added(name="<script>alert('stock')</script>"),
    "a name with a line break and a NUL": added(name="Lap\ntop\0"),
    "nothing in stock at first": added(quantity=0),
    "minus zero, which is zero": raw(quantity="-0"),
    "a billion at once": added(quantity=BILLION),
    "an event id of one character": added(event_id="e"),
    "an event id of 64 characters": added(event_id="e" * 64),
    "an event id of 64 dumplings": added(event_id=DUMPLING * 64),
    "an unknown field beside the product": added() | {"source": "till 7"},
    "an unknown field in the product": added(colour="red"),
    "an unknown field with a lone surrogate": raw(more=r', "note": "\ud83d"'),
    "an unknown field whose name is a lone surrogate": raw(more=r', "\ud83d": 1'),
    "an unknown field with a number beyond every float": raw(more=', "note": 1e999'),
    "an unknown field with a number of 5,000 digits": raw(more=', "note": ' + "9" * 5000),
    "an unknown field nested a hundred deep": raw(more=', "note": ' + "[" * 100 + "]" * 100),
    "a field said twice: the last one counts": raw(quantity='"ten", "quantity": 10'),
    "blanks around it": b" \r\n\t" + raw() + b"\n",
    "an offset": at("2023-09-11T14:00:00+02:00"),
    "an offset to the west, with minutes": at("2023-09-11T08:30:00-03:30"),
    "an unknown local offset": at("2023-09-11T12:00:00-00:00"),
    "the widest offset": at("2023-09-11T12:00:00+23:59"),
    "a lower-case t and z": at("2023-09-11t12:00:00z"),
    "a tenth of a second": at("2023-09-11T12:00:00.5Z"),
    "a nanosecond": at("2023-09-11T12:00:00.000000001Z"),
    "a picosecond, as RFC 3339 sets no limit": at("2023-09-11T12:00:00.000000000001Z"),
    "a leap second": at("2016-12-31T23:59:60Z"),
    "a leap day": at("2024-02-29T12:00:00Z"),
    "a leap day at the end of a century": at("2000-02-29T12:00:00Z"),
    "the last day of a year": at("9999-12-31T23:59:59Z"),
})  # fmt: skip

VALID_LATER = _packed({  # for an active product
    "the smallest increment": incremented(quantity=1),
    "the largest increment": incremented(quantity=BILLION),
    "the smallest decrement": decremented(quantity=1),
    "a removal": removed(),
    "a removal with a quantity": removed(quantity=3),
    "a removal with a quantity that is none": removed(quantity="all of them"),
    "a removal with a name that is none": removed(product_name=7),
    "a change with a name that is none": incremented(product_name=""),
    "a change with a name that is a lone surrogate": json.dumps(incremented(product_name="\ud83d")).encode(),
})  # fmt: skip

NOT_JSON = _packed({
    "nothing at all": b"",
    "blanks": b" \n ",
    "half an event": b'{"event_type": "product_added", "product": {',
    "two events": raw() + raw(),
    "an event and a bit": raw() + b"}",
    "a comma too many": raw(more=","),
    "single quotes": str(SAMPLE).encode(),
    "NaN": raw(quantity="NaN"),
    "Infinity": raw(quantity="Infinity"),
    "minus Infinity": raw(quantity="-Infinity"),
    "NaN in a field that nobody reads": raw(more=', "note": NaN'),
    "a leading zero": raw(quantity="010"),
    "a plus sign": raw(quantity="+10"),
    "hexadecimal": raw(quantity="0x10"),
    "a byte order mark": b"\xef\xbb\xbf" + raw(),
    "UTF-16": raw().decode().encode("utf-16"),
    "Latin-1": raw(product_id='"Caf\xe9"').decode().encode("latin-1"),
    "an overlong slash": raw().replace(b"P98765", b"P\xc0\xaf"),
    "a surrogate in UTF-8": raw().replace(b"P98765", b"P\xed\xa0\xbd"),
    "a naked control character": raw().replace(b"P98765", b"P\x01"),
    "a naked line break in a text": raw().replace(b"P98765", b"P\n1"),
    "a hundred thousand open brackets": b"[" * 100_000,
    "a zip": b"PK\x03\x04\x14\x00\x00\x00",
})  # fmt: skip

UNKNOWN_TYPE = _packed({
    "a guess": event("quantity_guessed", "P98765", quantity=1),
    "upper case": event("PRODUCT_ADDED", "P98765", product_name="Laptop", quantity=1),
    "a blank at the end": event("product_added ", "P98765", product_name="Laptop", quantity=1),
    "an empty type": event("", "P98765"),
    "a type that is a lone surrogate": json.dumps(event("\ud83d", "P98765")).encode(),
    "an unknown type and nothing else": {"event_type": "stock_counted"},
})  # fmt: skip

INVALID: list[tuple[str, bytes, str]] = [  # with the field that the detail has to name
    (name, as_bytes(body), field)
    for field, cases in {
        "event": {
            "null": b"null",
            "a number": b"7",
            "a text": b'"product_added"',
            "a list of events": [SAMPLE],
        },
        "event_type": {
            "no type": without(SAMPLE, "event_type"),
            "a type that is null": added() | {"event_type": None},
            "a type that is a number": added() | {"event_type": 1},
            "a type that is a list": added() | {"event_type": ["product_added"]},
        },
        "event_id": {
            "an empty event id": added(event_id=""),
            "an event id of 65 characters": added(event_id="e" * 65),
            "an event id that is null": added() | {"event_id": None},
            "an event id that is a number": added() | {"event_id": 7},
            "an event id that is a lone surrogate": added(event_id="\ud83d"),
        },
        "product": {
            "no product": without(SAMPLE, "product"),
            "a product that is null": added() | {"product": None},
            "a product that is a text": added() | {"product": "P98765"},
            "a product that is a list": added() | {"product": [SAMPLE["product"]]},
        },
        "product_id": {
            "no id": without(SAMPLE, "product_id"),
            "an empty id": added(""),
            "an id of 129 characters": added("P" * 129),
            "an id that is a number": added() | {"product": SAMPLE["product"] | {"product_id": 98765}},
            "an id that is null": added() | {"product": SAMPLE["product"] | {"product_id": None}},
            "an id with a NUL": added("P\0"),
            "an id with a tab": added("P\t1"),
            "an id with the last of the low controls": added("P\x1f"),
            "an id with a DEL": added("P\x7f"),
            "an id with the first of the high controls": added("P\x80"),
            "an id with a next-line": added("P\x85"),
            "an id with the last of the high controls": added("P\x9f"),
            "an id that ends in a line break": added("P98765\n"),
            "an id with a lone surrogate": added("P\ud83d"),
            "half a pair, the other way round": added("P\udc00\ud83d"),
        },
        "product_name": {
            "no name": without(SAMPLE, "product_name"),
            "an empty name": added(name=""),
            "a name of 201 characters": added(name="L" * 201),
            "a name of 201 dumplings": added(name=DUMPLING * 201),
            "a name that is null": added(product_name=None),
            "a name that is a number": added(product_name=7),
            "a name with a lone surrogate": added(name="Lap\udc00top"),
        },
        "quantity": {
            "no quantity": without(SAMPLE, "quantity"),
            "less than nothing": added(quantity=-1),
            "a billion and one": added(quantity=BILLION + 1),
            "a quantity that is null": added(quantity=None),
            "a quantity that is a text": added(quantity="10"),
            "a quantity that is true": added(quantity=True),
            "a quantity that is false": added(quantity=False),
            "a whole number written as a float": raw(quantity="10.0"),
            "a whole number with an exponent": raw(quantity="1e1"),
            "half a laptop": added(quantity=0.5),
            "a quantity beyond every float": raw(quantity="1e999"),
            "a quantity of 30 digits": raw(quantity="9" * 30),
            "a quantity of 5,000 digits": raw(quantity="9" * 5000),
            "a quantity that is a list": added(quantity=[10]),
            "a quantity that is an object": added(quantity={"value": 10}),
            "an increment of nothing": incremented(quantity=0),
            "an increment without a quantity": without(incremented(), "quantity"),
            "an increment below nothing": incremented(quantity=-5),
            "an increment of a billion and one": incremented(quantity=BILLION + 1),
            "an increment of true": incremented(quantity=True),
            "a decrement of nothing": decremented(quantity=0),
            "a decrement of a billion and one": decremented(quantity=BILLION + 1),
            "a decrement that is a text": decremented(quantity="1"),
            "a field said twice: the last one is wrong": raw(quantity='10, "quantity": "ten"'),
        },
        "timestamp": {
            "no timestamp": without(SAMPLE, "timestamp"),
            "a removal without a timestamp": without(removed(), "timestamp"),
            "a timestamp that is null": at(None),  # type: ignore[arg-type]
            "epoch seconds": at(1694433600),  # type: ignore[arg-type]
            "an empty timestamp": at(""),
            "a date": at("2023-09-11"),
            "no offset": at("2023-09-11T12:00:00"),
            "an offset without a colon": at("2023-09-11T12:00:00+0200"),
            "an offset of hours only": at("2023-09-11T12:00:00+02"),
            "an offset of a day": at("2023-09-11T12:00:00+24:00"),
            "an offset of sixty minutes": at("2023-09-11T12:00:00+01:60"),
            "a blank instead of the T": at("2023-09-11 12:00:00Z"),
            "no seconds": at("2023-09-11T12:00Z"),
            "a point and no digits": at("2023-09-11T12:00:00.Z"),
            "a comma instead of the point": at("2023-09-11T12:00:00,5Z"),
            "midnight written as 24": at("2023-09-11T24:00:00Z"),
            "sixty minutes": at("2023-09-11T12:60:00Z"),
            "sixty-one seconds": at("2023-09-11T12:00:61Z"),
            "a thirteenth month": at("2023-13-11T12:00:00Z"),
            "month zero": at("2023-00-11T12:00:00Z"),
            "day zero": at("2023-09-00T12:00:00Z"),
            "the 31st of September": at("2023-09-31T12:00:00Z"),
            "a leap day without a leap year": at("2023-02-29T12:00:00Z"),
            "a leap day in 1900": at("1900-02-29T12:00:00Z"),
            "a year of five digits": at("12023-09-11T12:00:00Z"),
            "a line break at the end": at("2023-09-11T12:00:00Z\n"),
            "a blank in front": at(" 2023-09-11T12:00:00Z"),
            "digits of another script": at("\u0662\u0660\u0662\u0663-09-11T12:00:00Z"),
            "a week date": at("2023-W37-1T12:00:00Z"),
            "a lone surrogate": at("\ud83d"),
        },
    }.items()
    for name, body in cases.items()
]  # fmt: skip

REFUSED: dict[str, list[Case]] = {
    "not_json": NOT_JSON,
    "unknown_event_type": UNKNOWN_TYPE,
    "invalid_event": [(name, data) for name, data, _ in INVALID],
}
