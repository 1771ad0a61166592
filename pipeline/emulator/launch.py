"""Start the emulator with AWS's limits (`limits/`) and twelve corrections, each a line or two in the emulator itself.

1. It authorises some SQS calls under names that AWS's IAM does not have. A policy that is right on AWS would fail here.
2. Whoever is the account's root may assume any role made for a service. Here, root asking for such a role is the pipe
   runtime and nobody else, so it is judged as what it stands for: the service `pipes.amazonaws.com`, acting for the
   pipe that the session is named after.
3. On every Kinesis call it looks at all shard iterators for expired ones, and every read makes a new one: two shards
   that nobody writes to kept a tenth of a core busy with that. GetRecords checks its own iterator; the rest can wait.
4. On every Kinesis call it rebuilds the list of all stored records to drop the expired ones, so it slows down with
   every record kept. Records are stored in the order they came: looking at the oldest is enough. And its iterators
   count records from the oldest one kept, so when some are dropped they must go back by as many, or skip new ones.
5. It forgets the parameters of a pipe. Here they are kept, and told by DescribePipe, whether CreatePipe or a template
   made the pipe. As on AWS, UpdatePipe replaces the Kinesis and Lambda parameters as a whole: what is left out goes
   back to its default.
6. Nothing keeps it, or a function, from connecting to other machines. Here each refuses to (`guard.py`).
7. It runs the scripts that somebody else's emulator may have left in `/etc/localstack/init` and the like.
8. It authorises BatchExecuteStatement under that name, on every resource. AWS authorises each of its statements by
   what it does, on the table that it names; a statement that is not allowed fails alone, within an HTTP 200.
9. With a stack it deletes a bucket that is not empty, and what lies in it. AWS refuses to.
10. It loses what nobody has read yet when the number of shards changes, or does nothing (`resharding.py`).
11. It takes no alarm on an expression, and judges alarms without regard to dimensions and periods (`alarms.py`).
12. It lists the tags of tables that are gone, for ever. AWS does for a while.
"""

import inspect
import json
import re
import time
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import replace
from functools import cache
from typing import Any

from ministack import app
from ministack.core import iam_actions, iam_evaluator, lambda_runtime
from ministack.core.responses import get_account_id, get_region
from ministack.services import dynamodb, kinesis, pipes, s3, tagging
from ministack.services.cloudformation import provisioners

from pipeline.emulator import alarms, guard, resharding
from pipeline.emulator.emulator import hour_seconds
from pipeline.emulator.faults import hooks
from pipeline.emulator.limits import dynamodb as dynamodb_limits
from pipeline.emulator.limits import functions as function_limits
from pipeline.emulator.limits import kinesis as kinesis_limits
from pipeline.emulator.limits import pipes as pipe_limits
from pipeline.emulator.limits import sqs as sqs_limits

AWS_NAMES = {
    "sqs:SendMessageBatch": "sqs:SendMessage",
    "sqs:DeleteMessageBatch": "sqs:DeleteMessage",
    "sqs:ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
}
PIPES = "pipes.amazonaws.com"

SWEEP_SECONDS = 30.0

_access_key: ContextVar[str] = ContextVar("access_key", default="")  # of whoever makes the request being served
_swept_at = 0.0
_expire_iterators = kinesis._expire_iterators
_extract_iam_action = iam_actions.extract_iam_action
_evaluate_trust_policy = iam_evaluator.evaluate_trust_policy
_batch_execute_statement = dynamodb._batch_execute_statement
_delete_bucket = provisioners._s3_delete
_tags_of_tables = tagging._COLLECTORS["dynamodb"]
_create_pipe, _update_pipe, _describe_pipe = pipes._create_pipe, pipes._update_pipe, pipes._describe_response


def extract_iam_action(
    service: str, method: str, path: str, headers: dict[str, str], body: bytes, query_params: dict[str, Any]
) -> str | None:
    """Name the permission as AWS's service authorization reference does; None if there is none to the call as such."""
    action = _extract_iam_action(service, method, path, headers, body, query_params)
    if action == "dynamodb:BatchExecuteStatement":
        _access_key.set(app.extract_access_key_id(headers, query_params))
        return None
    return AWS_NAMES.get(action or "", action)


STATEMENT = re.compile(  # what a PartiQL statement does, and to which table
    r'\s*(?:(INSERT)\s+INTO|(UPDATE)|(DELETE)\s+FROM|(SELECT)\b.*?\bFROM)\s+"?([\w.-]+)"?', re.IGNORECASE | re.DOTALL
)


def batch_execute_statement(request: dict[str, Any]) -> Any:
    """Carry out the statements that are allowed; the others fail, each at its place, in AWS's words."""
    statements = request.get("Statements") or []
    refusal = cache(_refusal)  # for the 25 of a request, hardly more than two are asked for
    refusals = [refusal(*_wanted(statement.get("Statement", ""))) for statement in statements]
    if not any(refusals):
        return _batch_execute_statement(request)
    allowed = [each for each, refused in zip(statements, refusals, strict=True) if not refused]
    status, headers, body = 200, {"Content-Type": "application/x-amz-json-1.0"}, b'{"Responses": []}'
    if allowed:
        status, headers, body = _batch_execute_statement(request | {"Statements": allowed})
        if status != 200:
            return status, headers, body
    answer = json.loads(body)
    carried_out = iter(answer["Responses"])
    answer["Responses"] = [refused or next(carried_out) for refused in refusals]
    return status, headers, json.dumps(answer).encode()


def _wanted(statement: str) -> tuple[str, str]:
    """Return the action that a statement asks for, and its table; both empty if it is no statement."""
    found = STATEMENT.match(statement)
    if not found:
        return "", ""
    *verbs, table = found.groups()
    return f"dynamodb:PartiQL{next(filter(None, verbs)).capitalize()}", table


def _refusal(action: str, table: str) -> dict[str, Any] | None:
    """Return what AWS answers to a statement that its caller may not make; None if they may."""
    if not action:
        return None  # it will be refused as what it is
    resource = f"arn:aws:dynamodb:{get_region()}:{get_account_id()}:table/{table}"
    denied = iam_evaluator.enforce(_access_key.get(), action, "dynamodb", get_region(), resource_arn=resource)
    if not denied:
        return None
    who = getattr(denied, "principal_arn", "") or iam_evaluator.caller_arn()
    reason = f"because no identity-based policy allows the {action} action"
    message = f"User: {who} is not authorized to perform: {action} on resource: {resource} {reason}"
    return {"Error": {"Code": "AccessDenied", "Message": message}}


def evaluate_trust_policy(trust: str | dict[str, Any], caller_arn: str, context: Any = None) -> bool:
    """Let a service's role be assumed by that service only, and show the policy's conditions who is behind it."""
    if not caller_arn.endswith(":root") or context is None:
        return _evaluate_trust_policy(trust, caller_arn, context)
    trust = json.loads(trust) if isinstance(trust, str) else trust
    statements = trust["Statement"] if isinstance(trust["Statement"], list) else [trust["Statement"]]
    account, pipe = context.principal_account, context.service_context.get("sts:rolesessionname")
    on_behalf_of = {
        "aws:sourceaccount": account,
        "aws:sourcearn": f"arn:aws:pipes:{context.region}:{account}:pipe/{pipe}",
    }
    context = replace(context, service_context=context.service_context | on_behalf_of)
    return _evaluate_trust_policy(
        {**trust, "Statement": [statement for statement in statements if _is_for_pipes(statement)]}, caller_arn, context
    )


def _is_for_pipes(statement: dict[str, Any]) -> bool:
    principal = statement.get("Principal")
    services = principal.get("Service", PIPES) if isinstance(principal, dict) else PIPES
    return PIPES in ([services] if isinstance(services, str) else services)


def expire_records(stream: dict[str, Any]) -> None:
    """Drop what is older than the stream's retention."""
    cutoff = time.time() - stream["RetentionPeriodHours"] * hour_seconds()
    for shard_id, shard in stream["shards"].items():
        records = shard["records"]
        if records and records[0]["ApproximateArrivalTimestamp"] < cutoff:
            shard["records"] = [record for record in records if record["ApproximateArrivalTimestamp"] >= cutoff]
            dropped = len(records) - len(shard["records"])
            for iterator in kinesis._shard_iterators.values():
                if (iterator["stream"], iterator["shard_id"]) == (stream["StreamName"], shard_id):
                    iterator["position"] = max(0, iterator["position"] - dropped)


def expire_iterators() -> None:
    """Drop what has expired, now and then."""
    global _swept_at
    if time.monotonic() - _swept_at > SWEEP_SECONDS:
        _swept_at = time.monotonic()
        _expire_iterators()


PARAMETERS = ("SourceParameters", "TargetParameters", "Enrichment", "EnrichmentParameters")
SET_ONCE = ("StartingPosition", "StartingPositionTimestamp")
NUMBERS = {  # which a template may give as text
    "BatchSize",
    "MaximumBatchingWindowInSeconds",
    "MaximumRecordAgeInSeconds",
    "MaximumRetryAttempts",
    "ParallelizationFactor",
}


def create_pipe(name: str, body: dict[str, Any]) -> Any:
    """Keep the parameters of a new pipe."""
    answer = _create_pipe(name, body)
    if answer[0] == 200:
        pipes._pipes[name] |= {group: body[group] for group in PARAMETERS if body.get(group)}
    return answer


def update_pipe(name: str, body: dict[str, Any]) -> Any:
    """Keep the parameters of a changed pipe."""
    answer = _update_pipe(name, body)
    if answer[0] == 200:
        pipe = pipes._pipes[name]
        for group in PARAMETERS:
            if body.get(group):
                pipe[group] = _updated(pipe.get(group), body[group])
    return answer


def _updated(before: Any, given: Any) -> Any:
    if not isinstance(before, dict):
        return given
    once = {name: value for name, value in before.get("KinesisStreamParameters", {}).items() if name in SET_ONCE}
    if "KinesisStreamParameters" in given:
        given = given | {"KinesisStreamParameters": given["KinesisStreamParameters"] | once}
    return before | given


def keeping_parameters(provision: Callable[..., Any], properties_at: int) -> Callable[..., Any]:
    """Make or change a pipe as a template says, and keep the parameters that it names, and no others.

    Args:
        provision: what CloudFormation calls; returns the pipe's name and attributes.
        properties_at: which of its arguments are the properties in the template.
    """

    def provisioned(*args: Any, **kwargs: Any) -> Any:
        name, attributes = provision(*args, **kwargs)
        properties = args[properties_at]
        others = {key: value for key, value in pipes._pipes[name].items() if key not in PARAMETERS}
        pipes._pipes[name] = others | {group: _typed(properties[group]) for group in PARAMETERS if group in properties}
        return name, attributes

    return provisioned


def _typed(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {name: int(inner) if name in NUMBERS else _typed(inner) for name, inner in value.items()}


def describe_pipe(pipe: dict[str, Any]) -> dict[str, Any]:
    """Tell the parameters too."""
    return _describe_pipe(pipe) | {group: pipe[group] for group in PARAMETERS if group in pipe}


def delete_bucket(name: str, properties: dict[str, Any]) -> None:
    """Delete a bucket of a stack, if nothing lies in it."""
    if s3._buckets.get(name, {}).get("objects"):
        raise ValueError("The bucket you tried to delete is not empty (Error Code: BucketNotEmpty)")
    _delete_bucket(name, properties)


def tags_of_tables() -> Any:
    """List the tags of the tables that are there."""
    there = {table.get("TableArn") for _, table in dynamodb._tables.items()}
    return ((arn, tags) for arn, tags in _tags_of_tables() if arn in there)


GUARDED = f"{inspect.getsource(guard)}\n{guard.stay_on_this_machine.__name__}()\n"


if __name__ == "__main__":
    iam_actions.extract_iam_action = extract_iam_action
    iam_evaluator.evaluate_trust_policy = evaluate_trust_policy
    kinesis._expire_records = expire_records
    kinesis._expire_iterators = expire_iterators
    dynamodb._batch_execute_statement = batch_execute_statement
    pipes._create_pipe, pipes._update_pipe, pipes._describe_response = create_pipe, update_pipe, describe_pipe
    lambda_runtime._PYTHON_WORKER_SCRIPT = GUARDED + lambda_runtime._PYTHON_WORKER_SCRIPT
    of_templates = provisioners._RESOURCE_HANDLERS["AWS::Pipes::Pipe"]
    of_templates["create"] = keeping_parameters(of_templates["create"], properties_at=1)
    of_templates["update"] = keeping_parameters(of_templates["update"], properties_at=2)
    provisioners._RESOURCE_HANDLERS["AWS::S3::Bucket"]["delete"] = delete_bucket
    tagging._COLLECTORS["dynamodb"] = tags_of_tables
    app._collect_scripts = lambda *folders: []
    resharding.install()
    alarms.install()
    for each in (kinesis_limits, pipe_limits, sqs_limits, function_limits, dynamodb_limits):
        each.impose()
    hooks.install()  # last: what is in force comes before all else
    guard.stay_on_this_machine()
    app.main()
