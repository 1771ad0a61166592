"""The template's parameters: checked before anything is started or changed, by the template's own rules."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.errors import WrongUsageError
from pipeline.paths import TEMPLATE

Parameters = dict[str, Any]


def checked(given: Parameters, template: Path = TEMPLATE) -> Parameters:
    """Return the parameters if the template has them all and takes their values.

    Raises:
        WrongUsageError: it does not, in one line that says what it takes.
    """
    rules_of = declared(template)
    for name, value in given.items():
        if name not in rules_of:
            raise WrongUsageError(f"the template has no parameter {name}: it has {', '.join(sorted(rules_of))}")
        if not _fits(str(value), rules_of[name]):
            raise WrongUsageError(f"parameter {name} should be {_words(rules_of[name])}, not {str(value)!r}")
    return given


def declared(template: Path = TEMPLATE) -> dict[str, Any]:
    """Return a template's parameters with their rules."""
    from pipeline.provisioning.template import load

    return load(template.read_text("utf-8"))["Parameters"]


def in_force(given: Parameters, current: list[dict[str, str]]) -> Parameters:
    """Return the values that a stack has, once those given are put in place of its own.

    Args:
        given: parameters by name.
        current: the stack's own, as CloudFormation describes them; empty for a new stack.
    """
    defaults = {name: rules.get("Default") for name, rules in declared().items()}
    return defaults | {own["ParameterKey"]: own["ParameterValue"] for own in current} | given


def must_go_together(values: Parameters) -> None:
    """Refuse values of which each is right, and two together would lose records.

    Args:
        values: of all parameters, as they will be in force.

    Raises:
        WrongUsageError: one line that says what would be lost, and which value would do.
    """
    hours, days, age = (int(values[name]) for name in ("RetentionHours", "QuarantineDays", "MaximumRecordAgeSeconds"))
    if days * 24 < hours:
        raise WrongUsageError(
            f"QuarantineDays={days} is less than RetentionHours={hours}: a refused record would be forgotten while the "
            f"stream can still bring it again. Give QuarantineDays={-(-hours // 24)} or more"
        )
    if hours * 3600 <= age:
        raise WrongUsageError(
            f"MaximumRecordAgeSeconds={age} is not below RetentionHours={hours}: the stream would forget a record "
            "before the pipe gives it up, and no dead letter would say so. "
            f"Give MaximumRecordAgeSeconds={hours * 3600 - 1} or less"
        )


def request(given: Parameters, current: list[dict[str, str]], template: Path = TEMPLATE) -> list[dict[str, Any]]:
    """Write the parameters as CloudFormation takes them; those that a stack has already keep their value."""
    values: dict[str, dict[str, Any]] = {
        own["ParameterKey"]: {"UsePreviousValue": True} for own in current if own["ParameterKey"] in declared(template)
    }
    values |= {name: {"ParameterValue": str(value)} for name, value in given.items()}
    return [{"ParameterKey": name, **value} for name, value in values.items()]


def _fits(text: str, rules: Mapping[str, Any]) -> bool:
    if "AllowedValues" in rules and text not in map(str, rules["AllowedValues"]):
        return False
    if rules["Type"] == "Number":
        is_number = re.fullmatch(r"-?[0-9]{1,18}", text) is not None
        return is_number and rules.get("MinValue", int(text)) <= int(text) <= rules.get("MaxValue", int(text))
    has_form = re.fullmatch(rules.get("AllowedPattern", ".*"), text) is not None
    return has_form and len(text) <= rules.get("MaxLength", len(text))


def _words(rules: Mapping[str, Any]) -> str:
    match rules:
        case {"AllowedValues": values}:
            return f"one of {', '.join(map(str, values))}"
        case {"Type": "Number", "MinValue": least, "MaxValue": most}:
            return f"a whole number from {least:,} to {most:,}"
        case {"Type": "Number"}:
            return "a whole number"
    return f"text like {rules.get('AllowedPattern', '.*')}, {rules.get('MaxLength', 4096)} characters at most"
