"""Find the pipes that should be running. Read from what is deployed, never assumed."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from pipeline.pipe.settings import PipeSettings


def discover(client: Callable[[str], Any]) -> list[dict[str, Any]]:
    """Find the pipes that should be running and read a Kinesis stream, as DescribePipe describes them.

    Args:
        client: makes a client for a service, with the rights of whoever owns the account.
    """
    pipes = client("pipes")
    wanted = []
    for page in pipes.get_paginator("list_pipes").paginate(DesiredState="RUNNING"):
        for summary in page["Pipes"]:
            try:
                pipe = pipes.describe_pipe(Name=summary["Name"])
            except ClientError as error:
                if error.response["Error"]["Code"] == "NotFoundException":  # deleted since it was listed
                    continue
                raise
            if ":kinesis:" in pipe["Source"] and pipe["DesiredState"] == "RUNNING":
                wanted.append(pipe)
    return wanted


def settings_of(pipe: dict[str, Any], **others: Any) -> PipeSettings:
    """Put a pipe's settings together.

    Args:
        pipe: what DescribePipe says.
        others: what it does not say, where that is not the default.
    """
    source, target = pipe.get("SourceParameters") or {}, pipe.get("TargetParameters") or {}
    kinesis = source.get("KinesisStreamParameters") or {}
    given = {
        "starting_timestamp": _epoch(kinesis.get("StartingPositionTimestamp")),
        "batch_size": _int(kinesis.get("BatchSize")),
        "batching_window_seconds": _int(kinesis.get("MaximumBatchingWindowInSeconds")),
        "parallelization_factor": _int(kinesis.get("ParallelizationFactor")),
        "maximum_retry_attempts": _int(kinesis.get("MaximumRetryAttempts")),
        "maximum_record_age_seconds": _int(kinesis.get("MaximumRecordAgeInSeconds")),
        "bisect": kinesis.get("OnPartialBatchItemFailure") == "AUTOMATIC_BISECT",
        "dead_letter_arn": kinesis.get("DeadLetterConfig", {}).get("Arn"),
        "filters": tuple(rule["Pattern"] for rule in source.get("FilterCriteria", {}).get("Filters", [])),
        "input_template": target.get("InputTemplate"),
        "invocation_type": target.get("LambdaFunctionParameters", {}).get("InvocationType"),
        "enrichment_arn": pipe.get("Enrichment"),
    }
    return PipeSettings(
        arn=pipe["Arn"],
        role_arn=pipe["RoleArn"],
        source_arn=pipe["Source"],
        target_arn=pipe["Target"],
        created_at=pipe["CreationTime"].timestamp(),
        starting_position=kinesis.get("StartingPosition", ""),  # which the API requires: no default
        **{name: value for name, value in given.items() if value is not None},
        **others,
    )


def _int(value: Any) -> int | None:
    return None if value is None else int(value)


def _epoch(value: Any) -> float | None:
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    return value.timestamp() if isinstance(value, datetime) else value
