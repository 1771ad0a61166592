"""What becomes of one record: the questions that the projector asks, in its order, and where each answer leads.

The tree is a model of `stock_projector.events.parse` and `stock_projector.projection.project` that can be asked:
`walk` returns for any record what the code should answer. The leaves
show the words with which the projector answers a sample. A test compares the two.
"""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from textwrap import shorten
from typing import Any, NamedTuple

from pydantic import ValidationError
from stock_projector.events import EVENTS, Event, Reason, Record, Refusal, SequenceNumber, load_json, parse
from stock_projector.memory import identity_of
from stock_projector.projection import MOST_STOCK, StockLevel, project

from pipeline.drawings import grid
from pipeline.drawings.grid import Arrow, Band, Cell


class Case(NamedTuple):
    """A record, and the stock level that it finds."""

    record: Record
    level: StockLevel


class Answer(NamedTuple):
    """What the code makes of a case: outcome, reason (of a quarantined record), and how it says so."""

    outcome: str
    reason: str
    words: str


class Leaf(NamedTuple):
    """An outcome, with a sample that ends there."""

    outcome: str
    name: str  # the reason, or what kind of outcome it is
    sample: Case


class Fork(NamedTuple):
    """A question off the trunk; both answers end."""

    text: str
    asks: Callable[[Case], bool]
    yes: Leaf
    no: Leaf


class Step(NamedTuple):
    """A question on the trunk: one answer leaves it, the other leads on."""

    stage: str
    text: str
    asks: Callable[[Case], bool]
    leaves_if: bool
    to: Leaf | Fork


def ask_the_code(case: Case) -> Answer:
    """Run the projector's own code on a case."""
    event = parse(case.record)
    if isinstance(event, Refusal):
        return Answer("quarantined", event.reason, event.detail)
    before, after = case.level, replace(case.level, memory=case.level.memory.copy())
    result = project(after, case.record.sequence_number, event)
    if isinstance(result, Refusal):
        return Answer("quarantined", result.reason, result.detail)
    stock = f"stock {before.quantity} → {after.quantity}, version {before.version} → {after.version}"
    return Answer(str(result), "", stock if after.version > before.version else f"version stays {after.version}")


# ── Samples: a laptop, of which 10 were added and 3 sold ──────────────────────────────────────────────────────────


def record(
    event_type: str, quantity: int | None = None, event_id: str = "new", at: int = 4, partition_key: str = "P98765"
) -> Record:
    """Put an event of the laptop into a record at this place of the log."""
    product = {"product_id": "P98765", "product_name": "Laptop", "timestamp": "2023-09-11T12:00:00Z"}
    body = {"event_type": event_type, "event_id": event_id, "product": product | {"quantity": quantity}}
    return raw(json.dumps(body).encode(), at, partition_key)


def raw(data: bytes, at: int = 4, partition_key: str = "P98765") -> Record:
    """Put bytes that may be no event into a record."""
    place = SequenceNumber(str(at))
    return Record(data, partition_key, place, "shardId-000000000000", 0.0, f"shardId-000000000000:{at}")


def level_after(*records: Record) -> StockLevel:
    """Fold records into the laptop's stock level."""
    level = StockLevel("P98765")
    for logged in records:
        event = parse(logged)
        assert isinstance(event, Event), event
        project(level, logged.sequence_number, event)
    return level


ADDED, SOLD = record("product_added", 10, "added", at=1), record("quantity_decremented", 3, "sold", at=3)
NEVER_SEEN, ACTIVE = StockLevel("P98765"), level_after(ADDED, SOLD)
FULL = replace(ACTIVE, quantity=MOST_STOCK)


def applied(record: Record, level: StockLevel = ACTIVE) -> Leaf:
    """Return the leaf of a record that is applied."""
    return Leaf("applied", _body(Case(record, level))["event_type"], Case(record, level))


def duplicate(name: str, record: Record) -> Leaf:
    """Return the leaf of a record that is duplicate."""
    return Leaf("duplicate", name, Case(record, ACTIVE))


def quarantined(reason: Reason, record: Record, level: StockLevel = ACTIVE) -> Leaf:
    """Return the leaf of a record that is quarantined."""
    return Leaf("quarantined", reason, Case(record, level))


# ── The tree ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _is_json(case: Case) -> bool:
    try:
        load_json(case.record.data)
    except (ValueError, RecursionError):
        return False
    return True


def _body(case: Case) -> Any:
    return load_json(case.record.data)


def _names_its_type(case: Case) -> bool:
    body = _body(case)
    return isinstance(body, dict) and isinstance(body.get("event_type"), str)


def _keeps_the_rules(case: Case) -> bool:
    try:
        EVENTS[_type(case)].model_validate(_body(case))
    except ValidationError:
        return False
    return True


def _is_remembered(case: Case) -> bool:
    return identity_of(_body(case).get("event_id", ""), case.record.sequence_number) in case.level.memory


def _lies_under_its_product(case: Case) -> bool:
    return bool(_body(case)["product"]["product_id"] == case.record.partition_key)


def _type(case: Case) -> str:
    return str(_body(case)["event_type"])


def _place(case: Case) -> int:
    return case.record.sequence_number


def _quantity(case: Case) -> int:
    return int(_body(case)["product"]["quantity"])


TRUNK = (
    Step("parse", "Is it JSON, strictly, in UTF-8?", _is_json, False,
        quarantined("not_json", raw(b'{"quantity": NaN}'))),
    Step("parse", "Is it an object with an event_type?", _names_its_type, False,
        quarantined("invalid_event", raw(b'["product_added"]'))),
    Step("parse", f"Is that one of the {len(EVENTS)} event types?", lambda it: _type(it) in EVENTS, False,
        quarantined("unknown_event_type", record("product_sold"))),
    Step("parse", "Does every field keep its rule?", _keeps_the_rules, False,
        quarantined("invalid_event", record("quantity_incremented", 0))),
    Step("parse", "Is the partition key the product_id?", _lies_under_its_product, False,
        quarantined("wrong_partition_key", record("quantity_incremented", 5, partition_key="P1"))),
    Step("project", "Is its place above last_sequence_number?",
        lambda it: _place(it) > it.level.last_sequence_number, False,
        Fork("Is its identity remembered, or its place not above remembers_after?",
            lambda it: _is_remembered(it) or _place(it) <= it.level.memory.remembers_after,
            yes=duplicate("redelivery", ADDED),
            no=quarantined("out_of_order", record("quantity_incremented", 5, at=2)))),
    Step("project", "Is its identity remembered?", _is_remembered, True,
        duplicate("re-send", record("product_added", 10, "added"))),
    Step("decide", "Is it product_added?", lambda it: _type(it) == "product_added", True,
        Fork("Is the product active?", lambda it: it.level.is_active,
            yes=quarantined("already_active", record("product_added", 20)),
            no=applied(ADDED, NEVER_SEEN))),
    Step("decide", "Is the product active?", lambda it: it.level.is_active, False,
        quarantined("not_active", record("quantity_incremented", 5), NEVER_SEEN)),
    Step("decide", "Is it quantity_incremented?", lambda it: _type(it) == "quantity_incremented", True,
        Fork(f"Is the sum above {MOST_STOCK:,}?", lambda it: it.level.quantity + _quantity(it) > MOST_STOCK,
            yes=quarantined("quantity_overflow", record("quantity_incremented", 5), FULL),
            no=applied(record("quantity_incremented", 5)))),
    Step("decide", "Is it quantity_decremented?", lambda it: _type(it) == "quantity_decremented", True,
        Fork("Does it exceed the stock?", lambda it: _quantity(it) > it.level.quantity,
            yes=quarantined("insufficient_stock", record("quantity_decremented", 8)),
            no=applied(record("quantity_decremented", 5)))),
)  # fmt: skip
TOP = applied(record("product_removed"))


def walk(case: Case) -> Leaf:
    """Ask the tree's questions of a case, in order."""
    for step in TRUNK:
        if step.asks(case) == step.leaves_if:
            to = step.to
            return to if isinstance(to, Leaf) else to.yes if to.asks(case) else to.no
    return TOP


def leaves() -> list[Leaf]:
    """Return every leaf of the tree."""
    ends = [[step.to] if isinstance(step.to, Leaf) else [step.to.yes, step.to.no] for step in TRUNK]
    return [leaf for pair in ends for leaf in pair] + [TOP]


# ── The drawing ───────────────────────────────────────────────────────────────────────────────────────────────────

BANDS = {"parse": Band("parse"), "project": Band("project"), "decide": Band("decide")}
COLOURS = {"applied": grid.APPLIED, "duplicate": grid.MUTED, "quarantined": grid.FAILURE}
TRUNK_WIDTH, WIDTH, GAP = 204, 160, 28
WIDE = 2 * WIDTH + GAP + 2
ALONE = {step.stage for step in TRUNK} - {step.stage for step in TRUNK if isinstance(step.to, Fork)}  # no third column
YES_NO = {True: "yes", False: "no"}
IN_GREY = "what the code says to a sample: a laptop of which 10 were added and 3 sold, or the stock that a box names"


def to_dot() -> str:
    """Write the tree in DOT: the trunk on the left, what leaves it on the right, in one column or in two."""
    rows: list[list[Cell | None]] = [
        [Cell("a record", grid.words(["a record, and the stock level it finds"], grid.INK))]
    ]
    arrows: list[Arrow] = []
    trunk, answer = "a record", ""
    waiting: Cell | None = None  # the second leaf of a fork: it stands below the first, in the next row
    for number, step in enumerate(TRUNK, start=1):
        question = _question(f"{number} {step.text}", step.text, step.stage, TRUNK_WIDTH)
        arrows.append(_arrow(trunk, question.name, answer))
        trunk, answer, aside = question.name, YES_NO[not step.leaves_if], YES_NO[step.leaves_if]
        if isinstance(step.to, Leaf):
            leaf = _leaf(number, step.to, step.stage, WIDE if step.stage in ALONE else WIDTH)
            rows.append([question, None, None, leaf] if step.stage in ALONE else [question, leaf, waiting])
            arrows.append(_arrow(trunk, leaf.name, aside, step.to))
            waiting = None
            continue
        if waiting:
            rows.append([None, None, waiting])
        fork = _question(f"{number} {step.to.text}", step.to.text, step.stage)
        yes, no = (_leaf(number, leaf, step.stage) for leaf in (step.to.yes, step.to.no))
        beside, waiting = (yes, no) if step.to.yes.outcome == "quarantined" else (no, yes)
        rows.append([question, fork, beside])
        arrows += [
            _arrow(trunk, fork.name, aside),
            _arrow(fork.name, yes.name, "yes", step.to.yes, sideways=waiting is yes),
            _arrow(fork.name, no.name, "no", step.to.no, sideways=waiting is no),
        ]
    top = _leaf(len(TRUNK) + 1, TOP, TRUNK[-1].stage, TRUNK_WIDTH)
    rows.append([top, None, waiting])
    arrows.append(_arrow(trunk, top.name, answer, TOP))
    kinds = [(colour, outcome == "quarantined", outcome) for outcome, colour in COLOURS.items()]
    kinds.append((grid.FLOW, False, "next question"))
    footer = grid.small_print(kinds, {"Small grey words": [IN_GREY]}, 50, size=10)
    return grid.to_dot("What becomes of one record", (GAP / 72, 0.1), rows, arrows, BANDS, footer)


def _question(name: str, text: str, band: str, width: int = WIDTH) -> Cell:
    return Cell(name, grid.question(text, width), band)


def _leaf(number: int, leaf: Leaf, band: str, width: int = WIDTH) -> Cell:
    grouped = re.sub(r"\d{5,}", lambda digits: f"{int(digits[0]):,}", ask_the_code(leaf.sample).words)
    answer = shorten(grouped, width // 3, placeholder=" ...")
    label = grid.end(leaf.name, leaf.outcome, answer, COLOURS[leaf.outcome], width)
    return Cell(f"{number} {leaf.outcome} {leaf.name}", label, band)


def _arrow(source: str, target: str, answer: str, to: Leaf | None = None, sideways: bool = False) -> Arrow:
    colour, dashed = (COLOURS[to.outcome], to.outcome == "quarantined") if to else (grid.FLOW, False)
    return Arrow(source, target, [answer] if answer else [], colour, dashed, at_tail=True, sideways=sideways)
