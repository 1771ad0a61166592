"""Start the emulator with three corrections, each of which would be a line or two in the emulator itself.

1. It authorises some SQS calls under names that AWS's IAM does not have. A policy that is right on AWS would fail here.
2. Whoever is the account's root may assume any role made for a service. Here, root asking for such a role is the pipe
   runtime and nobody else, so it is judged as what it stands for: the service `pipes.amazonaws.com`, acting for the
   pipe that the session is named after.
3. On every Kinesis call it rebuilds the list of all stored records to drop the expired ones, so it slows down with
   every record kept. Records are stored in the order they came: looking at the oldest is enough.
"""

import json
import time
from dataclasses import replace
from typing import Any

from ministack import app
from ministack.core import iam_actions, iam_evaluator
from ministack.services import kinesis

AWS_NAMES = {
    "sqs:SendMessageBatch": "sqs:SendMessage",
    "sqs:DeleteMessageBatch": "sqs:DeleteMessage",
    "sqs:ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
}
PIPES = "pipes.amazonaws.com"

_extract_iam_action = iam_actions.extract_iam_action
_evaluate_trust_policy = iam_evaluator.evaluate_trust_policy


def extract_iam_action(*args: Any, **kwargs: Any) -> str | None:
    """Name the permission as AWS's service authorization reference does."""
    action = _extract_iam_action(*args, **kwargs)
    return AWS_NAMES.get(action or "", action)


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
        {**trust, "Statement": [each for each in statements if _is_ours(each)]}, caller_arn, context
    )


def _is_ours(statement: dict[str, Any]) -> bool:
    principal = statement.get("Principal")
    services = principal.get("Service", PIPES) if isinstance(principal, dict) else PIPES
    return PIPES in ([services] if isinstance(services, str) else services)


def expire_records(stream: dict[str, Any]) -> None:
    """Drop what is older than the stream's retention."""
    cutoff = time.time() - stream["RetentionPeriodHours"] * 3600
    for shard in stream["shards"].values():
        records = shard["records"]
        if records and records[0]["ApproximateArrivalTimestamp"] < cutoff:
            shard["records"] = [each for each in records if each["ApproximateArrivalTimestamp"] >= cutoff]


if __name__ == "__main__":
    iam_actions.extract_iam_action = extract_iam_action
    iam_evaluator.evaluate_trust_policy = evaluate_trust_policy
    kinesis._expire_records = expire_records
    app.main()
