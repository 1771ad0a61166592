"""One harness for every test."""

import pytest

from tests.projector.handler.harness import Harness


@pytest.fixture
def harness(monkeypatch):
    return Harness(monkeypatch)
