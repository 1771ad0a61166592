"""The fields of an event, read from the annotations of its model. A constraint without words here is an error."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, is_dataclass
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

TYPES = {str: "string", int: "integer"}
PATTERNS = {r"^[^\x00-\x1f\x7f-\x9f]*$": "no control characters"}


class NoWordsError(Exception):
    """The code does something that the catalogue has no words for."""


@dataclass(frozen=True)
class Field:
    """One field of an event."""

    name: str
    type: str
    is_required: bool
    rule: str


def fields(model: type[BaseModel], within: str = "") -> Iterator[Field]:
    """List a model's fields, and those of the models in it."""
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from fields(kind, f"{within}{name}.")
            continue
        if get_origin(kind) is Literal:
            [choice] = get_args(kind)
            kind, rule = type(choice), f"`{choice}`"
        else:
            rule = ", ".join(_rules(field))
        if kind not in TYPES:
            raise NoWordsError(f"{within}{name} is of type {kind}")
        yield Field(within + name, TYPES[kind], field.is_required(), rule)


def _rules(field: FieldInfo) -> Iterator[str]:
    """Put a field's constraints into words."""
    limits = {name: value for metadata in field.metadata for name, value in _constraints(metadata).items()}
    for low, high, unit in (("min_length", "max_length", " characters"), ("ge", "le", "")):
        least, most = limits.pop(low, None), limits.pop(high, None)
        if most is not None:
            yield f"{most:,}{unit} at most" if least is None else f"{least:,} to {most:,}{unit}"
        elif least is not None:
            yield f"{least:,}{unit} or more"
    if "pattern" in limits:
        yield PATTERNS.get(limits["pattern"], f"matches `{limits['pattern']}`")
        del limits["pattern"]
    if "func" in limits:
        yield _expected_by(limits.pop("func"))
    if limits:
        raise NoWordsError(f"a constraint {limits}")


def _constraints(metadata: Any) -> dict[str, Any]:
    return asdict(metadata) if is_dataclass(metadata) and not isinstance(metadata, type) else vars(metadata)


def _expected_by(validator: Any) -> str:
    """Hand a validator an empty text: its error says what it expects."""
    try:
        validator("")
    except ValueError as refused:
        return str(refused).removeprefix("should be ")
    raise NoWordsError(f"the validator {validator.__name__} takes an empty text")
