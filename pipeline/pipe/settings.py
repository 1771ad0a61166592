"""What a pipe is set to."""

from dataclasses import dataclass

FOREVER = -1  # of retries and of seconds: no limit


@dataclass(frozen=True)
class PipeSettings:
    """A pipe with a Kinesis source. The defaults are those of the EventBridge Pipes API."""

    arn: str
    role_arn: str
    source_arn: str
    target_arn: str
    created_at: float = 0.0  # epoch seconds; tells a pipe from a later one of the same name
    starting_position: str = "TRIM_HORIZON"
    starting_timestamp: float | None = None
    batch_size: int = 100
    batching_window_seconds: float = 0
    parallelization_factor: int = 1
    maximum_retry_attempts: int = FOREVER
    maximum_record_age_seconds: float = FOREVER
    bisect: bool = False
    dead_letter_arn: str | None = None
    filters: tuple[str, ...] = ()  # event patterns, as JSON; one of them has to match
    input_template: str = ""
    invocation_type: str = "REQUEST_RESPONSE"
    enrichment_arn: str = ""
    # Where sources disagree. The default is what AWS documents.
    item_identifier: str = "eventID"  # what the target names a failed record by
    bus_operators: bool = False  # take operators in filters that AWS documents for event buses only
    partial_failure: str = "named"  # what comes again when the target names records: these, `lowest` and on, `whole`
    # What AWS does when it likes. The default is never.
    start_seconds: float = 0.0  # before a pipe that was made, changed or started begins to poll
    disabled_after_seconds: float = FOREVER  # of 4xx errors without a break

    @property
    def name(self) -> str:
        """The pipe's name."""
        return self.arn.rpartition("/")[2]
