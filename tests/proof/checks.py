"""What the ledger of a world is held to: at any moment, and when everything is drained."""

from typing import Any

from pipeline.consistency import invariants
from tests.proof.items import ViolationError, conserved, hold, stock_of
from tests.proof.reference import APPLIED, DUPLICATE, Level, LoggedRecord, replay
from tests.proof.world import World


def check_levels(world: World) -> None:
    """Whatever the moment: `version` counts the events applied, and no unit came from or went nowhere."""
    by_product: dict[str, list[LoggedRecord]] = {product: [] for product in world.history}
    for key in world.applied:
        by_product[world.log[key].product].append(world.log[key])
    seen = {product: stock_of(world.stock.item(product)) for product in world.history}
    hold(invariants.stock_is_never_negative(seen))
    hold(invariants.version_counts_what_was_applied({p: len(all) for p, all in by_product.items()}, seen))
    for product, applied in by_product.items():
        world.check_item(world.stock.item(product) or {}, world.level(product))
        if seen[product]["quantity"] != conserved(applied):
            raise ViolationError(f"{product}: {seen[product]}, though what was applied leaves {conserved(applied)}")


def check_drained(world: World, in_order: bool) -> None:
    """Every record has its outcome. If the pipe kept order, it is the one that a replay from empty gives."""
    check_levels(world)
    log = sorted(world.log.values(), key=lambda record: record.sequence_number)
    levels, verdicts = replay(log, world.remembered, world.most_stock)
    places = {record.key: (record.shard, record.written) for record in log}
    quarantined = {places[key]: reason for key, reason in world.quarantined.items()}
    both = world.applied & world.quarantined.keys()
    if not in_order and both <= world.retried:
        quarantined = {place: quarantined[place] for place in quarantined.keys() - {places[key] for key in both}}
    effective = {
        places[r.key]
        for r in log
        if r.key in world.applied or (r.key not in world.quarantined and world.took_effect(r))
    }
    hold(invariants.every_record_has_one_outcome(places.values(), effective, quarantined, {}))
    if in_order:
        due = {places[key]: verdict for key, verdict in verdicts.items() if verdict not in (APPLIED, DUPLICATE)}
        stocks = {product: stock_of(world.stock.item(product)) for product in world.history}
        hold(invariants.table_is_the_fold_of_the_log({p: _told(world, level) for p, level in levels.items()}, stocks))
        hold(invariants.first_verdict_is_the_logs(due, quarantined))
        if due.keys() != quarantined.keys():
            raise ViolationError(f"quarantined {quarantined}, where the replay refuses {due}")
        if levels != {product: history[-1] for product, history in world.history.items()}:
            raise ViolationError("the memory is not that of a replay of the log from empty")
        if world.applied != {key for key, verdict in verdicts.items() if verdict == APPLIED}:
            raise ViolationError("not the events were applied that the replay applies")


def _told(world: World, level: Level) -> dict[str, Any]:
    return {
        "product_name": level.product_name,
        "status": "active" if level.active else "removed",
        "quantity": level.quantity,
        "version": level.version,
        "updated_at": level.updated_at,
        "last_sequence_number": world.written[level.last],
    }
