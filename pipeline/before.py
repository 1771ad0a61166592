"""Before anything is changed: what `up` will make and cost, asked first; what `up` and `down` would do, told only."""

import sys

import click

from pipeline import cloud as clouds
from pipeline.arguments import Call, tell
from pipeline.cloud import Cloud
from pipeline.errors import UserError, WrongUsageError
from pipeline.paths import TEMPLATE
from pipeline.provisioning import deployment, stack
from pipeline.provisioning.parameters import in_force
from pipeline.provisioning.template import Template

Parameters = dict[str, str]


def agree(cloud: Cloud, stack_name: str, parameters: Parameters, yes: bool) -> None:
    """Say what will be made and what it costs, and go on if that is agreed to; where nothing is billed, just go on.

    Args:
        cloud: where.
        stack_name: the stack.
        parameters: those that are given.
        yes: it was agreed to on the command line.

    Raises:
        WrongUsageError: there is nobody to ask.
        UserError: somebody said no.
    """
    if not cloud.is_billed:
        return
    stack.days_in_quarantine(cloud, stack_name, parameters)
    for line in announcement(cloud, stack_name, parameters):
        tell(line)
    if yes:
        return
    if not sys.stdin.isatty():
        raise WrongUsageError(f"`up` on {cloud.name} costs money, and there is no terminal to ask at: add --yes")
    if not click.confirm("Go on?", err=True):
        raise UserError("nothing was made")


def announcement(cloud: Cloud, stack_name: str, parameters: Parameters) -> list[str]:
    """Write what will be made or updated, and about what it costs."""
    from pipeline.scale import estimate

    there = stack.describe(cloud, stack_name)
    resources = Template.read(TEMPLATE).type_of
    made = [f"  {name:<18} {type_}" for name, type_ in resources.items()]
    head = f"{'updates' if there else 'makes'} the stack {stack_name} in {cloud.region} on {cloud.name}:"
    values = in_force(parameters, (there or {}).get("Parameters", []))
    return [
        f"This {head}",
        *made,
        *estimate.lines(values),
        "`inventory down` deletes it, but for what --retain leaves",
    ]


def plan_up(call: Call, parameters: Parameters, retain: bool | None) -> None:
    """Tell every call with which `up` would change something, and make none."""
    cloud = clouds.join_if_running(call.cloud_name, call.account_id)
    if cloud is None:
        raise UserError("no local cloud is running here: `up` would start one and make everything in it, at no cost")
    told: list[str] = []
    dry = cloud.dry(told.append)
    if cloud.is_billed:
        told += announcement(dry, call.stack_name, parameters)
    deployment.up(dry, call.stack_name, parameters, told.append, retain=retain)
    _show(call, told)


def plan_down(call: Call, everything: bool, keep: str) -> None:
    """Tell every call with which `down` would change something, and make none."""
    cloud = clouds.join_if_running(call.cloud_name, call.account_id)
    if everything or cloud is None:
        return _show(call, ["would stop the local cloud, with every stack in it"] if cloud else [])
    if not stack.describe(cloud, call.stack_name):
        raise UserError(f"there is no stack named {call.stack_name} on {cloud.name}")
    told: list[str] = []
    deployment.down(cloud.dry(told.append), call.stack_name, told.append, keep=keep)
    if cloud.can_stop and not keep and set(stack.names(cloud)) <= deployment.names_of(call.stack_name):
        told.append("would stop the local cloud: no other stack is in it")
    return _show(call, told)


def _show(call: Call, told: list[str]) -> None:
    call.show({"planned": told}, [*told, "nothing was changed"])
