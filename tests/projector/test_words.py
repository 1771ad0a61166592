"""A refusal's detail names what the record looks like, in words that help whoever sent it."""

import base64
import gzip
import hashlib
import json
import zlib

from pydantic import ValidationError
from stock_projector.events import EVENTS, load_json, parse
from stock_projector.words import RULES

from tests.doubles import cases
from tests.doubles.cases import without
from tests.doubles.events import SAMPLE, added, as_bytes, event, record

EVENT = as_bytes(SAMPLE)
AGGREGATED = b"\xf3\x89\x9a\xc2\x0a\x06P98765" + hashlib.md5(EVENT).digest()  # as the Kinesis Producer Library packs it
A_LIBRARYS_OWN = ("Input should", "Value error", "Field required", "String should", "valid dictionary", "codec can't")

NOT_JSON = {
    b"": "it is empty",
    gzip.compress(EVENT): "compressed with gzip",
    zlib.compress(EVENT): "compressed with zlib",
    b"\x28\xb5\x2f\xfd" + EVENT: "compressed with zstd",
    b"PK\x03\x04" + EVENT: "a ZIP archive",
    AGGREGATED: "a record of the Kinesis Producer Library; aggregated records are not read",
    base64.b64encode(EVENT): "base64",
    base64.b64encode(gzip.compress(EVENT)): "base64",
    b"\xef\xbb\xbf" + EVENT: "byte order mark",
    EVENT.decode().encode("utf-16"): "UTF-16",
    EVENT.decode().encode("utf-16-le"): "UTF-16",
    EVENT.decode().encode("utf-32"): "UTF-32",
    EVENT + EVENT: "more than one JSON value",
    EVENT + b"\n" + EVENT: "more than one JSON value",
    EVENT.replace(b"Laptop", b"Caf\xe9"): "not UTF-8: byte 0xe9 at",
}
INVALID = [
    (without(SAMPLE, "event_type"), "event_type: is missing"),
    (added() | {"event_type": 1}, "event_type: should be a string"),
    (without(SAMPLE, "product"), "product: is missing"),
    (added() | {"product": "P98765"}, "product: should be a JSON object"),
    (event("product_added", "P1", quantity=1), "product.product_name: is missing"),
    (added(quantity="a dozen"), "product.quantity: should be an integer"),
    (added(quantity=1.0), "product.quantity: should be an integer"),
    (added(quantity=-1), "product.quantity: should be 0 or more"),
    (added(quantity=10**9 + 1), "product.quantity: should be 1000000000 or less"),
    (added(event_id=""), "event_id: should have 1 or more characters"),
    (added(event_id="e" * 65), "event_id: should have 64 or fewer characters"),
    (added("P\t1"), "product.product_id: should have no control characters"),
    (added("P\ud83d"), "product.product_id: should be whole characters; it has half of a surrogate pair"),
    (added() | {"product": SAMPLE["product"] | {"timestamp": "noon"}}, "product.timestamp: should be RFC 3339 with"),
    ([SAMPLE, SAMPLE], "event: should be a JSON object, one a record; it is an array of 2"),
    (EVENT.decode(), "event: should be a JSON object; it is a string that holds JSON: it was encoded twice"),
]


def detail(data):
    return parse(record(data, partition_key="P98765")).detail


def test_what_is_no_json_is_named_for_what_it_looks_like():
    unnamed = [(data[:20], detail(data)) for data, words in NOT_JSON.items() if words not in detail(data)]
    assert unnamed == []


def test_a_rule_that_is_broken_is_said_as_the_contract_has_it():
    details = [(words, detail(json.dumps(body).encode())) for body, words in INVALID]
    assert [(words, said) for words, said in details if not said.startswith(words)] == []


def test_no_detail_is_in_a_librarys_own_words():
    details = [detail(data) for refused in cases.REFUSED.values() for _, data in refused]
    assert [said for said in details if any(words in said for words in A_LIBRARYS_OWN)] == []


def test_every_rule_of_the_model_has_words():
    kinds = set()
    for _, data, _ in cases.INVALID:
        body = load_json(data)
        if isinstance(body, dict) and body.get("event_type") in list(EVENTS):
            try:
                EVENTS[body["event_type"]].model_validate(body)
            except ValidationError as broken:
                kinds |= {error["type"] for error in broken.errors()}
    assert kinds - RULES.keys() == {"value_error"}
