"""Alarms and a dashboard beside the pipeline: a stack of its own, made by `watch`, deleted with what it watches."""

from typing import Any

from pipeline.cloud import Cloud
from pipeline.errors import UserError
from pipeline.paths import OBSERVABILITY
from pipeline.provisioning import stack
from pipeline.provisioning.parameters import Parameters
from pipeline.waiting import Tell

MADE_BY_WATCH = "inventory watch"


def name_of(stack_name: str) -> str:
    """Return the name of the stack that watches a pipeline's stack."""
    return f"{stack_name}-watch"


def watch(cloud: Cloud, stack_name: str, given: Parameters, tell: Tell) -> dict[str, str]:
    """Make or update what watches a pipeline, and return its outputs. Idempotent.

    Args:
        cloud: where the pipeline runs.
        stack_name: the pipeline's stack.
        given: parameters of `observability.yaml`; those not given keep their value.
        tell: shown a line for every step.

    Raises:
        UserError: something else has the name.
    """
    there = stack.describe(cloud, name_of(stack_name))
    if there and stack.made_by(there) != MADE_BY_WATCH:
        raise UserError(
            f"there is a stack named {name_of(stack_name)} already, and `watch` did not make it. Nothing was touched"
        )
    outputs = stack.deployed(cloud, stack_name)
    watched = {name: outputs[name] for name in ("StreamName", "PipeName", "ProjectorName")}
    watched |= {"PipelineStackName": stack_name, "DeadLetterQueueName": outputs["DeadLetterQueueUrl"].split("/")[-1]}
    return stack.provision(cloud, name_of(stack_name), given | watched, tell, MADE_BY_WATCH, template=OBSERVABILITY)


def is_watched(cloud: Cloud, stack_name: str) -> bool:
    """Say whether `watch` has put anything beside a pipeline."""
    there = stack.describe(cloud, name_of(stack_name))
    return there is not None and stack.made_by(there) == MADE_BY_WATCH


def alarms(cloud: Cloud, stack_name: str) -> list[dict[str, Any]]:
    """Return the alarms beside a pipeline: what each is called in the template, its state, and why."""
    pages = cloud.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=name_of(stack_name))
    named = {
        resource["PhysicalResourceId"]: resource["LogicalResourceId"]
        for page in pages
        for resource in page["StackResourceSummaries"]
        if resource["ResourceType"] == "AWS::CloudWatch::Alarm"
    }
    described = cloud.client("cloudwatch").describe_alarms(AlarmNames=list(named))["MetricAlarms"]
    return [
        {
            "alarm": named[alarm["AlarmName"]],
            "state": alarm["StateValue"],
            "reason": alarm.get("StateReason", ""),
        }
        for alarm in sorted(described, key=lambda alarm: named[alarm["AlarmName"]])
    ]


def delete(cloud: Cloud, stack_name: str, tell: Tell) -> None:
    """Delete what watches a pipeline. Idempotent."""
    if is_watched(cloud, stack_name):
        stack.delete(cloud, name_of(stack_name), tell)
