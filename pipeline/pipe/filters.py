"""A pipe's filter criteria: which records it hands on. The others are passed over without a trace, as on AWS."""

import json
from typing import Any

from pipeline.pipe import patterns
from pipeline.pipe.inputs import NOT_JSON, with_data_parsed

ADDED_BY_THE_PIPE = {  # fields that no pattern may name
    "awsRegion", "eventSource", "eventSourceARN", "eventVersion", "eventID", "eventName", "invokeIdentityArn",
    "eventSourceKey",
}  # fmt: skip
MOST_FILTERS = 5


class Filters:
    """Patterns of which one has to match. Without any, every record passes."""

    def __init__(self, criteria: tuple[str, ...]) -> None:
        self._patterns = [json.loads(text) for text in criteria]

    def __bool__(self) -> bool:
        return bool(self._patterns)

    def accept(self, text: str) -> bool:
        """Say whether a flat record passes.

        Args:
            text: the record as JSON. Its `data` is looked into only where the pattern names it; data that is not JSON
                then does not match.
        """
        if not self._patterns:
            return True
        record = json.loads(text)
        parsed = with_data_parsed(record)
        return any(self._matches(pattern, record, parsed) for pattern in self._patterns)

    def _matches(self, pattern: dict[str, Any], record: dict[str, Any], parsed: dict[str, Any]) -> bool:
        if not _names_data(pattern):
            return patterns.matches(pattern, record)
        return parsed["data"] is not NOT_JSON and patterns.matches(pattern, parsed)


def problem_of(criteria: tuple[str, ...], bus_operators: bool) -> str:
    """Say why AWS would refuse filter criteria when the pipe is created; empty if it would not."""
    if len(criteria) > MOST_FILTERS:
        return f"a pipe has at most {MOST_FILTERS} filters"
    for text in criteria:
        try:
            pattern = json.loads(text)
        except ValueError:
            return f"the filter pattern is not JSON: {text}"
        problem = patterns.problem_of(pattern, bus_operators) or _problem_of_fields(pattern)
        if problem:
            return f"filter pattern: {problem}"
    return ""


def _problem_of_fields(pattern: dict[str, Any]) -> str:
    for name, wanted in pattern.items():
        if name in ADDED_BY_THE_PIPE:
            return f"{name} is added by the pipe and cannot be filtered on"
        if name == "data" and not isinstance(wanted, dict):
            return "data: the pattern for data must be an object"
        if name == "$or":
            problem = next(filter(None, map(_problem_of_fields, wanted)), "")
            if problem:
                return problem
    return ""


def _names_data(pattern: dict[str, Any]) -> bool:
    return "data" in pattern or any(map(_names_data, pattern.get("$or", ())))
