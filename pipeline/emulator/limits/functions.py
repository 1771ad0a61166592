"""How much an invocation of a Lambda function may be given, and may answer."""

import json
from typing import Any

from ministack.core.responses import error_response_json
from ministack.services import lambda_svc

from pipeline.emulator.limits import is_on

LARGEST_PAYLOAD = 6 * 1024 * 1024  # bytes, of a synchronous invocation
LARGEST_EVENT = 1024 * 1024  # bytes, of an asynchronous one
LARGEST_ANSWER = LARGEST_PAYLOAD + 100

_handle_request = lambda_svc.handle_request


async def handle_request(method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]) -> Any:
    """Invoke, if the payload is not too large; an answer that is too large is the function's error."""
    if method != "POST" or not path.rstrip("/").endswith("/invocations"):
        return await _handle_request(method, path, headers, body, query)
    is_event = headers.get("x-amz-invocation-type", headers.get("X-Amz-Invocation-Type")) == "Event"
    most = LARGEST_EVENT if is_event else LARGEST_PAYLOAD
    if len(body) > most:
        message = f"Request must be smaller than {most} bytes for the InvokeFunction operation"
        return error_response_json("RequestTooLargeException", message, 413)
    status, answered, answer = await _handle_request(method, path, headers, body, query)
    if isinstance(answer, bytes) and len(answer) > LARGEST_ANSWER:
        message = f"Response payload size exceeded maximum allowed payload size ({LARGEST_ANSWER} bytes)."
        answer = json.dumps({"errorMessage": message, "errorType": "Function.ResponseSizeTooLarge"}).encode()
        answered = answered | {"X-Amz-Function-Error": "Unhandled"}
    return status, answered, answer


def impose() -> None:
    """Put the limit in force, if it is not switched off."""
    if is_on("lambda-sizes"):
        lambda_svc.handle_request = handle_request
