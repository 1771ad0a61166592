"""The errors of AWS, as boto3 raises them."""

from botocore.exceptions import ClientError


def client_error(operation: str, code: str, message: str = "", status: int = 400) -> ClientError:
    """Return the error that a call of a boto3 client raises when the service answers with a code."""
    return ClientError(
        {"Error": {"Code": code, "Message": message or code}, "ResponseMetadata": {"HTTPStatusCode": status}},  # type: ignore[typeddict-item]
        operation,
    )
