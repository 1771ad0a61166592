"""What may go wrong with a call: with a read, with a request of statements, with one of its statements."""

from typing import Any

from tests.doubles.errors import client_error
from tests.doubles.table import Call
from tests.proof.world import World

OF_ONE_KEY = ("unread",)
OF_ONE_STATEMENT = ("throttled", "refused", "answer lost", "no item")
BEFORE_IT_BEGINS = ("request throttled",)
ONCE_IT_IS_DONE = ("reply lost, retried", "reply lost")
FAULTS = {
    "batch_get_item": (*BEFORE_IT_BEGINS, *OF_ONE_KEY),
    "batch_execute_statement": (*BEFORE_IT_BEGINS, *ONCE_IT_IS_DONE, *OF_ONE_STATEMENT),
}
RECOVERED = ("", "done", "no item", "reply lost, retried")  # no record may come again for these
RECOVERED_IN_TIME = ("request throttled", "throttled", "unread")  # nor for these, if there is time to wait


def suffer(world: World, call: Call, fault: str, position: int = 0) -> Any:
    """Carry out a call with a fault, if it is one that the call can have; return its reply, or raise."""
    if fault == "request throttled":
        raise client_error(call.operation, "ThrottlingException")
    if fault not in FAULTS[call.operation]:
        return call.perform()
    if fault not in ONCE_IT_IS_DONE:
        return call.perform(lambda at: fault if at == position % call.parts else "")
    reply = call.perform()
    world.unheard(call)
    if fault == "reply lost":
        raise ConnectionError(fault)
    return call.perform() if fault == "reply lost, retried" else reply
