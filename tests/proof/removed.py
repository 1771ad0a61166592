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
    bug("nothing remembered", "projection", ("    memory.remember(identity, sequence_number)\n", "")),
    bug("last_sequence_number not raised", "projection", ("    level.last_sequence_number = sequence_number\n", "")),
    bug(
        "nothing quarantined",
        "store",
        ("            self.quarantine((entries[i][0], results[i]) for i in refused)\n", ""),
    ),
    bug(
        "written though nothing changed",
        "store",
        ("if nothing_changed or (lost", "if (lost"),
    ),
    bug(
        "one attempt at a product only",
        "store",
        ("        for _ in range(MOST_ATTEMPTS):\n            after", "        for _ in range(1):\n            after"),
    ),
    bug(
        "no end to the attempts fails nobody",
        "store",
        (
            'raise ContentionError(f"{level.product_id} was overwritten {MOST_ATTEMPTS} times in a row")',
            "return results",
        ),
    ),
    bug(
        "no end to unread keys fails nobody", "store", ("                raise ThrottledError(", "                str(")
    ),
    bug(
        "the winner not asked for",
        "store",
        ('ReturnValuesOnConditionCheckFailure="ALL_OLD",', 'ReturnValuesOnConditionCheckFailure="NONE",'),
    ),
    bug(
        "the memory is not stored",
        "store",
        ('"recent_events": {"B": level.memory.to_bytes()}', '"recent_events": {"B": b""}'),
    ),
    bug("a memory of sixteen", "memory", ("CAPACITY = 32", "CAPACITY = 16")),
    bug(
        "zeros before a place forgotten",
        "store",
        ('.zfill(len(written) if written.startswith("0") else 0)', ""),
    ),
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
        "one level for all that is read",
        "store",
        ("for _ in range(MOST_ATTEMPTS):\n                answer", "for _ in range(1):\n                answer"),
    ),
    bug(
        "a failed read fails only the poison",
        "batch",
        (
            "        levels = store.read(by_product)\n",
            "        levels = store.read(by_product)\n        levels.pop(next(iter(levels), None), None)\n",
        ),
    ),
]

# What cannot be caught, because it changes nothing that anybody could see.
EQUIVALENT = {
    "redelivery check off by one (< for <=)": "the newest entry of the memory is the record at `last_sequence_number`: "
    "it is then taken for a re-send of itself, refreshed to where it is, and a duplicate all the same",
}
