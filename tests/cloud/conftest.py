"""The command line, asked in the test's own process."""

import subprocess

import pytest

from pipeline import __main__ as command_line
from tests.inventory import Inventory


@pytest.fixture
def nowhere(tmp_path):
    """The command line in a folder in which no cloud runs."""
    return Inventory(tmp_path / "state")


@pytest.fixture
def asked(monkeypatch, capsys):
    """Ask in the test's own process: the same answers as from a process of its own, sooner."""

    def answered(inventory, *arguments):
        monkeypatch.setenv("INVENTORY_STATE_DIR", str(inventory.state_dir))
        monkeypatch.delenv("INVENTORY_AWS_ACCOUNT_ID", raising=False)
        try:
            status = command_line.main([str(each) for each in arguments])
        except SystemExit as ended:
            status = ended.code
        return subprocess.CompletedProcess(arguments, status, *capsys.readouterr())

    return answered
