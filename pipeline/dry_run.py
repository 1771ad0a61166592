"""A dry run: clients that only read. What would change something is told, with its parameters, and not done."""

from collections.abc import Callable
from functools import partial
from itertools import count
from typing import Any

from pipeline.waiting import Tell

READS = ("describe_", "get_", "list_", "batch_get_", "head_", "filter_log_events", "query", "scan")
LOOKS = ("receive_message", "change_message_visibility_batch")  # a message is hidden for a look, and put back
NO_CALLS = ("exceptions", "meta")
MOST_CHARACTERS = 100  # that are shown of a value
BEYOND = 10**60  # above every sequence number that there is


def is_read(method: str) -> bool:
    """Say whether a client's method changes nothing. One that is not known does."""
    return method.startswith(READS) or method in LOOKS


class DryClient:
    """A client of an AWS service that makes reading calls, and tells all others instead of making them."""

    def __init__(self, client: Any, service: str, tell: Tell) -> None:
        self._client, self._service, self._tell = client, service, tell
        self._places = count(BEYOND)

    def __getattr__(self, name: str) -> Any:
        if name == "get_paginator":
            return self._paginator
        if name in NO_CALLS or is_read(name):
            return getattr(self._client, name)
        return partial(self._told, name)

    def _paginator(self, method: str) -> Any:
        return self._client.get_paginator(method) if is_read(method) else _Pages(partial(self._told, method))

    def _told(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Tell a call, and answer with as much as those need who go on after it."""
        self._tell(line(self._service, method, parameters))
        place = {"ShardId": "shardId-none", "SequenceNumber": str(next(self._places))}
        done: list[Any] = [{} for _ in parameters.get("Statements", [])]
        answers: dict[str, dict[str, Any]] = {
            "put_record": place,
            "put_object": {"ETag": '"none"'},
            "batch_execute_statement": {"Responses": done},
        }
        return answers.get(method, {})


class _Pages:
    def __init__(self, told: Callable[..., Any]) -> None:
        self.paginate = lambda **parameters: iter([told(**parameters)])


def line(service: str, method: str, parameters: dict[str, Any]) -> str:
    """Write a call in one line, as the AWS command line names it."""
    values = ", ".join(f"{name}={_short(value)}" for name, value in parameters.items())
    return f"would call {service} {method.replace('_', '-')}: {values}"


def _short(value: Any) -> str:
    if isinstance(value, bytes | str) and len(value) > MOST_CHARACTERS:
        return f"<{len(value):,} {'bytes' if isinstance(value, bytes) else 'characters'}>"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {_short(inner)}" for name, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_short, value)) + "]"
    return repr(value)
