"""One world for every test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pipe.world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A stream, a function, a queue and a topic in process."""
    made = World(tmp_path)
    yield made
    made.close()
