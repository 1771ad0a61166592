"""What a redrive must not do, planted one by one: the schedules around it see each of them."""

from collections.abc import Callable

import pytest

from tests.proof.redrives import PLANTED, STORIES, explore


@pytest.mark.parametrize("plant", PLANTED, ids=lambda plant: plant.__name__.strip("_"))
def test_a_planted_mistake_is_caught(
    plant: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch)
    assert any(explore(story, faults=1).violation for story in STORIES), "nothing sees this mistake"
