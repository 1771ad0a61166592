"""Bad input, bad luck and impatience: one clear line, the right exit status, nothing half-made."""

import json
import signal
import socket
import subprocess

import psutil
import pytest

from tests.cloud.complaints import complaint, nothing_half_made
from tests.inventory import Inventory


def test_a_port_in_use_is_left_to_whoever_has_it(nowhere):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert f"port {port} is in use" in complaint(nowhere.run("up", "--port", port), 1)
    nothing_half_made(nowhere)


@pytest.mark.parametrize("where", ["a file/state", "/proc/inventory-state"])
def test_a_state_folder_that_cannot_be_written_is_named(asked, tmp_path, where):
    (tmp_path / "a file").write_text("not a folder")
    inventory = Inventory(tmp_path / where)
    line = complaint(asked(inventory, "up"), 1)
    assert str(tmp_path / where) in line
    assert inventory.leftovers() == []


@pytest.mark.parametrize("verb", ["send", "stock", "audit"])
def test_a_stack_that_is_not_there_is_named(running, asked, verb):
    line = complaint(asked(running.inventory, verb, "--stack-name", "nobodys-stack"), 1)
    assert "there is no stack named nobodys-stack" in line


@pytest.mark.parametrize("verb", ["send", "stock", "audit"])
def test_where_no_cloud_runs_it_is_said_how_to_start_one(nowhere, asked, verb):
    assert "no local cloud is running here" in complaint(asked(nowhere, verb), 1)
    nothing_half_made(nowhere)


@pytest.mark.parametrize("verb", ["up", "down"])
def test_aws_is_not_touched_without_an_account_id(nowhere, asked, verb):
    done = asked(nowhere, verb, "--cloud", "aws")
    assert "--account-id" in complaint(done, done.returncode)
    assert done.returncode in (1, 2)


def test_down_where_nothing_is_up_is_done_already(nowhere, asked):
    for _ in range(2):
        done = asked(nowhere, "down", "--json")
        assert (done.returncode, json.loads(done.stdout)) == (0, {"deleted": True})
    nothing_half_made(nowhere)


def test_down_after_the_cloud_was_lost_leaves_nothing_behind_either(nowhere, asked):
    log = nowhere.state_dir / "sent" / "local" / "inventory" / "sent.jsonl"
    log.parent.mkdir(parents=True)
    log.write_text("what was sent to a cloud that is no more")
    assert asked(nowhere, "down").returncode == 0
    assert not log.exists()


def test_logs_that_are_followed_print_their_document_when_ctrl_c_ends_them(running, eventually):
    following = running.inventory.start("logs", "--follow", "--json")
    eventually(lambda: reads_logs(following.pid), "the logs are followed")
    following.send_signal(signal.SIGINT)
    out, said = following.communicate(timeout=30)
    assert following.returncode == 130
    assert any(line.startswith("pipe ") for line in json.loads(out))
    assert said.splitlines() == ["inventory: interrupted; what was done so far stands"]


def reads_logs(pid):
    """Say whether the process has its connections to the local cloud: for the stack, the function, and its log."""
    there = [each for each in psutil.Process(pid).net_connections() if each.status == psutil.CONN_ESTABLISHED]
    return len(there) >= 3


def test_a_reader_who_has_seen_enough_is_no_error(running):
    listing = running.inventory.start("stock", "--all", "--json")
    listing.stdout.close()
    said = listing.stderr.read()
    assert (listing.wait(30), said) == (0, "")


def test_head_gets_its_line(running):
    listing = running.inventory.start("stock", "--all")
    head = subprocess.run(["head", "-1"], stdin=listing.stdout, capture_output=True, text=True, timeout=60)
    listing.stdout.close()
    assert (listing.wait(30), listing.stderr.read()) == (0, "")
    assert "product_id" in head.stdout or "Nothing is in stock" in head.stdout


# ── the emulator dies: what it held was in memory, and that is said ──


def alive(family):
    return [each for each in family if each.is_running() and each.status() != psutil.STATUS_ZOMBIE]


def test_a_cloud_that_was_killed_is_told_of_in_one_sentence_and_up_makes_a_new_one(asked, tmp_path, eventually):
    inventory = Inventory(tmp_path / "state")
    try:
        first = inventory.json("up", "--stack-name", "short-lived")
        family = inventory.family()
        inventory.process("emulator").send_signal(signal.SIGKILL)
        eventually(lambda: not alive(family), "the pipe runtime ends by itself when the emulator is gone")
        for verb in ("stock", "audit"):
            assert "its emulator died" in complaint(asked(inventory, verb, "--stack-name", "short-lived"), 1)
        second = inventory.json("up", "--stack-name", "short-lived")
        assert second["outputs"].keys() == first["outputs"].keys()
        assert json.loads(asked(inventory, "stock", "--stack-name", "short-lived", "--json").stdout) == []
        family = inventory.family()
    finally:
        assert inventory.json("down", "--stack-name", "short-lived") == {"deleted": True}
    assert not alive(family)
    nothing_half_made(inventory)
    assert [path for path in inventory.state_dir.rglob("*") if path.is_file()] == [], "down leaves nothing behind"
    assert asked(inventory, "down").returncode == 0, "and down again is done already"
