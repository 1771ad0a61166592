"""The page docs/events.md: every type of event, what it says and what it does, and every reason for a refusal."""

import json
from collections.abc import Iterable
from pathlib import Path

from stock_projector.events import EVENTS, Event

from pipeline.catalogue.fields import NoWordsError, fields
from pipeline.catalogue.samples import Refused, effects, refusals, sample_event

PAGE = Path(__file__).parents[2] / "docs" / "events.md"
COMMAND = "python -m pipeline.catalogue"
HEAD = """\
# The events

Made from the event model (`lambda_src/stock_projector/events.py`) and the projector's own decisions by
`{command}`; a test is red while it is stale. Every sample on this page was read by the projector.

An event is one JSON object, UTF-8, one for each record; the record's partition key is the `product_id`.
{strictness}
Without an `event_id` a re-send cannot be told from a new event.
"""
REASONS = """\
## Why a record is refused

A record that can never be applied is put into the quarantine table with its bytes, the reason and the detail. Each of
these samples was refused just now, when this page was made.
"""


def page() -> str:
    """Return the whole page."""
    parts = [HEAD.format(command=COMMAND, strictness=_strictness()), _overview()]
    parts += [_event(name, model) for name, model in EVENTS.items()]
    return "\n".join([*parts, REASONS, *map(_reason, refusals())]).rstrip("\n") + "\n"


def is_stale() -> bool:
    """Say whether the committed page differs from what the code says now."""
    return not PAGE.exists() or PAGE.read_text("utf-8") != page()


def sentence(model: type[Event]) -> str:
    """Return what a type of event says: the first line of its docstring."""
    if not model.__doc__:
        raise NoWordsError(f"{model.__name__} has no docstring")
    return model.__doc__.strip().splitlines()[0]


def _strictness() -> str:
    """Say what holds for the types and for fields that are not listed, if the models have it so."""
    models = [part for model in EVENTS.values() for part in (model, model.model_fields["product"].annotation)]
    configs = {(part.model_config.get("strict"), part.model_config.get("extra")) for part in models}  # type: ignore
    if configs != {(True, "ignore")}:
        raise NoWordsError(f"models are configured as {configs}")
    return "Types are strict: an integer is no float, no text, no truth value. A field that is not listed is ignored."


def _overview() -> str:
    rows = [[f"[`{name}`](#{name})", sentence(model), *effects(name)] for name, model in EVENTS.items()]
    return _table(["event", "it says", "product never seen, or removed", "product active"], rows)


def _event(name: str, model: type[Event]) -> str:
    rows = [
        [f"`{field.name}`", field.type, "required" if field.is_required else "optional", field.rule]
        for field in fields(model)
    ]
    sample = json.dumps(sample_event(name), indent=2)
    return f"## {name}\n\n{sentence(model)}\n\n{_table(['field', 'type', '', 'rule'], rows)}\n```json\n{sample}\n```\n"


def _reason(refused: Refused) -> str:
    text = refused.sample.data.decode()
    return f"### {refused.reason}\n\nMeets {refused.meets}: *{refused.detail}*\n\n```\n{text}\n```\n"


def _table(head: list[str], rows: Iterable[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)
