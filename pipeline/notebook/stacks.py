"""A pipeline that runs, for a notebook to start with, and what is left of it in the end."""

from pathlib import Path
from typing import Any

import pandas as pd

from pipeline import cloud as clouds
from pipeline.cloud import Cloud
from pipeline.consistency import audit
from pipeline.errors import UserError
from pipeline.provisioning import deployment, stack
from pipeline.provisioning.deployment import Deployment
from pipeline.reading import quarantine, stock


class Pipeline(Deployment):
    """A deployment as a notebook talks to it."""

    def stock(self, include_removed: bool = False) -> pd.DataFrame:
        """Return what is in stock, one row per product."""
        return stock.stock(self.cloud, self.outputs["StockTableName"], include_removed)

    def quarantine(self) -> pd.DataFrame:
        """Return the quarantined records, one row each."""
        return quarantine.quarantine(self.cloud, self.outputs["QuarantineTableName"])

    def audit(self) -> audit.AuditResult:
        """Wait until drained, then compare table and quarantine with an independent fold of the stream."""
        return audit.audit(self.cloud, self.outputs)


def open_pipeline(cloud: str, stack_name: str, batch_size: int, shard_count: int) -> Pipeline:
    """Start or join the cloud, provision and deploy what is not there yet, and wait until the pipe runs.

    Raises:
        UserError: the stack is there, with another number of shards.
    """
    where = clouds.start(cloud)
    found = stack.describe(where, stack_name)
    given = {each["ParameterKey"]: each["ParameterValue"] for each in (found or {}).get("Parameters", [])}
    if found and int(given["ShardCount"]) != shard_count:
        raise UserError(
            f"stack {stack_name} has {given['ShardCount']} shards, not {shard_count}; {make_room(stack_name)}"
        )
    up = deployment.up(where, stack_name, stack_parameters(batch_size, shard_count), made_by=stack.NOTEBOOKS)
    return Pipeline(up.cloud, up.stack_name, up.outputs)


def stack_parameters(batch_size: int, shard_count: int) -> stack.Parameters:
    """Name the notebooks' parameters as the template does."""
    return {"ShardCount": shard_count, "BatchSize": batch_size}


def stop_if_empty(where: Cloud) -> bool:
    """Stop the local cloud, unless a stack lives in it; say whether it was stopped. AWS does not stop."""
    return deployment.stop_if_empty(where)


def resources(where: Cloud, stack_name: str) -> pd.DataFrame:
    """List the stack's resources by name; none if there is no stack."""
    columns = {"LogicalResourceId": "resource", "ResourceType": "type", "ResourceStatus": "status"}
    found: list[dict[str, Any]] = []
    if stack.describe(where, stack_name):
        found = where.client("cloudformation").describe_stack_resources(StackName=stack_name)["StackResources"]
    frame = pd.DataFrame(found, columns=list(columns)).rename(columns=columns)
    return frame.sort_values("resource").reset_index(drop=True)


def remains(where: Cloud, stack_name: str) -> list[str]:
    """Ask every service that the stack uses for what still carries the stack's name."""
    names: list[str] = []
    for service, action, items, name in LISTINGS:
        pages = where.client(service).get_paginator(action).paginate()
        found = (each for page in pages for each in page.get(items, []))
        names += (each[name] if name else each for each in found)
    return sorted(each for each in names if stack_name.lower() in each.lower())


LISTINGS = (  # service, how it lists, where the list is, where the name is
    ("kinesis", "list_streams", "StreamNames", ""),
    ("pipes", "list_pipes", "Pipes", "Name"),
    ("lambda", "list_functions", "Functions", "FunctionName"),
    ("logs", "describe_log_groups", "logGroups", "logGroupName"),
    ("dynamodb", "list_tables", "TableNames", ""),
    ("sqs", "list_queues", "QueueUrls", ""),
    ("s3", "list_buckets", "Buckets", "Name"),
    ("iam", "list_roles", "Roles", "RoleName"),
)


def make_room(stack_name: str) -> str:
    """Say how to go on where a stack is in the way."""
    return f"give another stack_name, or take this one down: inventory down --stack-name {stack_name}"


def beside(pipeline: Deployment, what: str) -> Path:
    """Name a file beside the sent log; it goes when the deployment goes."""
    return pipeline.sent_log.with_suffix(f".{what}.jsonl")
