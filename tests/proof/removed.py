"""Guards taken out: each condition of store, projection and memory, removed or shifted alone, each to be caught."""

from tests.proof.planted import bug

REMOVED = [
    bug(
        "already_active not refused",
        "projection",
        ("case ProductAdded() if level.is_active:", "case ProductAdded() if False:"),
    ),
    bug("not_active not refused", "projection", ("case _ if not level.is_active:", "case _ if False:")),
    bug(
        "quantity_overflow not refused",
        "projection",
        (
            "case QuantityIncremented(product=change) if stock + change.quantity > MOST_STOCK:",
            "case QuantityIncremented(product=change) if False:",
        ),
    ),
    bug("insufficient_stock not refused", "projection", ("if change.quantity > stock:", "if False:")),
    bug("insufficient_stock off by one", "projection", ("if change.quantity > stock:", "if change.quantity >= stock:")),
    bug(
        "quantity_overflow off by one",
        "projection",
        ("stock + change.quantity > MOST_STOCK", "stock + change.quantity >= MOST_STOCK"),
    ),
    bug(
        "identity not asked on redelivery",
        "projection",
        (
            "if identity in memory or sequence_number <= memory.remembers_after:",
            "if sequence_number <= memory.remembers_after:",
        ),
    ),
    bug(
        "remembers_after not asked on redelivery",
        "projection",
        ("if identity in memory or sequence_number <= memory.remembers_after:", "if identity in memory:"),
    ),
    bug(
        "remembers_after off by one",
        "projection",
        ("sequence_number <= memory.remembers_after", "sequence_number < memory.remembers_after"),
    ),
    bug(
        "a refusal changes the level",
        "projection",
        (
            "if isinstance(change, Refusal):\n",
            "if isinstance(change, Refusal):\n            level.last_sequence_number = sequence_number\n",
        ),
    ),
    bug("version not raised", "projection", ("        level.version += 1\n", "")),
    bug("updated_at not kept", "projection", ("        level.updated_at = event.product.timestamp\n", "")),
    bug(
        "something else remembered",
        "projection",
        ("    memory.remember(identity, sequence_number)\n", "    memory.remember(identity[::-1], sequence_number)\n"),
    ),
    bug("last_sequence_number not raised", "projection", ("    level.last_sequence_number = sequence_number\n", "")),
    bug("a memory of sixteen", "memory", ("CAPACITY = 32", "CAPACITY = 16")),
    bug("nothing is forgotten", "memory", ("if len(self._place_of) > CAPACITY:", "if False:")),
    bug(
        "one entry less is remembered",
        "memory",
        ("if len(self._place_of) > CAPACITY:", "if len(self._place_of) >= CAPACITY:"),
    ),
    bug("the gaps are lost in the packing", "memory", ("            place -= int.from_bytes(packed[gap_at:at])\n", "")),
    bug(
        "the memory is read in reverse",
        "memory",
        (
            "return cls(dict(reversed(newest_first)), remembers_after)",
            "return cls(dict(newest_first), remembers_after)",
        ),
    ),
    bug(
        "nothing quarantined",
        "batch",
        (
            "        self._put_into_quarantine(folds)  # before the state: a crash leaves an item, never a gap\n",
            "",
        ),
    ),
    bug(
        "written though nothing changed",
        "batch",
        (
            "self._write([folded for folded in folds if folded.is_changed])",
            "self._write(folds)",
        ),
        ("            if not folded.is_changed:\n                self._settle(folded)\n", "            pass\n"),
    ),
    bug("one lost guard is one too many", "batch", ("MOST_LOST_GUARDS = 10", "MOST_LOST_GUARDS = 1")),
    bug(
        "no end to lost guards fails nobody",
        "batch",
        (
            'self._fail(product, ContentionError(f"{product.product_id} was overwritten {times}"))',
            "del self.products[product.product_id]",
        ),
    ),
    bug(
        "no time to wait fails nobody",
        "batch",
        (
            "                self._fail(product, product.waits_for)",
            "                del self.products[product.product_id]",
        ),
    ),
    bug(
        "poison that waits is dropped when there is no time left",
        "batch",
        (
            "        self.result.fail((record for record, _ in self.poison), self.poison_waits_for)\n",
            "",
        ),
    ),
    bug(
        "the memory is not stored",
        "item",
        ('"recent_events": {"B": level.memory.to_bytes()}', '"recent_events": {"B": b""}'),
    ),
    bug("zeros before a place forgotten", "item", ('.zfill(len(written) if written.startswith("0") else 0)', "")),
    bug(
        "a read that failed taken for products never seen",
        "store",
        (
            "return dict.fromkeys(product_ids, as_throttled(error))",
            "return {each: StockLevel(each) for each in product_ids}",
        ),
    ),
    bug(
        "a throttled request counts as failed",
        "statements",
        ("    if isinstance(error, ClientError) and", "    if False and"),
    ),
    bug(
        "what is left of a product is not looked at again",
        "batch",
        ("        if not product.entries:\n", "        if True:\n"),
    ),
    bug(
        "a key already there is no reason to read again", "store", ("(Verdict.LOST, Verdict.THERE)", "(Verdict.LOST,)")
    ),
    bug(
        "an item with nothing in it that fits passes for ours",
        "item",
        (
            "(KeyError, IndexError, TypeError, ValueError)",
            "(IndexError, TypeError, ValueError)",
        ),
    ),
]

# What cannot be caught, because it changes nothing that anybody could see.
EQUIVALENT = {
    "redelivery check off by one (< for <=)": "the newest entry of the memory is the record at `last_sequence_number`: "
    "it is then taken for a re-send of itself, refreshed to where it is, and a duplicate all the same",
    "the winner not asked for (ALL_OLD)": "an answer without an item is read again: a request more, the same outcome; "
    "a test of the handler counts the requests",
}
