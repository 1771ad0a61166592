"""The rules of the flowchart: how each type of resource is drawn, what a reference means, who stands around the stack.

A template that uses something new is drawn by adding a line here.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from pipeline.provisioning.template import dig

# ── How to say a setting ──────────────────────────────────────────────────────────────────────────────────────────


def duration(seconds: int) -> str:
    """Say a length of time in the largest unit that it fills at least twice."""
    for unit, size in (("days", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size and seconds % size == 0:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def several(number: int, thing: str, things: str = "") -> str:
    """Say how many, in the singular or the plural."""
    return f"{number:,} {thing if number == 1 else things or thing + 's'}"


def retries(most: int) -> str:
    """Say when the pipe gives a batch up; to AWS, -1 retries are retries without end."""
    return f"given up after {several(most, 'retry', 'retries')}" if most >= 0 else "never given up for its retries"


def age(most: int) -> str:
    """Say at which age the pipe gives a record up; to AWS, -1 is any age."""
    return f"or at an age of {duration(most)}" if most >= 0 else "nor for its age"


class Fact(NamedTuple):
    """A property of a resource (by its dotted path), and how to say it."""

    where: str
    say: Callable[[Any], str] = str


Words = Sequence[Fact | str]


def say(words: Words, properties: Any) -> tuple[str, ...]:
    """Say what is set: a property that the template leaves out is left out here."""
    values = [(word, word if isinstance(word, str) else dig(properties, word.where)) for word in words]
    return tuple(word if isinstance(word, str) else word.say(value) for word, value in values if value is not None)


# ── The rules: what is drawn of a resource, what a reference means, who stands around the stack ───────────────────


class Resource(NamedTuple):
    """How a type of resource is drawn: on which band, as what, with which of its settings."""

    stage: str
    kind: str
    facts: Words = ()


ROLE = Resource("small print", "role")
TABLE = (
    Fact("KeySchema.0.AttributeName", "partition key {}".format),
    Fact("BillingMode", lambda mode: {"PAY_PER_REQUEST": "paid per request"}.get(mode, "provisioned")),
    Fact("TimeToLiveSpecification.AttributeName", "an item goes at {}".format),
)
LOG = (Fact("RetentionInDays", lambda days: f"keeps a line for {duration(days * 86400)}"),)
RESOURCES: dict[str, Resource] = {  # in a row, cards stand in this order
    "AWS::Kinesis::Stream": Resource("source", "Kinesis data stream", (
        Fact("ShardCount", lambda count: several(count, "shard")),
        Fact("RetentionPeriodHours", lambda hours: f"keeps a record for {duration(hours * 3600)}"),
        Fact("StreamEncryption.EncryptionType", "encrypted by {}".format),
    )),
    "AWS::Pipes::Pipe": Resource("pipe", "EventBridge pipe"),
    "AWS::S3::Bucket": Resource("compute", "S3 bucket"),
    "AWS::Lambda::Function": Resource("compute", "Lambda function", (
        Fact("Runtime"),
        Fact("MemorySize", "{} MB".format),
        Fact("Timeout", lambda seconds: f"at most {duration(seconds)} a batch"),
    )),
    "AWS::Logs::LogGroup": Resource("compute", "Log group", LOG),
    "AWS::DynamoDB::Table": Resource("state", "DynamoDB table", TABLE),
    "AWS::SQS::Queue": Resource("failure", "SQS queue", (
        Fact("MessageRetentionPeriod", lambda seconds: f"keeps a message for {duration(seconds)}"),
    )),
    "AWS::IAM::Role": ROLE,
    "AWS::IAM::Policy": ROLE,
}  # fmt: skip
QUARANTINE = Resource("failure", "DynamoDB table", TABLE)
PIPE_LOG = Resource("pipe", "Log group", LOG)
ORDER = (QUARANTINE, *RESOURCES.values(), PIPE_LOG)


def rule_for(type_: str, properties: Any) -> Resource | None:
    """Return how a resource is drawn.

    A table whose items are records, not products, stands on the way of failure; the log of a pipe stands beside it.
    """
    if type_ == "AWS::DynamoDB::Table" and dig(properties, "KeySchema.0.AttributeName") == "record_id":
        return QUARANTINE
    if type_ == "AWS::Logs::LogGroup" and "/vendedlogs/pipes/" in str(dig(properties, "LogGroupName")):
        return PIPE_LOG
    return RESOURCES.get(type_)


class Flow(NamedTuple):
    """What a reference means: data that goes along it, or against it, and the words on the arrow."""

    owner: str  # the type of the resource that refers
    where: str  # the place of the reference among its properties
    to: str = "*"  # the type of what it refers to
    words: Words = ()
    against: bool = False
    kind: str = "events"
    answer: Words = ()  # what comes back when something fails


def _failures(how: str) -> str:
    return "batchItemFailures" + (", whose batch is halved: " if how == "AUTOMATIC_BISECT" else ": ") + how


KINESIS = "SourceParameters.KinesisStreamParameters"
FLOWS = (
    Flow("AWS::Pipes::Pipe", "Source", against=True, words=(
        Fact(f"{KINESIS}.StartingPosition", "from {}".format),
        Fact(f"{KINESIS}.BatchSize", lambda size: f"batches of up to {several(size, 'record')}"),
        Fact(f"{KINESIS}.MaximumBatchingWindowInSeconds", lambda seconds: f"batching window {duration(seconds)}"),
        Fact(f"{KINESIS}.ParallelizationFactor", lambda n: f"{several(n, 'batch', 'batches')} per shard at once"),
    )),
    Flow("AWS::Pipes::Pipe", "Target",
        words=("a batch", Fact("TargetParameters.LambdaFunctionParameters.InvocationType", "invoked by {}".format)),
        answer=(Fact(f"{KINESIS}.OnPartialBatchItemFailure", _failures),),
    ),
    Flow("AWS::Pipes::Pipe", f"{KINESIS}.DeadLetterConfig.Arn", kind="failure", words=(
        Fact(f"{KINESIS}.MaximumRetryAttempts", retries),
        Fact(f"{KINESIS}.MaximumRecordAgeInSeconds", age),
    )),
    Flow("AWS::Pipes::Pipe", "LogConfiguration.CloudwatchLogsLogDestination.LogGroupArn", kind="support", words=(
        Fact("LogConfiguration.Level", "what fails, at level {}".format),
    )),
    Flow("AWS::Pipes::Pipe", "RoleArn", kind="role"),
    Flow("AWS::Lambda::Function", "Code.S3Bucket", against=True, kind="support", words=("the zip of its code",)),
    Flow("AWS::Lambda::Function", "LoggingConfig.LogGroup", kind="support",
        words=(Fact("LoggingConfig.LogFormat", "log lines in {}".format),)),
    Flow("AWS::Lambda::Function", "Environment.Variables.QUARANTINE_*", "AWS::DynamoDB::Table", kind="failure",
        words=("refused: reason and bytes, put once, first",)),
    Flow("AWS::Lambda::Function", "Environment.Variables.*", "AWS::DynamoDB::Table",
        words=("reads items first, 100 a request", "then one conditional statement per product, 25 a request")),
    Flow("AWS::Lambda::Function", "Role", kind="role"),
)  # fmt: skip


class Actor(NamedTuple):
    """Somebody outside of the stack, who finds the resources by the outputs of the stack."""

    name: str
    stage: str
    kind: str
    sentence: str
    takes_from: Mapping[str, tuple[str, Words]] = {}  # output: kind of arrow, and the words on it
    gives_to: Mapping[str, tuple[str, Words]] = {}


ACTORS = (
    Actor(
        "Producer", "before", "mock event generator", "Sends a seeded story of events.",
        gives_to={"StreamName": ("events", ("PutRecords, in order per product", "partition key = product_id"))},
    ),
    Actor(
        "Audit", "after", "independent check", "Folds the stream again, and compares.",
        takes_from={
            "StockTableName": ("events", ("every item",)),
            "QuarantineTableName": ("events", ("every refused record",)),
            "StreamName": ("events", ("every record, from the beginning or from a snapshot",)),
        },
    ),
    Actor(
        "Reader", "after", "command line", "What is in stock now?",
        takes_from={"StockTableName": ("events", ("the stock, in strongly consistent reads",))},
    ),
    Actor(
        "Operator", "after", "by hand", "Reads the reason, decides, sends again.",
        takes_from={
            "QuarantineTableName": ("failure", ("the reason, read in place",)),
            "DeadLetterQueueUrl": ("failure", ("which records were given up",)),
        },
        gives_to={"StreamName": ("failure", (
            Fact(
                "RetentionPeriodHours",
                lambda hours: f"redrive, by hand, while the record is kept: {duration(hours * 3600)}",
            ),
            "refused events, corrected",
        ))},
    ),
)  # fmt: skip
