"""One world for every test."""

import pytest

from tests.projector.handler.world import World


@pytest.fixture
def world(monkeypatch):
    return World(monkeypatch)
