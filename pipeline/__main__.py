"""The command line: `inventory VERB`, or `python -m pipeline VERB`. What a verb needs is imported when it is called."""

import os
import sys
from collections.abc import Sequence

import click

from pipeline import before
from pipeline import cloud as clouds
from pipeline.arguments import DONE, DRY_RUN, FAILED, Call, pairs, run, tell, verb
from pipeline.consistency import commands as consistency
from pipeline.errors import UserError, WrongUsageError
from pipeline.paths import OBSERVABILITY
from pipeline.provisioning import deployment, observability, stack
from pipeline.provisioning.parameters import checked
from pipeline.recovery import commands as recovery
from pipeline.stories import producer

PARAMETERS = click.option("--parameter", "parameters", multiple=True, callback=pairs, metavar="NAME=VALUE")


class Verbs(click.Group):
    """The verbs, in the order in which they are added."""

    def list_commands(self, context: click.Context) -> list[str]:
        """List them as they are used one after the other, not by the alphabet."""
        return list(self.commands)


@verb("up")
@click.option("--port", type=click.IntRange(1, 65535), help="the local cloud's port  [default: any free one]")
@PARAMETERS
@click.option(
    "--retain/--no-retain", default=None, help="`down` leaves stream, tables and bucket  [default: as it was]"
)
@click.option("--yes", is_flag=True, help="do not ask before money is spent")
@DRY_RUN
def up(call: Call, port: int | None, parameters: dict[str, str], retain: bool | None, yes: bool, dry_run: bool) -> None:
    """Start (or join) the cloud, deploy stack and Lambda, wait until the pipe runs."""
    checked(parameters)
    if dry_run:
        return before.plan_up(call, parameters, retain)
    cloud = clouds.start(call.cloud_name, call.account_id, port)
    before.agree(cloud, call.stack_name, parameters, yes)
    outputs = deployment.up(cloud, call.stack_name, parameters, tell, retain=retain).outputs
    facts = {
        "cloud": cloud.name,
        "endpoint_url": cloud.endpoint_url,
        "region": cloud.region,
        "stack_name": call.stack_name,
        "outputs": outputs,
        "env": cloud.env,
    }
    text = [f"The pipeline runs: stack {call.stack_name} on {cloud.name}. To reach it with any AWS client:"]
    text += [f"  export {name}={value}" for name, value in cloud.env.items()]
    return call.show(facts, text + [f"  {name:<20} {value}" for name, value in outputs.items()])


@verb("stock")
@click.option("--all", "include_removed", is_flag=True, help="also products that were removed")
def stock(call: Call, include_removed: bool) -> None:
    """Print what is in stock."""
    from pipeline.reading import frames

    there = call.find()
    frame = frames.stock(there.cloud, there.outputs["StockTableName"], include_removed)
    call.show(frame.to_dict("records"), frames.lines(frame))


@verb("status")
def status(call: Call) -> None:
    """Show how the pipeline is: pipe, shards, retries, dead letters, last error."""
    from pipeline.reading import status as state

    facts = state.read(call.find())
    call.show(facts, state.lines(facts))


@verb("watch")
@click.option("--topic", metavar="ARN", help="the SNS topic that alarms tell  [default: none, or the one it has]")
@PARAMETERS
def watch(call: Call, topic: str | None, parameters: dict[str, str]) -> None:
    """Put alarms and a dashboard beside the pipeline (or update them), and say how the alarms stand."""
    given = parameters | ({} if topic is None else {"AlarmTopicArn": topic})
    checked(given, OBSERVABILITY)
    there = call.find()
    outputs = observability.watch(there.cloud, there.stack_name, given, tell)
    name, alarms = observability.name_of(there.stack_name), observability.alarms(there.cloud, there.stack_name)
    text = [f"{alarm['alarm']:<20} {alarm['state']:<18} {alarm['reason']}" for alarm in alarms]
    dashboard = outputs["DashboardName"]
    facts = {"stack_name": name, "dashboard": dashboard, "alarms": alarms}
    call.show(facts, [*text, f"dashboard: {dashboard}"])


@verb("logs")
@click.option("--follow", is_flag=True, help="and go on with what comes, until Ctrl-C")
def logs(call: Call, follow: bool) -> None:
    """Print what pipe and projector wrote in the last quarter of an hour."""
    from pipeline.reading import logs as written

    there = call.find()
    kept: list[str] = []
    write = kept.append if call.as_json else lambda line: call.show(None, [line])
    try:
        written.show(there.cloud, there.outputs, follow, write)
    finally:
        if call.as_json:
            call.show(kept, [])


@verb("report", default_stack=None, default_cloud=None)
@PARAMETERS
def report(call: Call, parameters: dict[str, str]) -> int:
    """Run the notebooks end to end and render the HTML and the PDF report.

    The defaults are those of the notebooks.
    """
    from pipeline.report import make_report

    if call.account_id:
        os.environ["INVENTORY_AWS_ACCOUNT_ID"] = call.account_id  # the notebooks' kernels read it
    given = {"cloud": call.cloud_name, "stack_name": call.stack_name} | parameters
    result = make_report({name: value for name, value in given.items() if value is not None})
    facts = {"html": str(result.html), "pdf": str(result.pdf), "notebooks": result.notebooks}
    call.show(facts, [str(result.html), str(result.pdf)])
    for failure in result.failures:
        tell(f"failed: {failure}")
    return FAILED if result.failures else DONE


@verb("down")
@click.option("--all", "everything", is_flag=True, help="stop the local cloud, with every stack in it")
@click.option("--keep-snapshots", is_flag=True, help="leave the snapshots, in their bucket; a local cloud goes on")
@DRY_RUN
def down(call: Call, everything: bool, keep_snapshots: bool, dry_run: bool) -> None:
    """Delete the stack, with its snapshots; the local cloud stops when no other stack is left in it."""
    if everything and keep_snapshots:
        raise WrongUsageError("--all stops the local cloud, and no snapshot stays: name one of --all, --keep-snapshots")
    from pipeline.consistency.snapshots import FOLDER

    keep = FOLDER if keep_snapshots else ""
    if dry_run:
        return before.plan_down(call, everything, keep)
    cloud = None if everything else clouds.join_if_running(call.cloud_name, call.account_id)
    if cloud is None:
        clouds.stop(call.cloud_name)
    elif there := stack.describe(cloud, call.stack_name):
        deployment.down(cloud, call.stack_name, tell, keep=keep)
        if not (keep_snapshots or deployment.is_retained(there)):
            deployment.stop_if_empty(cloud)
    elif not deployment.stop_if_empty(cloud):
        others = f"; there is {', '.join(stack.names(cloud))}" if cloud.can_stop else ""
        raise UserError(f"there is no stack named {call.stack_name} on {cloud.name}{others}. Nothing was touched")
    return call.show({"deleted": True}, [])


main_command = Verbs("inventory", help="A real-time inventory pipeline: run it, feed it, check it.")
CONSISTENCY = (consistency.audit, consistency.snapshot, consistency.history)
RECOVERY = (recovery.quarantine, recovery.redrive, recovery.rebuild, recovery.fault)
for command in (up, producer.command, stock, *CONSISTENCY, *RECOVERY, status, watch, logs, report, down):
    main_command.add_command(command)


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out one verb and return the exit status."""
    return run(main_command, "inventory", sys.argv[1:] if arguments is None else arguments)


if __name__ == "__main__":
    sys.exit(main())
