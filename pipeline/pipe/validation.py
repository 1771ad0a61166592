"""Which pipes are not run: those that AWS would refuse to create, and what this runtime does not do."""

from pipeline.pipe import filters, inputs
from pipeline.pipe.settings import FOREVER, PipeSettings

LIMITS = {
    "batch_size": (1, 10_000),
    "batching_window_seconds": (0, 300),
    "parallelization_factor": (1, 10),
    "maximum_retry_attempts": (FOREVER, 10_000),
    "maximum_record_age_seconds": (FOREVER, 604_800),
}
POSITIONS = ("TRIM_HORIZON", "LATEST", "AT_TIMESTAMP")
PARTIAL_FAILURES = ("named", "lowest", "whole")
IDENTIFIERS = ("eventID", "sequenceNumber", "either")


def problem_of(pipe: PipeSettings) -> str:
    """Say why a pipe is not run; empty if it is."""
    for name, (least, most) in LIMITS.items():
        if not least <= getattr(pipe, name) <= most:
            return f"{name} is {getattr(pipe, name)}, outside {least} to {most}"
    if pipe.starting_position not in POSITIONS:
        return f"there is no starting position {pipe.starting_position!r}"
    if pipe.starting_position == "AT_TIMESTAMP" and pipe.starting_timestamp is None:
        return "AT_TIMESTAMP needs a StartingPositionTimestamp"
    if pipe.item_identifier not in IDENTIFIERS:
        return f"PIPES_ITEM_IDENTIFIER is {pipe.item_identifier!r}, none of {', '.join(IDENTIFIERS)}"
    if pipe.partial_failure not in PARTIAL_FAILURES:
        return f"PIPES_PARTIAL_FAILURE is {pipe.partial_failure!r}, none of {', '.join(PARTIAL_FAILURES)}"
    if (pipe.dead_letter_arn or "").endswith(".fifo"):
        return "dead letters go to a standard queue or topic, not to a FIFO one"
    if ":lambda:" not in pipe.target_arn:
        return f"only Lambda functions are run as a target, not {pipe.target_arn}"
    if pipe.enrichment_arn:
        return "enrichment is not run"
    return filters.problem_of(pipe.filters, pipe.bus_operators) or inputs.problem_of(pipe.input_template)
