"""A lease lasts for as long as its holder lives, also while that waits for something, and its loss is noticed."""

import json

import pytest

from pipeline.errors import UserError
from pipeline.provisioning import lease
from pipeline.waiting import eventually
from tests.consistency.shop import OUTPUTS, Shop

KEY = "leases/rebuild.json"


def test_a_lease_is_renewed_while_its_holder_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    shop = Shop(monkeypatch)
    monkeypatch.setattr(lease, "LEASE_SECONDS", 0.4)

    def until() -> float:
        shop.now += 0.1
        return json.loads(shop.bucket[KEY])["until"]

    with lease.kept(shop.cloud, OUTPUTS, "rebuild"):
        first = until()
        eventually(lambda: until() > first, 10)
        with pytest.raises(UserError, match="another rebuild is at work"), lease.held(shop.cloud, OUTPUTS, "rebuild"):
            pass
    with lease.held(shop.cloud, OUTPUTS, "rebuild"):
        pass


def test_who_lost_it_is_told_before_what_cannot_be_taken_back(monkeypatch: pytest.MonkeyPatch) -> None:
    shop = Shop(monkeypatch)
    done = []
    with pytest.raises(UserError, match="another rebuild has taken the work over"), \
            lease.kept(shop.cloud, OUTPUTS, "rebuild") as renew:  # fmt: skip
        shop.bucket[KEY] = json.dumps({"by": "somebody", "until": shop.now + 99}).encode()
        shop.now += lease.LEASE_SECONDS
        renew()
        done.append("the switch")
    assert done == []
