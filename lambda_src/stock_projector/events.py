"""The event: what a producer may say about a product, and how a record is read as one.

Nothing here raises for bad input. `parse` returns an event, or the `Refusal` that says why there is none.
"""

import json
import re
from binascii import a2b_base64
from calendar import monthrange
from itertools import accumulate
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import VERSION, AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from stock_projector import words

OLDEST_PYDANTIC = (2, 11)  # an older one takes, of a field that is said twice, the first that is right
if tuple(map(int, VERSION.split(".")[:2])) < OLDEST_PYDANTIC:
    raise ImportError(f"pydantic {VERSION} judges some events otherwise: the projector needs 2.11 or later")

Reason = Literal[
    "not_json", "invalid_event", "unknown_event_type", "wrong_partition_key",
    "already_active", "not_active", "insufficient_stock", "quantity_overflow", "out_of_order",
]  # fmt: skip

MOST_NESTED = 200  # levels of a record's JSON: an event needs two
MOST_DIGITS = 1000  # of an integer that is read as one: a quantity has ten
STRINGS = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
TIMESTAMP = re.compile(
    r"([0-9]{4})-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
    r"[Tt]([01][0-9]|2[0-3]):[0-5][0-9]:([0-5][0-9]|60)(\.[0-9]+)?"
    r"([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"
)


def _rfc3339(text: str) -> str:
    match = TIMESTAMP.fullmatch(text)
    if not match:
        raise ValueError("should be RFC 3339 with a UTC offset, like 2023-09-11T12:00:00Z")
    year, month, day = match.group(1, 2, 3)
    if day > "28" and int(day) > monthrange(int(year), int(month))[1]:
        raise ValueError("names a day that its month does not have")
    return text


ProductId = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f\x7f-\x9f]*$")]
ProductName = Annotated[str, Field(min_length=1, max_length=200)]
EventId = Annotated[str, Field(min_length=1, max_length=64)]
Stock = Annotated[int, Field(ge=0, le=1_000_000_000)]
Change = Annotated[int, Field(ge=1, le=1_000_000_000)]
Timestamp = Annotated[str, Field(max_length=64), AfterValidator(_rfc3339)]  # or a fraction could fill the item


class _Model(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore")


class Product(_Model):
    """What every event says of its product."""

    product_id: ProductId
    timestamp: Timestamp


class AddedProduct(Product):
    """A product as `product_added` describes it: its name and its first stock, in units."""

    product_name: ProductName
    quantity: Stock


class ChangedProduct(Product):
    """A product as an increment or a decrement describes it: the size of the change, in units."""

    quantity: Change


class Event(_Model):
    """A business fact, in the past tense."""

    event_type: str
    event_id: EventId = ""
    product: Product


class ProductAdded(Event):
    """The product is for sale, under this name and with this stock."""

    event_type: Literal["product_added"]
    product: AddedProduct


class ProductRemoved(Event):
    """The product is no longer for sale."""

    event_type: Literal["product_removed"]
    product: Product


class QuantityIncremented(Event):
    """Units came in."""

    event_type: Literal["quantity_incremented"]
    product: ChangedProduct


class QuantityDecremented(Event):
    """Units went out."""

    event_type: Literal["quantity_decremented"]
    product: ChangedProduct


EVENTS: dict[str, type[Event]] = {
    "product_added": ProductAdded,
    "product_removed": ProductRemoved,
    "quantity_incremented": QuantityIncremented,
    "quantity_decremented": QuantityDecremented,
}
AnyEvent = ProductAdded | ProductRemoved | QuantityIncremented | QuantityDecremented
_VALIDATOR = TypeAdapter(Annotated[AnyEvent, Field(discriminator="event_type")]).validator


class SequenceNumber(int):
    """A place in a shard's log, about 56 digits: ordered as an integer, written just as Kinesis wrote it."""

    def __new__(cls, text: str) -> "SequenceNumber":
        """Keep the text: an emulator may pad it with zeros, and whoever looks it up in the stream needs it as it is."""
        self = int.__new__(cls, text)
        self.text = text
        return self

    text: str

    def __str__(self) -> str:
        return self.text


class Record(NamedTuple):
    """The envelope in which an event lies on the stream."""

    data: bytes
    partition_key: str
    sequence_number: SequenceNumber
    shard_id: str
    arrived_at: float  # epoch seconds
    item_identifier: str  # what the pipe calls this record when we hand it back as failed

    @classmethod
    def from_pipe(cls, flat: dict[str, Any]) -> "Record":
        """Read one element of the array that EventBridge Pipes hands to its target."""
        event_id = flat["eventID"]
        return cls(
            a2b_base64(flat["data"]),
            flat["partitionKey"],
            SequenceNumber(flat["sequenceNumber"]),
            event_id.partition(":")[0],
            float(flat["approximateArrivalTimestamp"]),
            event_id,
        )


class Refusal(NamedTuple):
    """Why a record can never be applied."""

    reason: Reason
    detail: str
    judged_on: str | None = None  # the place of the state that a rule of the business refused it on; empty: none yet


def parse(record: Record) -> Event | Refusal:
    """Read a record as an event, or say why it is none."""
    event = _event_at_once(record.data) or _event_or_refusal(record.data)
    if isinstance(event, Event) and record.partition_key != event.product.product_id:
        return Refusal("wrong_partition_key", "partition key: should be the product_id, or the order is not guaranteed")
    return event


def _event_at_once(data: bytes) -> Event | None:
    """Validate straight from the bytes: twice as fast. None leaves the verdict to those who can give a reason.

    What might be no strict JSON is left to them as well: pydantic's parser takes NaN, and one level more.
    """
    if b"NaN" in data or b"Infinity" in data or data.count(b"[") + data.count(b"{") > MOST_NESTED:
        return None
    try:
        return _VALIDATOR.validate_json(data)
    except ValidationError:
        return None


def _event_or_refusal(data: bytes) -> Event | Refusal:
    """Read an event step by step, so that whatever is wrong has a name."""
    try:
        body = load_json(data)
    except ValueError as error:
        return Refusal("not_json", _short(words.of_what_is_not_json(data, error)))
    if not isinstance(body, dict):
        return Refusal("invalid_event", words.of_no_event(body))
    if "event_type" not in body:
        return Refusal("invalid_event", "event_type: is missing")
    event_type = body["event_type"]
    if not isinstance(event_type, str):
        return Refusal("invalid_event", "event_type: should be a string")
    if event_type not in EVENTS:
        return Refusal("unknown_event_type", f"event_type: {_short(event_type)!a} is none of {', '.join(EVENTS)}")
    try:
        return EVENTS[event_type].model_validate(body)
    except ValidationError as invalid:
        first = invalid.errors(include_url=False, include_input=False)[0]
        return Refusal("invalid_event", words.of_broken_rule(first))


def load_json(data: bytes) -> Any:
    """Decode strict JSON: UTF-8, no NaN or Infinity (which Python would let pass), nested `MOST_NESTED` deep at most.

    Raises:
        ValueError: it is not JSON.
    """
    text = data.decode("utf-8")
    if text.count("[") + text.count("{") > MOST_NESTED and _depth(text) > MOST_NESTED:
        raise ValueError(f"nested more than {MOST_NESTED} deep")
    return _STRICT.decode(text)


def _depth(text: str) -> int:
    """Measure the nesting ourselves: how deep an interpreter can follow depends on its version and on who calls."""
    steps = (1 if bracket in "[{" else -1 for bracket in re.findall(r"[\[{\]}]", STRINGS.sub("", text)))
    return max(accumulate(steps), default=0)


def _integer(digits: str) -> int | float:
    """Read an integer. Python refuses to read very long ones; as a float it is no quantity, and no reason to stop."""
    return int(digits) if len(digits) <= MOST_DIGITS else float(digits)


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


_STRICT = json.JSONDecoder(parse_constant=_no_constant, parse_int=_integer)


def _short(text: object) -> str:
    return str(text)[:120]
