"""One harness for every test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pipe.harness import Harness


@pytest.fixture
def harness(tmp_path: Path) -> Iterator[Harness]:
    """A stream, a function, a queue and a topic in process."""
    made = Harness(tmp_path)
    yield made
    made.close()
