"""Decisions on what is in quarantine: each counts once, and only from where it may be taken."""

import json

import pytest

from pipeline.errors import UserError
from pipeline.recovery import resend
from tests.consistency.shop import OUTPUTS, Shop
from tests.doubles.events import added, decremented, incremented

SHARD = "shardId-000000000000"


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> Shop:
    return Shop(monkeypatch)


def refuse(shop: Shop, said: object, key: str | None = None) -> str:
    """Send something that is refused. Returns its record's id."""
    [place] = shop.send(said, key=key)
    shop.deliver()
    assert f"{SHARD}:{place}" in shop.quarantine
    return f"{SHARD}:{place}"


def send_again(shop: Shop, record_id: str, corrected: bytes | None = None) -> resend.Resent:
    sent = resend.resend(shop.cloud, OUTPUTS, resend.prepare(shop.cloud, OUTPUTS, record_id, corrected))
    shop.deliver()
    return sent


def state(shop: Shop, record_id: str) -> str:
    return shop.quarantine[record_id]["state"]["S"]


def test_a_refused_event_is_sent_again_under_its_own_identity(shop):
    record_id = refuse(shop, incremented(quantity=5, event_id="late-delivery"))
    shop.sell(added(quantity=1))
    sent = send_again(shop, record_id)
    assert (sent.event_id, sent.because) == ("late-delivery", "its own")
    assert (shop.level("P98765").quantity, state(shop, record_id)) == (6, "re_sent")
    item = shop.quarantine[record_id]
    assert item["note"]["S"] == f"as event_id late-delivery, record {sent.shard_id}:{sent.sequence_number}"
    assert item["decided_by"]["S"]
    assert shop.audit().discrepancies == []


def test_an_event_without_an_identity_is_given_one_that_makes_twice_once(shop):
    record_id = refuse(shop, incremented(quantity=5))
    shop.sell(added(quantity=1))
    prepared = resend.prepare(shop.cloud, OUTPUTS, record_id)
    assert prepared.event_id == resend.derived_event_id(record_id)
    assert len(prepared.event_id) <= 64
    resend.resend(shop.cloud, OUTPUTS, prepared)
    shop.quarantine[record_id]["state"] = {"S": "re_sending"}  # as if the last step had been missing
    assert send_again(shop, record_id).event_id == prepared.event_id
    assert shop.level("P98765").quantity == 6
    assert shop.audit().duplicates == 1


@pytest.mark.parametrize("after", ["re_sending", "put"])
def test_a_re_send_may_be_interrupted_anywhere_and_done_again(shop, after):
    record_id = refuse(shop, incremented(quantity=5))
    shop.sell(added(quantity=1))

    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    if after == "re_sending":
        shop.meanwhile["re_sending"] = die
    else:
        shop.meanwhile["re_sent"] = die
        shop.quarantine[record_id] = dict(shop.quarantine[record_id])
    with pytest.raises(KeyboardInterrupt):
        send_again(shop, record_id)
    shop.deliver()
    if state(shop, record_id) == "re_sending":
        send_again(shop, record_id)
    assert (shop.level("P98765").quantity, state(shop, record_id)) == (6, "re_sent")


def test_what_is_no_event_is_sent_only_corrected(shop):
    shop.sell(added(quantity=1))
    record_id = refuse(shop, b'{"event_type": "quantity_incremented", ')
    with pytest.raises(UserError, match="it is no JSON object; give a corrected event with --file"):
        send_again(shop, record_id)
    with pytest.raises(UserError, match="it would be refused as invalid_event again"):
        send_again(shop, record_id, json.dumps(incremented(quantity=-1)).encode())
    assert state(shop, record_id) == "open"
    sent = send_again(shop, record_id, json.dumps(incremented(quantity=4)).encode())
    assert (sent.event_id, shop.level("P98765").quantity) == (resend.derived_event_id(record_id), 5)


def test_a_corrected_event_keeps_the_identity_of_the_record(shop):
    shop.sell(added(quantity=1))
    record_id = refuse(shop, decremented(quantity=9, event_id="sale-7"))
    sent = send_again(shop, record_id, json.dumps(decremented(quantity=1)).encode())
    assert (sent.event_id, sent.because) == ("sale-7", "that of the record before it was corrected")
    assert shop.level("P98765").quantity == 0


def test_a_record_under_the_wrong_key_goes_to_its_product(shop):
    shop.sell(added(quantity=1))
    record_id = refuse(shop, incremented(quantity=4), key="MOUSE")
    send_again(shop, record_id)
    assert shop.level("P98765").quantity == 5


def test_a_record_that_was_cut_is_read_from_the_stream(shop):
    shop.sell(added(quantity=1))
    record_id = refuse(shop, {**decremented(quantity=9), "note": "x" * 400_000})
    assert shop.quarantine[record_id]["truncated"] == {"BOOL": True}
    shop.sell(incremented(quantity=20))
    send_again(shop, record_id)
    assert shop.level("P98765").quantity == 12


def test_a_decision_is_taken_once(shop):
    record_id = refuse(shop, incremented(quantity=5))
    resend.dismiss(shop.cloud, OUTPUTS, record_id, "a test of the till")
    for decide in (
        lambda: send_again(shop, record_id),
        lambda: resend.dismiss(shop.cloud, OUTPUTS, record_id, "another reason"),
    ):
        with pytest.raises(UserError, match=r"is dismissed, by .* a test of the till"):
            decide()
    assert (state(shop, record_id), shop.quarantine[record_id]["note"]["S"]) == ("dismissed", "a test of the till")


def test_of_two_terminals_one_decides(shop):
    record_id = refuse(shop, incremented(quantity=5))
    shop.sell(added(quantity=1))
    prepared = resend.prepare(shop.cloud, OUTPUTS, record_id)
    resend.dismiss(shop.cloud, OUTPUTS, record_id, "the other terminal")
    with pytest.raises(UserError, match="is dismissed"):
        resend.resend(shop.cloud, OUTPUTS, prepared)
    shop.deliver()
    assert shop.level("P98765").quantity == 1


def test_two_terminals_send_the_same_and_it_counts_once(shop):
    record_id = refuse(shop, incremented(quantity=5))
    shop.sell(added(quantity=1))
    other = resend.prepare(shop.cloud, OUTPUTS, record_id)
    shop.meanwhile["re_sending"] = lambda: resend.resend(shop.cloud, OUTPUTS, other)
    with pytest.raises(UserError, match="is re_sent"):
        send_again(shop, record_id)
    shop.deliver()
    assert shop.level("P98765").quantity == 6


def test_a_record_that_is_not_there(shop):
    with pytest.raises(UserError, match="'nothing' is not in quarantine"):
        resend.prepare(shop.cloud, OUTPUTS, "nothing")
