"""The verbs for what went wrong: `quarantine`, for what was refused; `redrive`, for what the pipe gave up; `fault`."""

import base64
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import click

from pipeline import cloud as clouds
from pipeline.arguments import DONE, DRY_RUN, FAILED, Call, tell, verb
from pipeline.errors import WrongUsageError
from pipeline.recovery import plan
from pipeline.safe_text import visible

MOST_DIFFERENCES = 20  # that are printed for people
STATES = ("open", "re_sending", "re_sent", "dismissed")


class Quarantine(click.Group):
    """Lists, unless it is told to do something else."""

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        """Take `quarantine --reason not_json` as `quarantine list --reason not_json`."""
        lists = not args or (args[0].startswith("-") and args[0] != "--help")
        return super().parse_args(context, ["list", *args] if lists else args)


@click.group("quarantine", cls=Quarantine)
def quarantine() -> None:
    """List what was refused; show one record, send it again, or dismiss it.

    Without a command, `quarantine` lists, with the options of `quarantine list`.
    """


@verb("list")
@click.option("--reason", help="only what was refused for this reason")
@click.option("--product", help="only records of this product")
@click.option("--state", type=click.Choice(STATES), help="only what is in this state")
def listing(call: Call, reason: str | None, product: str | None, state: str | None) -> None:
    """List what was refused, in no order, without the records themselves."""
    from pipeline.reading import quarantine as reading

    there = call.find()
    found = reading.listing(there.cloud, there.outputs["QuarantineTableName"], reason, product, state)
    call.show(list(found) if call.as_json else None, _lines(found))


@verb("show")
@click.argument("record_id", metavar="ID")
def show(call: Call, record_id: str) -> None:
    """Show one record with its bytes; what a terminal would act on is written out."""
    from pipeline.reading import quarantine as reading

    there = call.find()
    item = reading.item_of(there.cloud, there.outputs["QuarantineTableName"], record_id)
    data = item.pop("data")
    text = [f"{name:<16} {value}" for name, value in sorted(item.items()) if name != "event"]
    text.append(f"{'data':<16} {len(data)} bytes{', the first of them' if item.get('truncated') else ''}:")
    shown = visible(data.decode(errors="backslashreplace"))
    call.show(item | {"data_base64": base64.b64encode(data).decode()}, [*text, shown])


@verb("resend")
@click.argument("record_ids", metavar="ID...", nargs=-1, required=True)
@click.option("--file", type=click.Path(path_type=Path), help="a corrected event to send in the place of one record")
def resend(call: Call, record_ids: tuple[str, ...], file: Path | None) -> None:
    """Send records again, as they are or one of them corrected, through the stream, each under an event_id.

    An event without an event_id is given one that is made from the record's ID: sent twice, it counts once.
    """
    from pipeline.recovery import resend as resending

    if file and len(record_ids) > 1:
        raise WrongUsageError("--file corrects one record: name one ID with it")
    there, sent = call.find(), []
    corrected = file.read_bytes() if file else None
    prepared = [resending.prepare(there.cloud, there.outputs, record_id, corrected) for record_id in record_ids]
    try:
        for each in prepared:
            sent.append(resending.resend(there.cloud, there.outputs, each))
    finally:
        call.show([asdict(each) for each in sent], [
            f"{each.record_id}: sent as event_id {each.event_id} ({each.because}), "
            f"record {each.shard_id}:{each.sequence_number}"
            for each in sent
        ])  # fmt: skip


@verb("dismiss")
@click.argument("record_ids", metavar="ID...", nargs=-1, required=True)
@click.option("--note", required=True, help="why it is not to be applied")
def dismiss(call: Call, record_ids: tuple[str, ...], note: str) -> None:
    """Decide that records are not to be applied."""
    from pipeline.recovery import resend as resending

    there = call.find()
    done: list[dict[str, str]] = []
    try:
        for record_id in record_ids:
            resending.dismiss(there.cloud, there.outputs, record_id, note)
            done.append({"record_id": record_id, "state": "dismissed", "note": note})
    finally:
        call.show(done, [f"{each['record_id']}: dismissed" for each in done])


@verb("redrive")
@DRY_RUN
def redrive(call: Call, dry_run: bool) -> int:
    """Bring back what the pipe gave up: each record that a dead letter names comes to one outcome.

    What never took effect is sent again, at the end of the log, unless later events of its product stand in the way.
    What is not certain is left to a person. It may be interrupted, and run again.
    """
    from pipeline.recovery import redrive as redriving

    there = call.find()
    done = redriving.redrive(there.cloud, there.outputs, tell, dry_run)
    call.show(plan.facts(done), plan.lines(done, dry_run))
    return FAILED if done.jumps else DONE


@verb("rebuild")
@click.option("--switch", is_flag=True, help="let the stack use the new table; the pipe rests meanwhile")
@click.option("--discard", is_flag=True, help="only delete what was rebuilt and is not in use")
@DRY_RUN
def rebuild(call: Call, switch: bool, discard: bool, dry_run: bool) -> int:
    """Fold snapshot and stream into a new table, and compare it with the live one, which is only read.

    The new table stays for a look, until `rebuild --discard` or `down` deletes it.
    """
    from pipeline.recovery import rebuild as rebuilding

    if switch and discard:
        raise WrongUsageError("--switch makes a table, --discard deletes them: choose one")
    there = call.find()
    if discard:
        deleted = rebuilding.discard(replace(there, cloud=there.cloud.dry(tell)) if dry_run else there)
        call.show({"deleted": deleted}, [f"deleted: {', '.join(deleted) or 'nothing was there'}"])
        return DONE
    rebuilt = rebuilding.rebuild(there, tell, switch, dry_run)
    text = [f"{rebuilt.table}: {rebuilt.products} products, {len(rebuilt.differences)} differences"]
    call.show(asdict(rebuilt), text + [f"  {sentence}" for sentence in rebuilt.differences[:MOST_DIFFERENCES]])
    return FAILED if rebuilt.differences and not switch else DONE


@click.group("fault")
def fault() -> None:
    """Break the local cloud on purpose, by name and for a time; `fault clear` ends it, and so does `down`."""


@verb("inject")
@click.argument("name")
@click.option(
    "--percent",
    type=click.IntRange(1, 100),
    default=100,
    show_default=True,
    help="of what it can strike; the first always",
)
@click.option("--seconds", type=click.IntRange(1, 43_200), default=60, show_default=True, help="then it ends by itself")
@click.option("--operation", "operations", multiple=True, help="strike this one only  [default: all that it can]")
def inject(call: Call, name: str, percent: int, seconds: int, operations: tuple[str, ...]) -> None:
    """Put the fault of that NAME in force; `fault list` says which there are."""
    local = _breakable(call)
    local.inject(name, percent, seconds, operations)
    _show_faults(call, local)


@verb("list")
def fault_list(call: Call) -> None:
    """List the faults that there are, and which are in force."""
    _show_faults(call, _breakable(call))


@verb("clear")
def fault_clear(call: Call) -> None:
    """End all faults."""
    local = _breakable(call)
    local.clear_faults()
    _show_faults(call, local)


def _breakable(call: Call) -> Any:
    return clouds.join(call.cloud_name, call.account_id, call.stack_name).breakable()


def _show_faults(call: Call, local: Any) -> None:
    in_force = {each.name: each for each in local.faults()}
    kinds = local.kinds_of_faults().items()
    text = [f"{name:<52} {_in_force(in_force.get(name)):<20} {does}" for name, does in kinds]
    call.show([asdict(each) for each in in_force.values()], text)


def _in_force(each: Any) -> str:
    return f"{each.percent} %, {each.until - time.time():.0f} s more" if each else "-"


for command in (inject, fault_list, fault_clear):
    fault.add_command(command)
for command in (listing, show, resend, dismiss):
    quarantine.add_command(command)


def _lines(items: Any) -> Any:
    """Write the list for people, as its pages come."""
    count = 0
    for item in items:
        count += 1
        verdict = f"{item['state']:<10}  {item['reason']:<20}"
        yield f"{verdict}  {item['record_id']}  {item['partition_key']}  {item['detail']}"
    yield f"{count} record{'' if count == 1 else 's'}"
