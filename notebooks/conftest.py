"""`pytest --nbval notebooks` runs the notebooks in a local cloud of its own, whatever runs or was left elsewhere."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest

from pipeline import cloud


def pytest_sessionstart(session: pytest.Session) -> None:
    """Let the kernels, which inherit the environment, find an empty folder instead of the reader's own cloud."""
    session.config.stash[STATE] = Path(tempfile.mkdtemp(prefix="inventory-nbval-"))
    os.environ["INVENTORY_STATE_DIR"] = str(session.config.stash[STATE])


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Stop the cloud, if a notebook started one, and leave nothing of it."""
    if state := session.config.stash.get(STATE, None):
        cloud.stop("local")
        shutil.rmtree(state, ignore_errors=True)


STATE = pytest.StashKey[Path]()
