"""Planted bugs: defects that somebody could write, each put into the real source in memory, each to be caught."""

from typing import NamedTuple

from tests.proof.deployed import Patches


class Bug(NamedTuple):
    """A defect, and the texts that it replaces (each of which must occur exactly once)."""

    name: str
    patches: Patches


def bug(name: str, module: str, *patches: tuple[str, str]) -> Bug:
    """Say a defect of one module."""
    return Bug(name, {module: patches})


BUGS = [
    bug("no redelivery check", "projection", ("if sequence_number <= level.last_sequence_number:", "if False:")),
    bug(
        "sequence numbers compared as strings",
        "projection",
        (
            "if sequence_number <= level.last_sequence_number:",
            "if str(sequence_number) <= str(level.last_sequence_number):",
        ),
    ),
    bug("no re-send memory", "projection", ("re_send = identity in memory", "re_send = False")),
    bug("guard dropped", "store", ("                **nobody_wrote_since_i_read,\n", "")),
    bug(
        "guard on the first write only",
        "store",
        (
            """                "ConditionExpression": "last_sequence_number = :read",
                "ExpressionAttributeValues": {":read": {"S": str(before.last_sequence_number)}},
""",
            "",
        ),
    ),
    bug(
        "first write unguarded",
        "store",
        ('else {"ConditionExpression": "attribute_not_exists(product_id)"}', "else {}"),
    ),
    bug(
        "state written before the quarantine",
        "store",
        ("            self.quarantine((entries[i][0], results[i]) for i in refused)\n", ""),
        (
            "if nothing_changed or (lost := self.write(level, after)) is None:\n",
            "if nothing_changed or (lost := self.write(level, after)) is None:\n"
            "                self.quarantine((entries[i][0], results[i]) for i in refused)\n",
        ),
    ),
    bug(
        "identity taken from the batch, not from the record",
        "projection",
        (
            "return after, [project(after, sequence_number, event) for sequence_number, event in events]",
            "events = list(events)\n"
            "    last = max((number for number, _ in events), default=0)\n"
            "    return after, [project(after, last, event) for _, event in events]",
        ),
    ),
    bug(
        "a failed product's later records applied",
        "batch",
        (
            "isolated(lambda: store.project(level, entries), [record for record, _ in entries])",
            "for entry in entries:\n"
            "            current = store.read([level.product_id])[level.product_id]\n"
            "            isolated(lambda e=entry, l=current: store.project(l, [e]), [entry[0]])",
        ),
    ),
    bug(
        "tombstone deleted at once",
        "store",
        ("expires_at=int(self.clock()) + self.tombstone_seconds", "expires_at=int(self.clock())"),
    ),
    bug(
        "quantity checked after, not before",
        "projection",
        ("change.quantity > stock:", "stock < 0:"),
    ),
    bug(
        "memory evicted in the wrong order",
        "memory",
        ("oldest = next(iter(self._place_of))", "oldest = list(self._place_of)[-2]"),
    ),
    bug(
        "the newest entry evicted",
        "memory",
        ("oldest = next(iter(self._place_of))", "oldest = next(reversed(self._place_of))"),
    ),
    bug(
        "an overtaken record taken for a duplicate",
        "projection",
        ("if identity in memory or sequence_number <= memory.remembers_after:", "if True:"),
    ),
    bug("a re-send does not refresh its entry", "memory", ("        self._place_of.pop(identity, None)\n", "")),
    bug(
        "a re-send does not raise last_sequence_number",
        "projection",
        (
            "    level.last_sequence_number = sequence_number\n    memory.remember(identity, sequence_number)\n",
            "    if not re_send:\n        level.last_sequence_number = sequence_number\n"
            "        memory.remember(identity, sequence_number)\n",
        ),
    ),
    bug(
        "a re-send counted in version",
        "projection",
        (
            "    level.last_sequence_number = sequence_number\n",
            "    level.last_sequence_number = sequence_number\n    level.version += re_send\n",
        ),
    ),
    bug(
        "remembers_after stays behind on eviction",
        "memory",
        ("self.remembers_after = self._place_of.pop(oldest)", "self._place_of.pop(oldest)"),
    ),
    bug(
        "remembers_after not stored",
        "store",
        (
            '"remembers_after": {"S": _as_wide_as(last, forgotten) if forgotten else ""},',
            '"remembers_after": {"S": ""},',
        ),
    ),
    bug(
        "a refused record folded again after a lost guard",
        "store",
        ("            undecided = [i for i in undecided if i not in refused]\n", ""),
    ),
    bug(
        "the winner of a lost guard ignored",
        "store",
        ("return Lost(from_item(item) if item else StockLevel(before.product_id))", "return Lost(before)"),
    ),
    bug(
        "a lost guard taken for success",
        "store",
        ("return Lost(from_item(item) if item else StockLevel(before.product_id))", "return None"),
    ),
    bug(
        "event ids and sequence numbers share their names",
        "memory",
        (
            'name = b"id:" + event_id.encode() if event_id else b"at:%d" % sequence_number',
            "name = (event_id or str(sequence_number)).encode()",
        ),
    ),
    bug(
        "sequence numbers as identity, event ids ignored",
        "memory",
        (
            'name = b"id:" + event_id.encode() if event_id else b"at:%d" % sequence_number',
            'name = b"at:%d" % sequence_number',
        ),
    ),
    bug(
        "reads that may be stale",
        "store",
        ('{"Keys": keys, "ConsistentRead": True}', '{"Keys": keys}'),
    ),
    bug(
        "unprocessed keys taken for products never seen",
        "store",
        (
            'keys = answer.get("UnprocessedKeys", {}).get(self.table_name, {}).get("Keys", [])',
            "keys = []",
        ),
    ),
    bug(
        "messages that SQS refused are forgotten",
        "quarantine",
        ('if answer.get("Failed"):', "if False:"),
    ),
    bug(
        "a failed product drops out of the answer",
        "batch",
        ("            result.failures.extend((record, error) for record in of)\n", "            pass\n"),
    ),
    bug(
        "a failed read drops out of the answer",
        "batch",
        (
            "result.failures.extend((record, error) for entries in by_product.values() for record, _ in entries)",
            "pass",
        ),
    ),
    bug(
        "a failure of one product fails nobody's records but the first",
        "batch",
        (
            "            result.failures.extend((record, error) for record in of)\n",
            "            result.failures.extend((record, error) for record in of[:1])\n",
        ),
    ),
    bug(
        "duplicates recognised after the rules",
        "projection",
        (
            "    re_send = identity in memory  # the same event in a new record\n    if not re_send:\n"
            "        change = decide(level, event)\n",
            "    change = decide(level, event)\n    re_send = identity in memory and not isinstance(change, Refusal)\n"
            "    if not re_send:\n",
        ),
    ),
    bug("poison dropped in silence", "batch", ("        store.quarantine(poison)\n", "")),
    bug(
        "the fold works on the level it was given", "projection", ("memory=level.memory.copy()", "memory=level.memory")
    ),
    bug(
        "the tombstone has no expiry",
        "store",
        ('return item if level.is_active else item | {"expires_at"', 'return item if True else item | {"expires_at"'),
    ),
    bug(
        "a product added again keeps its tombstone's expiry",
        "store",
        ("return item if level.is_active else item |", "return item |"),
    ),
]
