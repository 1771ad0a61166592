"""What marks a resource as one of a stack's: its tags. Which resources may outlive it, and which are left."""

import json
from typing import Any

from botocore.exceptions import ClientError

from pipeline.cloud import Cloud
from pipeline.provisioning.template import load
from pipeline.waiting import eventually

PROJECT, STACK = "inventory:project", "inventory:stack"
MADE_BY = "inventory:made-by"  # who made a stack, so that nobody deletes somebody else's
RETAIN = "inventory:retain"  # on a stack whose data stay when it is deleted
RETAINED = ("EventStream", "ArtifactBucket", "StockTable", "QuarantineTable")

Tags = list[dict[str, str]]


def tags_of(stack_name: str, made_by: str, is_retained: bool = False) -> Tags:
    """Return the tags of a stack; CloudFormation puts them on all of its resources that take tags."""
    named = {PROJECT: "inventory-pipeline", STACK: stack_name, MADE_BY: made_by}
    if is_retained:
        named[RETAIN] = "yes"
    return [{"Key": key, "Value": value} for key, value in named.items() if value]


def tag(stack: dict[str, Any] | None, key: str) -> str:
    """Return the value of a described stack's tag; empty where it has none."""
    return next((tag["Value"] for tag in (stack or {}).get("Tags", []) if tag["Key"] == key), "")


def retaining(text: str) -> str:
    """Return the template with which the resources that hold data stay when their stack is deleted."""
    body = load(text)
    for name in RETAINED:
        body["Resources"][name] |= {"DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain"}
    return json.dumps(body)


def left_of(cloud: Cloud, stack_names: set[str], but: int = 0) -> list[str] | None:
    """Return the ARNs of what still has a stack's tag; None if the account does not let us ask.

    Args:
        cloud: where.
        stack_names: the stacks that were deleted.
        but: how many are known to stay. The tags of what is gone linger for a while: more is waited out.
    """
    pages = cloud.client("resourcegroupstaggingapi").get_paginator("get_resources")
    arns: list[str] = []

    def are_gone() -> bool:
        filters = [{"Key": STACK, "Values": sorted(stack_names)}]
        arns[:] = [
            resource["ResourceARN"]
            for page in pages.paginate(TagFilters=filters)
            for resource in page["ResourceTagMappingList"]
        ]
        return len(arns) <= but

    try:
        eventually(are_gone, cloud.patience_seconds, every=cloud.poll_seconds)
    except TimeoutError:
        pass
    except ClientError as error:
        if "AccessDenied" not in error.response["Error"]["Code"]:
            raise
        return None
    return sorted(arns)
