"""The pipeline as one thing: the one way up, found again by name, and the one way down."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline import cloud as clouds
from pipeline.cloud import Cloud
from pipeline.errors import UserError
from pipeline.provisioning import lease, observability, ownership, pausing, spare_tables, stack, takeover
from pipeline.waiting import Tell


def _silent(line: str) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class Deployment:
    """A stack that runs somewhere. Holds nothing but names: all state is in the cloud."""

    cloud: Cloud
    stack_name: str
    outputs: dict[str, str]

    @property
    def sent_log(self) -> Path:
        """The file that says what was sent to this stack's stream, and where it lies."""
        return sent_folder(self.cloud, self.stack_name) / "sent.jsonl"


def up(
    cloud: Cloud,
    stack_name: str,
    parameters: stack.Parameters | None = None,
    tell: Tell = _silent,
    made_by: str = stack.UP,
    retain: bool | None = None,
) -> Deployment:
    """Make or update the stack, deploy the projector, start the pipe if it was stopped, and wait for it. Idempotent.

    Args:
        cloud: where.
        stack_name: the stack.
        parameters: of the template; those not given keep their value, or the template's default.
        tell: shown a line for every step.
        made_by: noted on a stack that is made now; `down` can be told to spare what somebody else made.
        retain: what holds data stays when the stack is deleted; None: as it was, and a new one is deleted whole.
    """
    keep_days = stack.days_in_quarantine(cloud, stack_name, parameters)
    if cloud.is_dry:
        return _plan_up(cloud, stack_name, parameters or {}, tell, made_by, retain)
    kept = sent_folder(cloud, stack_name) / "old_quarantine.jsonl"
    if stack.describe(cloud, stack_name):
        takeover.begin(cloud, stack_name, kept, tell)
    else:
        _forget_what_was_sent(cloud, stack_name)  # to a stack of the same name that is no more
    stack.provision(cloud, stack_name, parameters, tell, made_by, retain=retain)
    stack.deploy(cloud, stack_name, parameters, tell)
    takeover.finish(cloud, stack_name, kept, keep_days)
    found = find(cloud, stack_name)
    if pausing.is_stopped(cloud, found.outputs["PipeName"]):
        with lease.held(cloud, found.outputs, "rebuild"):  # who switches tables needs the pipe stopped
            tell("the pipe was stopped; starting it")
            pausing.start(cloud, found.outputs["PipeName"])
    stack.wait_until_running(cloud, stack_name)
    if observability.is_watched(cloud, stack_name):
        observability.watch(cloud, stack_name, {}, tell)  # what it watches may have been replaced
    return found


def _plan_up(
    cloud: Cloud, stack_name: str, parameters: stack.Parameters, tell: Tell, made_by: str, retain: bool | None
) -> Deployment:
    stack.plan(cloud, stack_name, parameters, made_by, tell, retain)
    outputs = stack.outputs(cloud, stack_name) if stack.describe(cloud, stack_name) else {}
    if "QuarantineQueueUrl" in outputs:
        tell("would move what lies in the quarantine queue of the version before into the quarantine table")
    if "PipeName" in outputs and pausing.is_stopped(cloud, outputs["PipeName"]):
        pausing.start(cloud, outputs["PipeName"])
    if observability.is_watched(cloud, stack_name):
        observability.watch(cloud, stack_name, {}, tell)
    return Deployment(cloud, stack_name, outputs)


def find(cloud: Cloud, stack_name: str) -> Deployment:
    """Return the deployment of that name, which must be there."""
    return Deployment(cloud, stack_name, stack.deployed(cloud, stack_name))


def must_not_be_there(cloud_name: str, stack_name: str, account_id: str | None = None) -> None:
    """Refuse a name that is taken, for work that will take down the stack of that name in the end."""
    cloud = clouds.join_if_running(cloud_name, account_id)
    if cloud and stack.describe(cloud, stack_name):
        raise UserError(
            f"there is a stack named {stack_name} on {cloud.name} already, and what was not made for this run would be "
            "deleted with it. Give another stack name, or, if nobody needs what is in it: "
            f"{clouds.command('down', cloud.name, stack_name)}"
        )


def down(cloud: Cloud, stack_name: str, tell: Tell = _silent, only_made_by: str | None = None, keep: str = "") -> None:
    """Delete the stack with what watches it, and forget what was sent to it. One that is not there is down already.

    Objects of its artifact bucket whose names begin with `keep` stay, and so does the bucket.

    Raises:
        UserError: the stack was made by somebody else than `only_made_by`; nothing was touched.
    """
    there = stack.describe(cloud, stack_name)
    if there and only_made_by and (maker := stack.made_by(there)) != only_made_by:
        raise UserError(
            f"the stack {stack_name} was made by {maker or 'somebody else'}, not by {only_made_by}, so it stays. "
            f"If nobody needs what is in it: {clouds.command('down', cloud.name, stack_name)}"
        )
    observability.delete(cloud, stack_name, tell)
    stack.delete(cloud, stack_name, tell, keep)
    spare_tables.delete(cloud, list(spare_tables.names(cloud, stack_name)))
    if not cloud.is_dry:
        _forget_what_was_sent(cloud, stack_name)
        if there:
            _say_what_is_left(cloud, stack_name, tell, is_retained(there), keep)


def is_retained(described: dict[str, Any] | None) -> bool:
    """Say whether what holds a stack's data stays when it is deleted."""
    return ownership.tag(described, ownership.RETAIN) == "yes"


def _say_what_is_left(cloud: Cloud, stack_name: str, tell: Tell, is_retained: bool, keep: str) -> None:
    """Look by the tag whether the deletion has left anything that was not meant to stay.

    Raises:
        UserError: it has.
    """
    known = len(ownership.RETAINED) if is_retained else 1 if keep else 0
    left = ownership.left_of(cloud, names_of(stack_name), known)
    if left is None:
        tell("whether anything is left was not looked up: that needs the right tag:GetResources")
    elif len(left) > known:
        raise UserError(
            f"the stack {stack_name} is deleted, and this still has its tag: {', '.join(left)}. AWS may go on listing "
            "what is gone for some minutes: if it is not there any more, all is well"
        )
    elif left:
        tell(f"stays, and is yours to delete: {', '.join(left)}")
    else:
        tell(f"nothing with the tag {ownership.STACK}={stack_name} is left")
    if cloud.is_billed:
        tell("DynamoDB keeps a system backup of a deleted table with point-in-time recovery for 35 days, at no cost")


def names_of(stack_name: str) -> set[str]:
    """Return the names of all stacks that belong to a deployment."""
    return {stack_name, observability.name_of(stack_name)}


def stop_if_empty(cloud: Cloud) -> bool:
    """Stop a cloud that runs for this project alone, unless a stack is left in it; say whether it was stopped."""
    if not cloud.can_stop or cloud.is_dry or stack.names(cloud):
        return False
    clouds.stop(cloud.name)
    return True


def sent_folder(cloud: Cloud, stack_name: str) -> Path:
    """Return the folder of all that is noted about what was sent to a stack."""
    return clouds.sent_folder(cloud.name) / stack_name


def _forget_what_was_sent(cloud: Cloud, stack_name: str) -> None:
    shutil.rmtree(sent_folder(cloud, stack_name), ignore_errors=True)
