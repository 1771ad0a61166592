"""Event patterns: which events match, by EventBridge's operators."""

import json
import re
from ipaddress import ip_address, ip_network
from typing import Any

COMPARISONS = {
    "=": lambda value, limit: value == limit,
    "<": lambda value, limit: value < limit,
    "<=": lambda value, limit: value <= limit,
    ">": lambda value, limit: value > limit,
    ">=": lambda value, limit: value >= limit,
}
ABSENT = object()


def matches(pattern: dict[str, Any], event: Any) -> bool:
    """Say whether an event has every field of the pattern, each with one of the values that it lists."""
    if isinstance(event, list):
        return any(matches(pattern, element) for element in event)
    return all(_field_matches(name, wanted, event) for name, wanted in pattern.items())


def _field_matches(name: str, wanted: Any, event: Any) -> bool:
    if name == "$or":
        return any(matches(alternative, event) for alternative in wanted)
    value = event.get(name, ABSENT) if isinstance(event, dict) else ABSENT
    if isinstance(wanted, dict):
        return matches(wanted, {} if value is ABSENT else value)
    return any(_rule_matches(rule, value) for rule in wanted)


def _rule_matches(rule: Any, value: Any) -> bool:
    if isinstance(rule, dict) and "exists" in rule:
        return rule["exists"] == (value is not ABSENT and not isinstance(value, dict))  # only a leaf exists
    values = value if isinstance(value, list) else [value]
    return any(leaf is not ABSENT and not isinstance(leaf, dict) and _value_matches(rule, leaf) for leaf in values)


def _value_matches(rule: Any, value: Any) -> bool:
    if not isinstance(rule, dict):
        return type(rule) is type(value) and rule == value  # 1 is not true, and 300 is not 300.0
    [(operator, operand)] = rule.items()
    return OPERATORS[operator](operand, value)


def _anything_but(operand: Any, value: Any) -> bool:
    if isinstance(operand, dict):
        return not _value_matches(operand, value)
    return not any(_value_matches(rule, value) for rule in (operand if isinstance(operand, list) else [operand]))


def _affix(cut: Any) -> Any:
    def holds(operand: Any, value: Any) -> bool:
        if not isinstance(value, str):
            return False
        if isinstance(operand, dict):
            wanted = operand["equals-ignore-case"]
            return cut(value, len(wanted)).casefold() == wanted.casefold()
        return cut(value, len(operand)) == operand

    return holds


def _numeric(operand: list[Any], value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return all(COMPARISONS[sign](value, limit) for sign, limit in zip(operand[::2], operand[1::2], strict=True))


def _wildcard(operand: str, value: Any) -> bool:
    parts = re.split(r"(\\.|\*)", operand)
    regex = "".join(
        ".*" if part == "*" else re.escape(part[1:] if re.fullmatch(r"\\.", part) else part) for part in parts
    )
    return isinstance(value, str) and re.fullmatch(regex, value, re.DOTALL) is not None


def _cidr(operand: str, value: Any) -> bool:
    try:
        return isinstance(value, str) and ip_address(value) in ip_network(operand, strict=False)
    except ValueError:
        return False


OPERATORS = {
    "prefix": _affix(lambda value, length: value[:length]),
    "suffix": _affix(lambda value, length: value[max(0, len(value) - length) :]),
    "anything-but": _anything_but,
    "equals-ignore-case": lambda operand, value: isinstance(value, str) and value.casefold() == operand.casefold(),
    "numeric": _numeric,
    "wildcard": _wildcard,
    "cidr": _cidr,
}


def problem_of(pattern: Any, bus_operators: bool) -> str:
    """Say why AWS would refuse a pattern when the pipe is created; empty if it would not.

    Args:
        pattern: the parsed pattern.
        bus_operators: also take the operators that AWS documents for event buses only.
    """
    if not isinstance(pattern, dict) or not pattern:
        return "an event pattern is a JSON object with at least one field"
    for name, wanted in pattern.items():
        if name == "$or":
            if not isinstance(wanted, list) or len(wanted) < 2:
                return "$or takes a list of at least two patterns"
            problem = next((text for text in (problem_of(inner, bus_operators) for inner in wanted) if text), "")
        elif isinstance(wanted, dict):
            problem = problem_of(wanted, bus_operators)
        elif isinstance(wanted, list) and wanted:
            problem = next((text for text in (_problem_of_rule(rule, bus_operators) for rule in wanted) if text), "")
        else:
            problem = "the value of a field is a list of what it may be, or an object"
        if problem:
            return f"{name}: {problem}" if name != "$or" else problem
    return ""


def _problem_of_rule(rule: Any, bus_operators: bool) -> str:
    if not isinstance(rule, dict):
        return "" if not isinstance(rule, list) else "a list within a list"
    if len(rule) != 1:
        return "one operator at a time"
    [(operator, operand)] = rule.items()
    if operator == "exists":
        return "" if isinstance(operand, bool) else "exists is true or false"
    if operator not in OPERATORS:
        return f"there is no operator {operator!r}"
    if operator == "wildcard" or (operator == "anything-but" and isinstance(operand, dict)):
        return "" if bus_operators else f"{json.dumps(rule)} works on an event bus, not in a pipe"
    return _problem_of_operand(operator, operand)


def _problem_of_operand(operator: str, operand: Any) -> str:
    match operator, operand:
        case (("prefix" | "suffix"), (str() | {"equals-ignore-case": str()})):
            return ""
        case (("equals-ignore-case" | "cidr"), str()):
            return ""
        case "anything-but", (str() | int() | float() | list()):
            return ""
        case "numeric", [_, _, *_] if len(operand) % 2 == 0 and all(
            sign in COMPARISONS and isinstance(limit, int | float)
            for sign, limit in zip(operand[::2], operand[1::2], strict=True)
        ):
            return ""
    return f"{operator} does not take {operand!r}"
