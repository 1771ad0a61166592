"""A pipe that AWS disables says why. The runtime is who disables it here: its StopPipe brings the reason along."""

import json
from typing import Any
from urllib.parse import unquote

from ministack.services import pipes

_handle_request = pipes.handle_request


async def handle_request(method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]) -> Any:
    """Keep the reason of a pipe that is stopped; one that is started has none."""
    answer = await _handle_request(method, path, headers, body, query)
    name, _, action = path.removeprefix("/v1/pipes/").rpartition("/")
    if action in ("start", "stop") and (pipe := pipes._pipes.get(unquote(name))):
        pipe["StateReason"] = json.loads(body or b"{}").get("StateReason", "") if action == "stop" else ""
    return answer


def impose() -> None:
    """Let the reason be told, whether or not the runtime ever has one."""
    pipes.handle_request = handle_request
