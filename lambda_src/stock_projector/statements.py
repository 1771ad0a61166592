"""PartiQL statements, 25 a request and several requests at once; what DynamoDB says to each, decided on by name.

A request's HTTP 200 says nothing about its statements: each stands or fails alone, and botocore retries none of them.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import Enum
from typing import Any, NamedTuple

from botocore.exceptions import ClientError

MOST_STATEMENTS = 25  # of one BatchExecuteStatement
MOST_BYTES = 4 * 1024 * 1024  # of the parameters in one request, about; one statement alone may have more

InParallel = Callable[[Callable[[Any], Any], Iterable[Any]], Iterable[Any]]  # the shape of `map`


class Verdict(Enum):
    """What the answer to a statement comes to."""

    DONE = "it was carried out"
    LOST = "its guard failed: somebody else wrote first"
    THERE = "it was an INSERT, and the key is there already"
    THROTTLED = "it was not carried out, DynamoDB asks to wait: again, a little later"
    FAILED = "the platform did not do it: the records that need it come again"


VERDICTS = {  # every code that the API model has. What is not here counts as FAILED.
    "ConditionalCheckFailed": Verdict.LOST,
    "DuplicateItem": Verdict.THERE,
    "ProvisionedThroughputExceeded": Verdict.THROTTLED,
    "RequestLimitExceeded": Verdict.THROTTLED,
    "ThrottlingError": Verdict.THROTTLED,
    "TransactionConflict": Verdict.THROTTLED,  # somebody's transaction holds the item, and will let go of it
    "InternalServerError": Verdict.FAILED,  # perhaps carried out: nobody knows, until the records come again
    "AccessDenied": Verdict.FAILED,
    "ItemCollectionSizeLimitExceeded": Verdict.FAILED,
    "ResourceNotFound": Verdict.FAILED,
    "ValidationError": Verdict.FAILED,
}
THROTTLED_REQUESTS = {  # the same of a request as a whole, once botocore has tried often enough
    "ProvisionedThroughputExceededException", "RequestLimitExceeded", "ThrottlingException",
}  # fmt: skip


class StatementError(Exception):
    """What DynamoDB said to one statement of a request."""


class ThrottledError(Exception):
    """DynamoDB asks to wait; the same again may go through a little later."""


class Statement(NamedTuple):
    """A PartiQL statement, and the values of its question marks in their order."""

    text: str
    parameters: list[dict[str, Any]]
    size: int = 0  # of the values in bytes, where they are long


class Answer(NamedTuple):
    """What became of one statement."""

    verdict: Verdict
    error: Exception | None = None  # what DynamoDB said, unless it is DONE
    item: dict[str, Any] | None = None  # the item that won, where the guard failed and the answer holds it


def execute(dynamodb: Any, statements: Sequence[Statement], in_parallel: InParallel = map) -> list[Answer]:
    """Carry out statements, no two of which may name the same key.

    Returns:
        The answer to each, in the order given. Nothing is raised: what fails is in the answers.
    """
    answered = in_parallel(lambda request: _answers(dynamodb, request), requests(statements))
    return [answer for answers in answered for answer in answers]


def requests(statements: Sequence[Statement]) -> Iterator[list[Statement]]:
    """Cut statements into requests of nearly equal length, within what one request may hold."""
    most = evenly(len(statements), MOST_STATEMENTS)
    request: list[Statement] = []
    size = 0
    for statement in statements:
        if request and (len(request) == most or size + statement.size > MOST_BYTES):
            yield request
            request, size = [], 0
        request.append(statement)
        size += statement.size
    if request:
        yield request


def evenly(count: int, most: int) -> int:
    """Say how many go into a request, if the requests are to be as few as possible and nearly alike."""
    fewest_requests = max(1, -(-count // most))
    return -(-count // fewest_requests)


def _answers(dynamodb: Any, request: list[Statement]) -> list[Answer]:
    """Send one request. If it fails as a whole, nobody knows what became of its statements; their guards do."""
    try:
        responses = dynamodb.batch_execute_statement(
            Statements=[
                {
                    "Statement": statement.text,
                    "Parameters": statement.parameters,
                    "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
                }
                for statement in request
            ]
        )["Responses"]
        return [_answer(response) for _, response in zip(request, responses, strict=True)]  # answers go by position
    except Exception as error:
        error = as_throttled(error)
        verdict = Verdict.THROTTLED if isinstance(error, ThrottledError) else Verdict.FAILED
        return [Answer(verdict, error)] * len(request)


def _answer(response: dict[str, Any]) -> Answer:
    said = response.get("Error")
    if not said:
        return Answer(Verdict.DONE)
    verdict = VERDICTS.get(said.get("Code"), Verdict.FAILED)
    error = ThrottledError if verdict is Verdict.THROTTLED else StatementError
    return Answer(verdict, error(f"{said.get('Code')}: {said.get('Message', '')}"), said.get("Item"))


def as_throttled(error: Exception) -> Exception:
    """Return the error, or a `ThrottledError` if it is one that asks to wait."""
    if isinstance(error, ClientError) and error.response["Error"].get("Code") in THROTTLED_REQUESTS:
        return ThrottledError(str(error))
    return error
