"""The parameters that every notebook takes: names, types, bounds, defaults and meaning, in this one place.

`make notebooks` writes them into the notebooks, where papermill and readers find them; `inventory report` takes its
defaults from here. A notebook calls `check_parameters(globals())` before it does anything.
"""

import ast
import json
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pipeline.errors import WrongUsageError
from pipeline.stories.popularity import MOST_SKEW
from pipeline.stories.scenarios import SCENARIOS

CHECK = "from pipeline.notebook import check_parameters\n\ncheck_parameters(globals())"
INJECTED = "# Parameters\n"  # how the cell begins that papermill adds


class Parameters(BaseModel):
    """What a run of the notebooks can be asked for."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    cloud: Literal["local", "aws"] = Field(
        "local", description="or aws, in the account that INVENTORY_AWS_ACCOUNT_ID names"
    )
    stack_name: str = Field(
        "inventory-tutorial", pattern="^[a-zA-Z][a-zA-Z0-9-]{0,39}$", description="letters, digits and hyphens"
    )
    scenario: Literal[*SCENARIOS] = Field(  # type: ignore[valid-type]
        "rough-day", description="or everyday, flash-sale, stock-taking, unreliable-producer, poison"
    )
    event_count: int = Field(2000, ge=1, description="records to send")
    product_count: int = Field(20, ge=1, description="products that they are about")
    skew: float = Field(
        0, ge=0, le=MOST_SKEW, description="0: all products alike; 1: the k-th gets 1/k of the first one's events"
    )
    seed: int = Field(7, description="another seed, another story of the same kind")
    rate: float = Field(500, ge=0, description="records a second; 0 is as fast as it goes")
    batch_size: int = Field(1000, ge=1, le=10_000, description="most records in one batch of the pipe")
    shard_count: int = Field(2, ge=1, le=500, description="shards of the stream")


def read(given: Mapping[str, object]) -> Parameters:
    """Read what a command line or a program asks for; the rest is as the model says.

    Raises:
        WrongUsageError: a name is unknown, or a value is not of its type or out of bounds.
    """
    try:
        return Parameters.model_validate_strings({name: str(value) for name, value in given.items()})
    except ValidationError as problem:
        raise _refusal(problem) from None


def check_parameters(namespace: Mapping[str, Any]) -> None:
    """Refuse, in one line, parameters that a notebook cannot mean: `check_parameters(globals())` in its first cells.

    Args:
        namespace: the notebook's names. Those that papermill set have to be names of parameters.

    Raises:
        WrongUsageError: as `read` does; text that says a number is no number here.
    """
    names = {*Parameters.model_fields, *_injected(namespace.get("In", ()))} & namespace.keys()
    try:
        Parameters.model_validate({name: namespace[name] for name in names}, strict=True)
    except ValidationError as problem:
        raise _refusal(problem) from None


def cell() -> str:
    """Write the cell that holds the parameters, a line each, as papermill reads it."""
    return "\n".join(
        f"{name}: {_kind(rule)} = {json.dumps(rule['default'])}  # {rule['description']}" for name, rule in _rules()
    )


def _rules() -> Iterator[tuple[str, dict[str, Any]]]:
    return iter(Parameters.model_json_schema()["properties"].items())


def _kind(rule: Mapping[str, Any]) -> str:
    return {"integer": "int", "number": "float", "string": "str"}[rule["type"]]


def _injected(sources: Any) -> Iterator[str]:
    for source in sources:
        if source.startswith(INJECTED):
            yield from (node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name))


def _refusal(problem: ValidationError) -> WrongUsageError:
    first = problem.errors()[0]
    rules, name = dict(_rules()), str(first["loc"][0])
    if name not in rules:
        return WrongUsageError(f"there is no parameter {name!r}; there are {', '.join(rules)}")
    return WrongUsageError(f"parameter {name} should be {_allowed(rules[name])}, not {first['input']!r}")


def _allowed(rule: Mapping[str, Any]) -> str:
    if "enum" in rule:
        return f"one of {', '.join(rule['enum'])}"
    if "pattern" in rule:
        return f"{rule['description']}, a letter first, 40 at most"
    kind = {"integer": "a whole number", "number": "a number"}[rule["type"]]
    match rule:
        case {"minimum": least, "maximum": most}:
            return f"{kind} from {least:,} to {most:,}"
        case {"minimum": least}:
            return f"{kind}, {least} or more"
    return kind
