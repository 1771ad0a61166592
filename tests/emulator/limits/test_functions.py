"""An invocation carries 6 MB there and back, or 1 MB if nobody waits for the answer."""

import asyncio
import json

import pytest

from pipeline.emulator.limits import functions

PATH = "/2015-03-31/functions/projector/invocations"


@pytest.fixture
def invoke(monkeypatch):
    """Invoke a function that answers with so many bytes; returns status, headers and body."""
    answered = [2]

    async def handle(method, path, headers, body, query):
        return 200, {}, b"x" * answered[0]

    def invoked(payload, answer=2, kind="RequestResponse", path=PATH):
        answered[0] = answer
        headers = {"x-amz-invocation-type": kind}
        return asyncio.run(functions.handle_request("POST", path, headers, bytes(payload), {}))

    monkeypatch.setattr(functions, "_handle_request", handle)
    return invoked


@pytest.mark.parametrize(("kind", "most"), [("RequestResponse", 6 * 1024**2), ("Event", 1024**2)])
def test_a_payload_that_is_too_large_is_refused(invoke, kind, most):
    assert invoke(most, kind=kind)[0] == 200
    status, _, body = invoke(most + 1, kind=kind)
    assert (status, json.loads(body)["__type"]) == (413, "RequestTooLargeException")
    assert invoke(most + 1, kind=kind, path="/2015-03-31/functions/projector/code")[0] == 200, "code may be larger"


def test_an_answer_that_is_too_large_is_the_functions_error(invoke):
    assert invoke(0, answer=functions.LARGEST_ANSWER)[1] == {}
    status, headers, body = invoke(0, answer=functions.LARGEST_ANSWER + 1)
    assert (status, headers) == (200, {"X-Amz-Function-Error": "Unhandled"})
    assert json.loads(body)["errorType"] == "Function.ResponseSizeTooLarge"
