"""A pipeline that runs, for a notebook to start with, and what is left of it in the end."""

import re
from typing import Any

import pandas as pd
from botocore.exceptions import ClientError

from pipeline import cloud as clouds
from pipeline.cloud import Cloud
from pipeline.errors import UserError
from pipeline.notebook.pipeline import Pipeline
from pipeline.notebook.story import counted, noted, records_not_of
from pipeline.paths import TEMPLATE
from pipeline.provisioning import deployment, stack
from pipeline.provisioning.deployment import Deployment
from pipeline.provisioning.template import Template
from pipeline.reading import stock, stream


def open_pipeline(cloud: str, stack_name: str, batch_size: int, shard_count: int) -> Pipeline:
    """Return the pipeline of that name, running: the one that is there, as it is, or a new one with these settings.

    The cloud is started if it does not run, and the code is deployed as it stands here.
    """
    where = clouds.start(cloud)
    there, asked = _settings(where, stack_name), stack_parameters(batch_size, shard_count)
    if there and there != asked:
        settings = f"shard_count {there['ShardCount']} and batch_size {there['BatchSize']}"
        print(f"Stack {stack_name} is there, with {settings}: it stays as it is. For others, set stack_name as well.")
    up = deployment.up(where, stack_name, {} if there else asked, made_by=stack.NOTEBOOKS)
    return Pipeline(up.cloud, up.stack_name, up.outputs)


def provision(where: Cloud, stack_name: str, batch_size: int, shard_count: int) -> dict[str, str]:
    """Make the stack, or bring the one that is there up to the template. Returns its outputs.

    Raises:
        UserError: it is there with another number of shards.
    """
    asked = stack_parameters(batch_size, shard_count)
    shards_there = _settings(where, stack_name).get("ShardCount", shard_count)
    if shards_there != shard_count:
        raise UserError(
            f"stack {stack_name} has shard_count {shards_there}, and keeps it. Set the parameter shard_count to "
            f"{shards_there}, or stack_name to another name, and run this notebook again from its first cell"
        )
    return stack.provision(where, stack_name, asked, tell=_quiet, made_by=stack.NOTEBOOKS)


def deploy(where: Cloud, stack_name: str, batch_size: int, shard_count: int) -> dict[str, str]:
    """Provision the stack, and deploy the function and the pipe. Returns the stack's outputs."""
    provision(where, stack_name, batch_size, shard_count)
    return stack.deploy(where, stack_name, stack_parameters(batch_size, shard_count), tell=_quiet)


def _quiet(line: str) -> None:
    """Show nothing of what CloudFormation does: it differs between a stack that is made and one that is there."""


def _settings(where: Cloud, stack_name: str) -> stack.Parameters:
    """Return the settings of a stack that is there and of use, or nothing."""
    found = stack.describe(where, stack_name)
    if not found or found["StackStatus"].startswith(("ROLLBACK", "REVIEW", "DELETE")):
        return {}
    given = {each["ParameterKey"]: each["ParameterValue"] for each in found.get("Parameters", [])}
    return {name: int(given[name]) for name in stack_parameters(0, 0) if name in given}


def stack_parameters(batch_size: int, shard_count: int) -> stack.Parameters:
    """Name the notebooks' parameters as the template does."""
    return {"ShardCount": shard_count, "BatchSize": batch_size}


def take_down(where: Cloud, stack_name: str) -> None:
    """Delete the stack and all that is in it, if notebooks made it and what is in it. Idempotent.

    Raises:
        UserError: somebody else made it, or sent to it; nothing was deleted.
    """
    if others := _of_others(where, stack_name):
        command = clouds.command("down", where.name, stack_name)
        raise UserError(
            f"stack {stack_name} holds {others} that no notebook sent, so it stays. To take down another one, set the "
            f"parameter stack_name. If nobody needs what is in this one: {command}"
        )
    deployment.down(where, stack_name, only_made_by=stack.NOTEBOOKS)


def _of_others(where: Cloud, stack_name: str) -> str:
    """Say how much a stack holds that no notebook sent; half a stack, without a stream or a table, holds nothing."""
    found = stack.describe(where, stack_name) or {}
    outputs = {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])}
    pipeline = Deployment(where, stack_name, outputs)
    try:
        on_stream = stream.read_all(where.client("kinesis"), outputs["StreamName"], where.read_pause_seconds)
        story = noted(pipeline)
        if others := records_not_of(story, on_stream):
            return counted(others, "record")
        known = {record.partition_key for record in story.records} if story else set()
        items = stock.items(where, outputs["StockTableName"])
        products = sum(item["product_id"] not in known for item in items)  # the stream may have forgotten their records
        return counted(products, "product") if products else ""
    except KeyError:
        return ""
    except ClientError as error:
        if error.response["Error"]["Code"] == "ResourceNotFoundException":
            return ""
        raise


def stop_if_empty(where: Cloud) -> bool:
    """Stop the local cloud, unless a stack lives in it; say whether it was stopped. AWS does not stop."""
    return deployment.stop_if_empty(where)


def resources(where: Cloud, stack_name: str) -> pd.DataFrame:
    """List the stack's resources by name; none if there is no stack.

    Returns:
        `resource`, `type`, and `status`: complete, whether it was made or updated; else what CloudFormation says.
    """
    columns = {"LogicalResourceId": "resource", "ResourceType": "type", "ResourceStatus": "status"}
    listed: list[dict[str, Any]] = []
    if stack.describe(where, stack_name):
        listed = where.client("cloudformation").describe_stack_resources(StackName=stack_name)["StackResources"]
    frame = pd.DataFrame(listed, columns=list(columns)).rename(columns=columns)
    frame["status"] = frame["status"].replace({"CREATE_COMPLETE": "complete", "UPDATE_COMPLETE": "complete"})
    return frame.sort_values("resource").reset_index(drop=True)


def remains(where: Cloud, stack_name: str) -> list[str]:
    """Ask every service that the stack uses for what is still there, by the names that CloudFormation gave it."""
    parts = "|".join(Template.read(TEMPLATE).type_of)
    of_stack = re.compile(rf"(^|/){re.escape(stack_name)}[-/]({parts})(-|$)", re.IGNORECASE)
    names: list[str] = []
    for service, action, items, key in LISTINGS:
        pages = where.client(service).get_paginator(action).paginate()
        listed = (item for page in pages for item in page.get(items, []))
        names += (item[key] if key else item for item in listed)
    return sorted(name for name in names if of_stack.search(name))


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
