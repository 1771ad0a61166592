"""The stack: made, found, changed and deleted from one template, with its progress shown as it happens."""

from contextlib import suppress
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from pipeline import cloud as clouds
from pipeline.cloud import Cloud
from pipeline.errors import UserError
from pipeline.paths import TEMPLATE
from pipeline.provisioning import bundle as bundles
from pipeline.provisioning.follow import Watch
from pipeline.provisioning.ownership import MADE_BY, RETAIN, retaining, tag, tags_of
from pipeline.provisioning.parameters import Parameters, checked, in_force, must_go_together, request
from pipeline.provisioning.statuses import way_on
from pipeline.waiting import Tell, eventually

MOST_STEPS = 5  # to bring a stack into a state in which it can be updated
RUNNING_SECONDS = 900  # in which a pipe runs, or never will
UP, NOTEBOOKS = "inventory up", "the notebooks"


def provision(
    cloud: Cloud,
    stack_name: str,
    parameters: Parameters | None = None,
    tell: Tell = print,
    made_by: str = UP,
    template: Path | None = None,
    retain: bool | None = None,
) -> dict[str, str]:
    """Make or update the stack. What is deployed stays deployed; parameters not given keep their value.

    On a new stack it is noted who made it. `template`: another one than the pipeline's. `retain`: what holds data stays
    when the stack is deleted; None: as it was.

    Returns:
        The stack's outputs. Without deployed code there is no `PipeName` and no `ProjectorName` yet.
    """
    is_pipeline, template = template is None, template or TEMPLATE
    parameters = checked(parameters or {}, template)
    stack = _ready(cloud, stack_name, tell)
    if is_pipeline and not stack:  # later it keeps its layer, until somebody names another one
        parameters = {"PowertoolsLayerArn": cloud.powertools_layer_arn()} | parameters
    wanted = _wanted(stack_name, stack, parameters, made_by, template, retain)
    cloudformation, watch = cloud.client("cloudformation"), Watch(cloud, stack_name, tell)
    try:
        if stack:
            cloudformation.update_stack(**wanted)
        else:
            cloudformation.create_stack(**wanted)
    except ClientError as error:
        if error.response["Error"]["Code"] == "AlreadyExistsException" or "IN_PROGRESS" in str(error):
            # somebody was faster; theirs is ours
            return provision(cloud, stack_name, parameters, tell, made_by, None if is_pipeline else template, retain)
        if "No updates are to be performed" not in str(error):
            raise UserError(f"the stack {stack_name} was refused: {_message(error)}") from error
    else:
        watch.until_settled()
    return _outputs(stack or {}) if cloud.is_dry else outputs(cloud, stack_name)


def _wanted(
    stack_name: str,
    stack: dict[str, Any] | None,
    parameters: Parameters,
    made_by: str,
    template: Path = TEMPLATE,
    retain: bool | None = None,
) -> dict[str, Any]:
    """Write the request that makes the stack, or changes the one that is described. Its other tags stay."""
    is_retained = tag(stack, RETAIN) == "yes" if retain is None else retain
    own = tags_of(stack_name, tag(stack, MADE_BY) if stack else made_by, is_retained)
    others = [other for other in (stack or {}).get("Tags", []) if not other["Key"].startswith("inventory:")]
    text = template.read_text("utf-8")
    return {
        "StackName": stack_name,
        "TemplateBody": retaining(text) if is_retained else text,
        "Capabilities": ["CAPABILITY_IAM"],
        "Parameters": request(parameters, (stack or {}).get("Parameters", []), template),
        "Tags": others + own,
    }


def deploy(cloud: Cloud, stack_name: str, parameters: Parameters | None = None, tell: Tell = print) -> dict[str, str]:
    """Bundle the projector, upload it, and let the stack create or update function and pipe."""
    bundle = bundles.build()
    bundles.upload(cloud.client("s3"), outputs(cloud, stack_name)["ArtifactBucketName"], bundle)
    return provision(cloud, stack_name, (parameters or {}) | {"CodeKey": bundle.key}, tell)


def plan(cloud: Cloud, stack_name: str, parameters: Parameters, made_by: str, tell: Tell, retain: bool | None) -> None:
    """Tell the calls that `provision` and `deploy` would make. The cloud is one of a dry run."""
    named = provision(cloud, stack_name, parameters, tell, made_by, retain=retain)
    bundle, stack = bundles.build(), describe(cloud, stack_name)
    bundles.upload(cloud.client("s3"), named.get("ArtifactBucketName", "the-artifact-bucket-of-the-stack"), bundle)
    with_code = _wanted(stack_name, stack, parameters | {"CodeKey": bundle.key}, made_by, retain=retain)
    cloud.client("cloudformation").update_stack(**with_code)


def wait_until_running(cloud: Cloud, stack_name: str) -> None:
    """Wait until the pipe is running. On AWS that takes a minute or two."""
    pipes, name = cloud.client("pipes"), outputs(cloud, stack_name)["PipeName"]
    pipe: dict[str, Any] = {}

    def is_decided() -> bool:
        nonlocal pipe
        pipe = pipes.describe_pipe(Name=name)
        return pipe["CurrentState"] == "RUNNING" or pipe["CurrentState"].endswith("FAILED")

    with suppress(TimeoutError):
        eventually(is_decided, RUNNING_SECONDS, every=cloud.poll_seconds)
    if pipe["CurrentState"] != "RUNNING":
        raise UserError(f"the pipe {name} is {pipe['CurrentState']}: {pipe.get('StateReason', 'no reason given')}")


def outputs(cloud: Cloud, stack_name: str) -> dict[str, str]:
    """Return the stack's outputs."""
    stack = describe(cloud, stack_name)
    if not stack:
        make_it = clouds.command("up", cloud.name, stack_name)
        raise UserError(f"there is no stack named {stack_name} on {cloud.name}. Make it with: {make_it}")
    return _outputs(stack)


def deployed(cloud: Cloud, stack_name: str) -> dict[str, str]:
    """Return the outputs of a stack that has its projector and its pipe."""
    named = outputs(cloud, stack_name)
    if "PipeName" not in named:
        deploy_it = clouds.command("up", cloud.name, stack_name)
        raise UserError(f"the stack {stack_name} has no projector yet. Deploy it with: {deploy_it}")
    return named


def describe(cloud: Cloud, stack_name: str) -> dict[str, Any] | None:
    """Return the stack as CloudFormation describes it, or None."""
    try:
        [stack] = cloud.client("cloudformation").describe_stacks(StackName=stack_name)["Stacks"]
    except ClientError as error:
        if "does not exist" in str(error):
            return None
        raise UserError(f"the stack {stack_name} cannot be looked up: {_message(error)}") from error
    return None if stack["StackStatus"] == "DELETE_COMPLETE" else stack


def made_by(stack: dict[str, Any]) -> str:
    """Return who made a described stack; empty for one that this project did not make."""
    return tag(stack, MADE_BY)


def names(cloud: Cloud) -> list[str]:
    """List all stacks, also those that are not this project's."""
    pages = cloud.client("cloudformation").get_paginator("describe_stacks").paginate()
    stacks = (stack for page in pages for stack in page["Stacks"])
    return sorted(stack["StackName"] for stack in stacks if stack["StackStatus"] != "DELETE_COMPLETE")


def delete(cloud: Cloud, stack_name: str, tell: Tell = print, keep: str = "") -> None:
    """Delete the stack and all that is in it. Idempotent.

    Args:
        cloud: where it is.
        stack_name: the stack.
        tell: told of progress, line by line.
        keep: objects of the artifact bucket whose names begin like this stay, and so does the bucket.
    """
    stack = describe(cloud, stack_name)
    if stack and way_on(stack) == "wait":  # whoever makes or changes it would go on with half of it
        _wait(cloud, stack, tell)
        stack = describe(cloud, stack_name)
    if not stack:
        return
    cloudformation, bucket = cloud.client("cloudformation"), _outputs(stack).get("ArtifactBucketName", "")
    kept = 0
    if bucket and tag(stack, RETAIN) != "yes":
        kept = _empty(cloud.client("s3"), bucket, keep)  # AWS refuses to delete one that is not empty
    watch = Watch(cloud, stack["StackId"], tell)
    cloudformation.delete_stack(StackName=stack_name)
    if kept:  # only a stack that could not be deleted may be deleted without one of its resources
        tell(f"{kept} objects stay in the bucket {bucket}. CloudFormation says first that it cannot delete it")
        watch.until_settled(or_as="DELETE_FAILED")
        cloudformation.delete_stack(StackName=stack_name, RetainResources=["ArtifactBucket"])
    watch.until_settled()


def _ready(cloud: Cloud, stack_name: str, tell: Tell) -> dict[str, Any] | None:
    """Return the stack once it can be updated, or None once there is none: whatever state it was left in.

    Raises:
        UserError: it cannot be brought into such a state.
    """
    cloudformation = cloud.client("cloudformation")
    for _ in range(MOST_STEPS):
        stack = describe(cloud, stack_name)
        match way_on(stack):
            case "create" | "update":
                return stack
            case "delete":
                delete(cloud, stack_name, tell)
                if cloud.is_dry:
                    return None
            case "wait":
                _wait(cloud, stack, tell)
            case "finish rollback":
                tell(f"  {stack_name} is {_status(stack)}; finishing that")
                cloudformation.continue_update_rollback(StackName=stack_name)
                if cloud.is_dry:
                    return stack
                _wait(cloud, stack, tell)
            case "ask":
                break
    raise UserError(f"the stack {stack_name} is {_status(stack)}: CloudFormation's console says why, and how to go on")


def _wait(cloud: Cloud, stack: dict[str, Any] | None, tell: Tell) -> None:
    """Wait until nobody is at work on a stack: an earlier command that was interrupted, or another one."""
    if stack:
        tell(f"  {stack['StackName']} is {_status(stack)}; waiting for that to end")
        Watch(cloud, stack["StackId"], lambda line: None).until_over()


def _status(stack: dict[str, Any] | None) -> str:
    return stack["StackStatus"] if stack else "not there"


def days_in_quarantine(cloud: Cloud, stack_name: str, parameters: Parameters | None = None) -> int:
    """Return how many days the quarantine will keep a record, once all parameters are known to go together.

    Raises:
        WrongUsageError: they do not.
    """
    current = (describe(cloud, stack_name) or {}).get("Parameters", [])
    values = in_force(parameters or {}, current)
    must_go_together(values)
    return int(values["QuarantineDays"])


def _outputs(stack: dict[str, Any]) -> dict[str, str]:
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}


def _empty(s3: Any, bucket: str, keep: str) -> int:
    """Delete the objects in a bucket, but for those whose names begin with `keep`, and count these."""
    kept = 0
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        for entry in page.get("Contents", []):
            if keep and entry["Key"].startswith(keep):
                kept += 1
            else:
                s3.delete_object(Bucket=bucket, Key=entry["Key"])
    return kept


def _message(error: ClientError) -> str:
    return error.response["Error"].get("Message", str(error))
