"""The verbs that say whether it is right: `audit`, `snapshot`, `history`."""

from dataclasses import asdict

import click

from pipeline.arguments import DONE, FAILED, Call, tell, verb

MOST_DISCREPANCIES = 20  # that are printed for people


@verb("audit")
@click.option("--now", is_flag=True, help="do not wait for the pipe; what it may still have counts as pending")
def audit(call: Call, now: bool) -> int:
    """Compare table and quarantine with an independent fold of the stream.

    Waits until all that is on the stream by now has its outcome; what keeps coming does not matter. Starts from the
    newest snapshot, or from the beginning. Only reads.
    """
    from pipeline.consistency import audit as audits

    there = call.find()
    result = audits.audit(there.cloud, there.outputs, tell, wait=not now)
    call.show(asdict(result), _lines(asdict(result)))
    return FAILED if result.discrepancies else DONE


@verb("snapshot")
def snapshot(call: Call) -> int:
    """Audit, and if nothing is wrong write a snapshot, from which the next audit starts.

    The stream forgets what is older than its retention: an audit holds for as long as a snapshot is taken within each.
    """
    from pipeline.consistency import audit as audits

    there = call.find()
    name, examined = audits.take_snapshot(there.cloud, there.outputs, tell)
    if not name:
        for sentence in examined.result.discrepancies[:MOST_DISCREPANCIES]:
            tell(f"  {sentence}")
        tell(f"no snapshot: {len(examined.result.discrepancies)} discrepancies, see inventory audit")
        return FAILED
    products, positions = len(examined.state.products), examined.state.positions
    facts = {shard_id: position.sequence_number for shard_id, position in sorted(positions.items())}
    text = [f"{name}: {products} products at their places, {len(positions)} shards"]
    call.show({"snapshot": name, "products": products, "positions": facts}, text)
    return DONE


@verb("history")
@click.argument("product")
@click.option("--at", "moment", help="the stock as it was at a TIME (2026-05-01T12:00:00Z) or at a SEQUENCE_NUMBER")
def history(call: Call, product: str, moment: str | None) -> int:
    """Print every record of one PRODUCT in order, with its outcome and the stock after it."""
    from pipeline.consistency import history as histories

    there = call.find()
    told = histories.history(there.cloud, there.outputs, product)
    entries, nothing = told.entries, f"there is no record of {product}"
    if moment:
        entry = histories.at(told, moment)
        entries, nothing = [entry] if entry else [], f"{nothing} up to {moment}"
    call.show([asdict(entry) for entry in entries], histories.lines(entries) or [nothing])
    for sentence in told.discrepancies:
        tell(f"the table disagrees: {sentence}")
    return FAILED if told.discrepancies else DONE


def _lines(facts: dict) -> list[str]:
    """Write an audit's result for people."""
    refused = ", ".join(f"{count} {reason}" for reason, count in facts["quarantined"].items()) or "none"
    wrong = facts["discrepancies"]
    text = [
        f"records      {facts['records']:>8}  (from {facts['from_snapshot'] or 'the beginning'})",
        f"applied      {facts['applied']:>8}",
        f"duplicates   {facts['duplicates']:>8}",
        f"quarantined  {sum(facts['quarantined'].values()):>8}  ({refused})",
        f"pending      {facts['pending']:>8}",
        f"given up     {facts['given_up']:>8}",
        f"left out     {facts['left_out']:>8}  (never took effect at their places)",
        f"products     {facts['products']:>8}",
        f"discrepancies{len(wrong):>8}",
        *(f"  {sentence}" for sentence in wrong[:MOST_DISCREPANCIES]),
    ]
    if len(wrong) > MOST_DISCREPANCIES:
        text.append(f"  ... and {len(wrong) - MOST_DISCREPANCIES} more: see --json")
    return text
