"""A redrive, or what one would do, written for people and for programs."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # it brings pydantic along, and help needs none of it
    from pipeline.recovery.redrive import Redriven, Step

HEADINGS = {  # of what was done, and of what would be
    "re_sent": ("sent again, in this order:", "to be sent again, in this order:"),
    "quarantined": ("quarantined, for they are no events:", "to be quarantined, for they are no events:"),
    "dismissed": ("dismissed:", "to be dismissed:"),
    "for_a_person": ("left to a person:", "for a person:"),
}


def facts(done: "Redriven") -> dict[str, Any]:
    """Write it as the JSON document that the verb prints."""
    counts = {what: len(done.steps_of(what)) for what in ("re_sent", "quarantined", "dismissed")}
    asked = [asdict(step) for step in done.steps_of("for_a_person")]
    return {
        "letters": done.letters,
        "records": done.records,
        "had_outcome": done.had_outcome,
        **counts,
        "for_a_person": [{name: value for name, value in step.items() if name != "what"} for step in asked],
        "left": done.left,
        "forgotten": done.forgotten,
        "foreign": done.foreign,
        "jumps": done.jumps,
    }


def lines(done: "Redriven", is_planned: bool) -> Iterator[str]:
    """Write it line by line."""
    if not (done.letters or done.left or done.foreign):
        yield "there are no dead letters"
        return
    yield f"{done.letters:>6} dead letters"
    yield f"{done.records:>6} records of the stream that they name"
    yield f"{done.had_outcome:>6} had their outcome"
    for what, headings in HEADINGS.items():
        if steps := done.steps_of(what):
            yield f"{len(steps):>6} {headings[is_planned]}"
            yield from (f"         {_line(step)}" for step in steps)
    for letter in done.left:
        yield f"left for later: {letter}"
    for span in done.forgotten:
        yield f"forgotten by the stream: {span['first']} to {span['last']} on {span['shard_id']}; its letter stays"
    yield from done.foreign
    yield from done.jumps
    if is_planned:
        yield "nothing was changed"


def _line(step: "Step") -> str:
    quantity = "" if step.quantity is None else f" {step.quantity}"
    levels = "" if step.stock_with is None else f" (stock {step.stock_with} with it, {step.stock_without} without it)"
    return f"{step.record_id}  {step.product_id}  {step.event_type or 'no event'}{quantity}: {step.why}{levels}"
