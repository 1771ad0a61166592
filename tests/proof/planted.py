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
        "duplicates recognised after the rules",
        "projection",
        (
            "    re_send = identity in memory  # the same event in a new record\n    if not re_send:\n"
            "        change = decide(level, event)\n",
            "    change = decide(level, event)\n    re_send = identity in memory and not isinstance(change, Refusal)\n"
            "    if not re_send:\n",
        ),
    ),
    bug(
        "the fold works on the level it was given", "projection", ("memory=level.memory.copy()", "memory=level.memory")
    ),
    bug(
        "guard dropped",
        "store",
        ("""'WHERE "product_id" = ? AND "last_sequence_number" = ?'""", """'WHERE "product_id" = ?'"""),
        ("[*values, product_id, nobody_wrote_since_i_read]", "[*values, product_id]"),
    ),
    bug(
        "guard on the version, which a refreshed memory leaves as it is",
        "store",
        ('AND "last_sequence_number" = ?', 'AND "version" = ?'),
        ('{"S": str(before.last_sequence_number)}', '{"N": str(before.version)}'),
    ),
    bug(
        "a first write that only asks whether there is an item",
        "store",
        ("if not before.last_sequence_number:", "if not before.version or before.version == 1:"),
    ),
    bug("a statement's error ignored", "statements", ('said = response.get("Error")', "said = None")),
    bug(
        "a partly failed request taken for success",
        "statements",
        (
            "return [_answer(response) for _, response in zip(request, responses, strict=True)]",
            "done = any('Error' not in response for response in responses)\n"
            "        return [Answer(Verdict.DONE) if done else _answer(response) for response in responses]",
        ),
    ),
    bug(
        "a request that nobody answered taken for success",
        "statements",
        ("return [Answer(verdict, error)] * len(request)", "return [Answer(Verdict.DONE)] * len(request)"),
    ),
    bug(
        "a lost guard of one product blamed on another",
        "statements",
        ("zip(request, responses, strict=True)", "zip(request, responses[::-1], strict=True)"),
    ),
    bug(
        "one lost guard fails the request",
        "batch",
        (
            "            if said is None:\n",
            "            said = next((each for each in written if isinstance(each, Lost)), said)\n"
            "            if said is None:\n",
        ),
    ),
    bug(
        "a lost guard counted as success",
        "batch",
        ("            if said is None:\n", "            if said is None or isinstance(said, Lost):\n"),
    ),
    bug(
        "the winner of a lost guard ignored",
        "batch",
        ("product.level, product.lost_guards = lost.winner,", "product.level, product.lost_guards = product.level,"),
    ),
    bug(
        "an answer without an item taken for no item",
        "batch",
        ("= lost.winner, product", "= lost.winner or StockLevel(product.product_id), product"),
        (
            "from stock_projector.product import",
            "from stock_projector.projection import StockLevel\nfrom stock_projector.product import",
        ),
    ),
    bug(
        "an answer of nobody's taken as certain and tried again",
        "statements",
        ('"InternalServerError": Verdict.FAILED', '"InternalServerError": Verdict.THROTTLED'),
    ),
    bug(
        "a throttled statement not tried again",
        "statements",
        ('"ThrottlingError": Verdict.THROTTLED', '"ThrottlingError": Verdict.FAILED'),
    ),
    bug(
        "a throttled statement taken for done",
        "statements",
        ('"ThrottlingError": Verdict.THROTTLED', '"ThrottlingError": Verdict.DONE'),
    ),
    bug(
        "a denied statement taken for done",
        "statements",
        ('"AccessDenied": Verdict.FAILED', '"AccessDenied": Verdict.DONE'),
    ),
    bug(
        "state that was read before a pause taken for current",
        "batch",
        ("product.level = product.waits_for = None", "product.waits_for = None"),
    ),
    bug(
        "state written before the quarantine",
        "batch",
        (
            "        self._put_into_quarantine(folds)  # before the state: a crash leaves an item, never a gap\n",
            "",
        ),
        (
            "        return bool(self.products or self.poison)\n",
            "        self._put_into_quarantine(folds)\n        return bool(self.products or self.poison)\n",
        ),
    ),
    bug(
        "the first verdict overwritten",
        "quarantine",
        (
            "        answers = execute(self.dynamodb, statements, in_parallel)\n",
            "        answers = execute(self.dynamodb, statements, in_parallel)\n"
            "        for answer, each in zip(answers, refused):\n"
            "            if answer.verdict is Verdict.THERE:\n"
            '                text = f\'UPDATE "{self.table_name}" SET "reason" = ? WHERE "record_id" = ?\'\n'
            "                values = [{'S': each.refusal.reason}, {'S': each.record.item_identifier}]\n"
            "                execute(self.dynamodb, [Statement(text, values)], in_parallel)\n",
        ),
    ),
    bug(
        "a put that was not confirmed taken for quarantined",
        "quarantine",
        ("return [None if answer.verdict in (Verdict.DONE, Verdict.THERE) else answer.error for", "return [None for"),
    ),
    bug(
        "a record that is there already taken for not quarantined",
        "quarantine",
        ("in (Verdict.DONE, Verdict.THERE)", "in (Verdict.DONE,)"),
    ),
    bug(
        "a rule's refusal comes back alone",
        "batch",
        (
            "        folded.cut_before(each.record)\n",
            "        at = [record for record, _ in folded.product.entries].index(each.record)\n"
            "        del folded.product.entries[at], folded.results[at]\n"
            "        return self.result.fail([each.record], error)\n",
        ),
    ),
    bug(
        "a rule's refusal comes back with its whole product",
        "product",
        ("        kept = _place(record, self.entries)\n", "        kept = 0\n"),
        ("        kept = _place(refused, self.product.entries)\n", "        kept = 0\n"),
    ),
    bug(
        "what is cut off begins behind the refusal",
        "product",
        ("kept = _place(refused, self.product.entries)", "kept = _place(refused, self.product.entries) + 1"),
    ),
    bug(
        "a refusal that may be in quarantine judged again in the same attempt",
        "batch",
        (
            "        if isinstance(error, ThrottledError):\n            folded.product.waits_for = error",
            "        if True:\n            folded.product.waits_for = error",
        ),
    ),
    bug(
        "what an attempt has quarantined it folds again",
        "product",
        ("if r.item_identifier not in known]", "]"),
        ("[known.get(record.item_identifier) or next(results) for record, _ in entries]", "list(results)"),
    ),
    bug(
        "judged on the place of the record itself",
        "projection",
        ('judged_on=str(level.last_sequence_number or "")', "judged_on=str(sequence_number)"),
    ),
    bug("reads that may be stale", "store", ('{"Keys": keys, "ConsistentRead": True}', '{"Keys": keys}')),
    bug(
        "unread keys taken for products never seen",
        "store",
        ('answer.get("UnprocessedKeys", {})', "{}"),
    ),
    bug(
        "one unread key fails the whole read",
        "store",
        (
            'found[key["product_id"]["S"]] = ThrottledError("UnprocessedKeys: DynamoDB left this product unread")',
            'found = dict.fromkeys(found, ThrottledError(key["product_id"]["S"]))',
        ),
    ),
    bug(
        "an item that is not ours taken for a product never seen",
        "store",
        (
            "    except ForeignItemError as error:\n        return error\n",
            "    except ForeignItemError:\n        return StockLevel('')\n",
        ),
    ),
    bug(
        "an item that is not ours fails the whole batch",
        "store",
        (
            "    except ForeignItemError as error:\n        return error\n",
            "    except ForeignItemError:\n        raise\n",
        ),
    ),
    bug(
        "remembers_after not stored",
        "item",
        (
            '"remembers_after": {"S": _as_wide_as(last, forgotten) if forgotten else ""},',
            '"remembers_after": {"S": ""},',
        ),
    ),
    bug(
        "a failed product drops out of the answer",
        "batch",
        ("        self.result.fail((record for record, _ in product.entries), error)\n", ""),
    ),
    bug(
        "a failure of one product fails nobody's records but the first",
        "batch",
        (
            "self.result.fail((record for record, _ in product.entries), error)",
            "self.result.fail([product.entries[0][0]], error)",
        ),
    ),
    bug(
        "a failed product's records before the failure come again, the later ones do not",
        "batch",
        (
            "self.result.fail((record for record, _ in product.entries), error)",
            "self.result.fail((record for record, _ in product.entries[: -1] or product.entries), error)",
        ),
    ),
    bug(
        "poison dropped in silence",
        "batch",
        (
            "                self.poison.append(Refused(record, event))\n                continue\n",
            "                continue\n",
        ),
    ),
    bug(
        "poison that could not be put counted as quarantined",
        "batch",
        (
            "        if not error:\n            self.result.outcomes.append(each)",
            "        if True:\n            self.result.outcomes.append(each)",
        ),
    ),
    bug(
        "who is throttled fails all the others",
        "batch",
        (
            "            if product.waits_for:\n                self._fail(product, product.waits_for)",
            "            if True:\n                self._fail(product, product.waits_for or ThrottledError())",
        ),
    ),
]
