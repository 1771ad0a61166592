"""The parameters of a run: the defaults of `report/parameters.yaml`, what the caller overrides, what notebooks take."""

import ast
import contextlib
import math
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import papermill
import yaml

from pipeline.report.model import ReportError, WrongParameterError
from pipeline.stories.popularity import SKEWS, is_skew
from pipeline.stories.scenarios import SCENARIOS

Parameters = dict[str, Any]
TYPES: dict[str, tuple[type, ...]] = {
    "int": (int,),
    "float": (float, int),
    "str": (str,),
    "bool": (bool,),
    "list": (list,),
    "dict": (dict,),
    "None": (type(None),),
}
RULES: dict[str, tuple[Callable[[Any], bool], str]] = {  # what is right of a value of the right type
    "scenario": (lambda name: name in SCENARIOS, f"one of {', '.join(SCENARIOS)}"),
    "event_count": (lambda number: number >= 1, "1 or more"),
    "product_count": (lambda number: number >= 1, "1 or more"),
    "skew": (is_skew, SKEWS),
    "rate": (lambda number: 0 <= number < math.inf, "0 (as fast as it goes) or more records a second"),
}


def parse_overrides(pairs: Iterable[str]) -> Parameters:
    """Read `NAME=VALUE` from a command line; values are read as YAML, so `7` is a number and `'7'` is text."""
    found = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name.strip():
            raise WrongParameterError(f"a parameter is written NAME=VALUE, not {pair!r}")
        try:
            found[name.strip()] = yaml.safe_load(value)
        except yaml.YAMLError:
            raise WrongParameterError(f"the value of parameter {name.strip()} cannot be read: {value!r}") from None
    return found


def defaults(path: Path) -> Parameters:
    """Read the defaults."""
    try:
        found = yaml.safe_load(path.read_text("utf-8")) or {}
    except FileNotFoundError:
        return {}
    except (OSError, yaml.YAMLError) as problem:
        raise ReportError(f"{path} cannot be read: {' '.join(str(problem).split())}") from None
    if not isinstance(found, dict):
        raise ReportError(f"{path} should hold one NAME: VALUE a line")
    return found


def declared(notebook: Path) -> dict[str, str]:
    """List the parameters that a notebook takes, with their types (`""` where it does not say)."""
    try:
        found = papermill.inspect_notebook(str(notebook))
    except Exception as problem:
        raise ReportError(f"{notebook.name} cannot be read: {' '.join(str(problem).split())}") from None
    return {name: _type(p["inferred_type_name"], p["default"]) for name, p in found.items()}


def _type(said: str, default: str) -> str:
    """Take the annotation, or else the type of the default value."""
    if said and said != "None":
        return said
    try:
        value = ast.literal_eval(default)
    except (ValueError, SyntaxError):
        return ""
    return "" if value is None else type(value).__name__


def check(given: Mapping[str, Any], notebooks: Iterable[Path]) -> dict[str, Parameters]:
    """Refuse what no notebook takes, what is of another type than it takes, or out of bounds; before anything runs.

    Returns:
        For each notebook, by name, the parameters to pass.
    """
    taken = {notebook.stem: declared(notebook) for notebook in notebooks}
    known = sorted({name for names in taken.values() for name in names})
    if unknown := sorted(set(given) - set(known)):
        raise WrongParameterError(
            f"no notebook takes a parameter {unknown[0]!r}; they take {', '.join(known) or 'none'}"
        )
    return {
        notebook: {name: _read(given[name], wanted, name, notebook) for name, wanted in names.items() if name in given}
        for notebook, names in taken.items()
    }


def read(given: Mapping[str, Any], notebooks: Iterable[Path], most_seconds: float) -> Parameters:
    """Return what was given as the notebooks take it, or refuse it; also a story that would take too long to send."""
    taken = {name: value for each in check(given, notebooks).values() for name, value in each.items()}
    found = {name: taken[name] for name in given}
    events, rate = found.get("event_count", 0), found.get("rate", 0)
    if rate and events / rate > most_seconds:
        raise WrongParameterError(
            f"{events:,} events at {rate:,} a second take longer than the {most_seconds:,} s that a cell may take: "
            "raise the parameter rate, or set it to 0 (as fast as it goes)"
        )
    return found


def _read(value: Any, wanted: str, name: str, notebook: str) -> Any:
    """Take a value of the right type, or text that says one: on a command line everything is text."""
    read = value
    if isinstance(value, str) and not fits(value, wanted):
        with contextlib.suppress(yaml.YAMLError):
            read = yaml.safe_load(value)
    if not fits(read, wanted):
        kind = type(value).__name__
        raise WrongParameterError(f"parameter {name} of {notebook} is of type {wanted}, not {kind}: {value!r}")
    is_right, words = RULES.get(name, (lambda value: True, ""))
    if not is_right(read):
        raise WrongParameterError(f"parameter {name} should be {words}, not {read!r}")
    return read


def fits(value: Any, wanted: str) -> bool:
    """Say whether a value is of the type written in a notebook; `int | None` is one of two."""
    kinds = [kind.strip().split("[")[0] for kind in wanted.replace("Optional[", "None|").split("|")]
    if not wanted or not all(kind in TYPES for kind in kinds):
        return True
    return any(isinstance(value, TYPES[kind]) and (kind == "bool" or not isinstance(value, bool)) for kind in kinds)
