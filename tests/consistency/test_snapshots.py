"""Snapshots: written whole or not at all, started from, and never believed more than the stream."""

import gzip
import json
from collections.abc import Iterator
from typing import Any

import pytest

from pipeline.consistency import snapshots
from tests.consistency.shop import DAY, Shop
from tests.doubles.events import added, decremented, incremented, removed

SALE = decremented(quantity=1, event_id="sale-1")


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> Shop:
    shop = Shop(monkeypatch, shards=2)
    shop.sell(added(quantity=50), SALE, added("MOUSE", 5), b"{", removed("MOUSE"), incremented("MOUSE"))
    return shop


def rewritten(shop: Shop, name: str, change: Any, seal: bool = True) -> None:
    """Change the lines of a snapshot, and (as a writer with a mistake in it would) its checksum with them."""
    documents = [json.loads(line) for line in gzip.decompress(shop.bucket[name]).splitlines()]
    change(documents)
    lines = [json.dumps(each, separators=(",", ":")).encode() + b"\n" for each in documents[:-1]]
    if seal:
        digest = snapshots.snapshot_format.hashlib.sha256(b"".join(lines)).hexdigest()
        documents[-1] = {"products": len(lines) - 1, "sha256": digest}
    shop.bucket[name] = gzip.compress(b"".join(lines) + json.dumps(documents[-1]).encode() + b"\n")


def test_the_next_audit_starts_from_the_snapshot(shop):
    name = shop.snapshot()
    shop.sell(SALE, incremented(), b"[]", added("LAMP", 2), incremented("MOUSE"))
    result = shop.audit()
    assert (result.from_snapshot, result.discrepancies) == (name, [])
    assert (result.records, result.applied, result.duplicates) == (5, 2, 1)
    assert result.quarantined == {"invalid_event": 1, "not_active": 1}
    assert result.products == 3


def test_what_is_pending_when_a_snapshot_is_taken_is_judged_by_the_next_audit(shop):
    shop.send(incremented(quantity=7), incremented("MOUSE"), b"{", added("LAMP", 2))
    shop.deliver(1)
    shop.snapshot()
    shop.deliver()
    result = shop.audit()
    assert (result.discrepancies, result.pending) == ([], 0)
    assert result.quarantined == {"not_active": 1, "not_json": 1}


def test_no_snapshot_of_a_shop_with_a_mistake(shop):
    from pipeline.consistency import audit
    from tests.consistency.shop import OUTPUTS

    shop.edit(quantity={"N": "999"})
    name, examined = audit.take_snapshot(shop.cloud, OUTPUTS)
    assert (name, len(examined.result.discrepancies), shop.bucket) == ("", 1, {})


def test_snapshot_after_snapshot_the_audit_holds_for_as_long_as_the_shop_runs(shop):
    for day in range(12):
        shop.now += 0.9 * DAY
        shop.sell(SALE, incremented(quantity=day + 1), decremented(quantity=999), b"{")
        name = shop.snapshot()
    shop.now += 0.9 * DAY
    result = shop.audit()
    assert (result.discrepancies, result.from_snapshot) == ([], name)
    assert shop.level("P98765").version == 14
    shop.edit(quantity={"N": "1"})
    assert shop.audit().discrepancies == ["P98765: quantity should be 127, is 1"]


# ── a stream that has forgotten ──


@pytest.mark.parametrize("taken", [False, True])
def test_a_stream_that_forgot_too_much_is_not_judged(shop, taken):
    name = shop.snapshot() if taken else None
    shop.now += 0.1 * DAY
    shop.sell(SALE, incremented())
    shop.now += 1.2 * DAY
    shop.sell(decremented(quantity=2))
    [sentence] = shop.audit().discrepancies
    assert "cannot be judged: the stream keeps 24 hours, and" in sentence
    assert sentence.startswith("what arrived between 2023-09-11T12:00:0")
    assert (name or "there is no snapshot") in sentence
    assert ("P98765" in sentence) is False


def test_a_stream_that_may_have_forgotten_something_and_did_not_is_judged(shop):
    shop.snapshot()
    shop.now += 0.5 * DAY
    shop.sell(SALE, incremented(), b"{")
    shop.now += 0.8 * DAY
    told: list[str] = []
    assert shop.audit(tell=told.append).discrepancies == []
    assert "cannot be judged" in told[-1]


def test_a_stream_that_forgot_nothing_yet_is_judged_without_a_snapshot(shop):
    shop.now += 0.9 * DAY
    shop.sell(decremented(quantity=2))
    assert shop.audit().discrepancies == []


def test_a_quiet_shop_needs_no_record_to_start_from(shop):
    for _ in range(5):
        name = shop.snapshot()
        shop.now += 0.9 * DAY
    assert (shop.audit().discrepancies, shop.audit().from_snapshot) == ([], name)


# ── snapshots with a mistake in them ──


def at_the_streams_end(shop: Shop) -> Any:
    ends = {
        shard_id: shard.records[-1]["SequenceNumber"]
        for shard_id, shard in shop.kinesis.shards.items()
        if shard.records
    }

    def change(documents: list[Any]) -> None:
        documents[0]["positions"] = {shard_id: [ends[shard_id], shop.now] for shard_id in ends}

    return change


def without_an_event(documents: list[Any]) -> None:
    next(each for each in documents[1:-1] if each[0] == "P98765")[7].pop(0)


@pytest.mark.parametrize("mistake", ["its position is the stream's end", "it forgot a remembered event"])
def test_a_snapshot_with_a_mistake_is_caught_by_the_next_audit(shop, mistake):
    shop.send(incremented(quantity=7), b"{", incremented())
    name = shop.snapshot()
    assert shop.audit(wait=False).discrepancies == []
    change = without_an_event if mistake == "it forgot a remembered event" else at_the_streams_end(shop)
    rewritten(shop, name, change)
    shop.deliver()
    result = shop.audit()
    assert result.from_snapshot == name
    assert result.discrepancies
    assert all(sentence.startswith("P98765: ") for sentence in result.discrepancies)


@pytest.mark.parametrize("spoil", [
    lambda shop, name: shop.bucket.update({name: shop.bucket[name][:-20]}),
    lambda shop, name: shop.bucket.update({name: b"no gzip"}),
    lambda shop, name: shop.bucket.update({name: gzip.compress(b"")}),
    lambda shop, name: rewritten(shop, name, lambda documents: documents[1].__setitem__(3, 999), seal=False),
    lambda shop, name: rewritten(shop, name, lambda documents: documents.pop(1), seal=False),
    lambda shop, name: rewritten(shop, name, lambda documents: documents[0].update(format=2)),
    lambda shop, name: rewritten(shop, name, lambda documents: documents[0].update(stream="arn:aws:kinesis:other")),
    lambda shop, name: rewritten(shop, name, lambda documents: documents[1].pop()),
], ids=["cut off", "no gzip", "empty", "changed", "a line short", "a version", "a stream", "strange"])  # fmt: skip
def test_a_snapshot_that_cannot_be_used_gives_way_to_the_one_before(shop, spoil, capsys):
    before = shop.snapshot()
    shop.sell(SALE, incremented())
    name = shop.snapshot()
    spoil(shop, name)
    told: list[str] = []
    result = shop.audit(tell=told.append)
    assert (result.from_snapshot, result.discrepancies) == (before, [])
    assert told[0].startswith(f"{name} is not used: ")


def test_a_snapshot_is_read_line_by_line(shop):
    """Of a body that hands out ten bytes at a time, no more is asked for than what the next line takes."""
    name = shop.snapshot()
    assert isinstance(iter(gzip.GzipFile(fileobj=shop.cloud.client("s3").get_object("", name)["Body"])), Iterator)


# ── which ones are kept ──


def named(hours: int) -> str:
    return snapshots.datetime.fromtimestamp(3600 * hours, snapshots.UTC).strftime(snapshots.NAME)


def test_the_newest_ten_are_kept_one_that_is_older_than_the_retention_and_the_one_that_will_be():
    existing: list[str] = []
    for hour in range(1, 400):
        existing.append(named(hour))
        for name in snapshots.superfluous(existing, 3600 * (hour - 48)):
            existing.remove(name)
        assert existing[-10:] == [named(each) for each in range(max(1, hour - 9), hour + 1)]
        assert len(existing) <= 12
        if hour > 60:
            older = [name for name in existing if name < named(hour - 48)]
            assert len(older) == 1
            assert older[0] >= named(hour - 48 - 50)
