"""Bad input, bad luck and impatience: one clear line, the right exit status, nothing half-made."""

import json
import signal
import socket
import subprocess
from pathlib import Path

import psutil
import pytest

from pipeline import __main__ as command_line
from pipeline.reading import stream
from pipeline.stories import scenarios
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


def complaint(done, status):
    """Return the one line on stderr."""
    assert "Traceback" not in done.stderr
    assert done.returncode == status, done.stderr
    assert done.stdout == ""
    [line] = done.stderr.splitlines()
    assert line.startswith("inventory")
    return line


def nothing_half_made(inventory):
    assert inventory.leftovers() == []
    assert not (inventory.state_dir / "checkpoints").exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["send", "--scenario", "gold-rush"], "'gold-rush' is not one of 'everyday'"),
        (["count"], "No such command 'count'"),
        (["send", "--evnets", "5"], "No such option '--evnets'. Did you mean '--events'?"),
        (["send", "--cloud", "azure"], "'azure' is not one of 'local', 'aws'"),
        (["send", "--stack-name", "my stack"], "'my stack' is not a stack name"),
        (["send", "--stack-name", ""], "is not a stack name"),
        (["up", "--parameter", "ShardCount"], "'ShardCount' is not NAME=VALUE"),
        (["up", "--parameter", "NoSuchParameter=1"], "no parameter NoSuchParameter"),
        (["report", "--parameter", "skwe=1"], "there is no parameter 'skwe'; there are cloud, "),
        (["report", "--parameter", "skew=steep"], "parameter skew should be a number from 0 to 10, not 'steep'"),
        (["report", "--parameter", "skew=-1"], "parameter skew should be a number from 0 to 10, not '-1'"),
        (["report", "--parameter", "skew=.nan"], "parameter skew should be a number from 0 to 10, not '.nan'"),
        (["report", "--parameter", "skew=1" + "0" * 400], "parameter skew should be a number from 0 to 10"),
        (["report", "--parameter", "event_count=0"], "parameter event_count should be a whole number, 1 or more"),
        (["report", "--parameter", "scenario=gold-rush"], "parameter scenario should be one of everyday"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_usage_is_answered_with_what_is_right(nowhere, asked, arguments, says):
    assert says in complaint(asked(nowhere, *arguments), 2)
    nothing_half_made(nowhere)


@pytest.mark.parametrize("arguments", [["send", "--scenario", "gold-rush"], ["count"]])
def test_a_process_of_its_own_ends_in_the_same_way(nowhere, arguments):
    complaint(nowhere.run(*arguments), 2)


@pytest.mark.parametrize(
    "arguments",
    [
        ["send", "--events", "0"],
        ["send", "--events", "-5"],
        ["send", "--events", "many"],
        ["send", "--events", "1.5"],
        ["send", "--events", "9" * 5000],
        ["send", "--products", "0"],
        ["send", "--rate", "0"],
        ["send", "--rate", "-1"],
        ["send", "--rate", "fast"],
        ["send", "--rate", "nan"],
        ["send", "--rate", "inf"],
        ["send", "--seed", "lucky"],
        ["send", "--skew", "-1"],
        ["send", "--skew", "11"],
        ["send", "--skew", "steep"],
        ["send", "--skew", "nan"],
        ["send", "--skew", "inf"],
        ["send", "--skew", "9" * 5000],
        ["up", "--port", "0"],
        ["up", "--port", "http"],
        ["up", "--port", "65536"],
    ],
    ids=lambda arguments: " ".join(arguments)[:30],
)
def test_a_number_that_is_none_is_wrong_usage(nowhere, asked, arguments):
    line = complaint(asked(nowhere, *arguments), 2)
    assert arguments[-1][:20] in line or "inf is not" in line


def test_without_a_verb_all_verbs_are_explained(nowhere, asked):
    done = asked(nowhere)
    assert (done.returncode, done.stdout) == (2, "")
    assert "  down " in done.stderr


@pytest.mark.parametrize("verb", ["up", "send", "stock", "audit", "down", "report"])
def test_every_verb_of_the_contract_explains_itself(nowhere, asked, verb):
    done = asked(nowhere, verb, "--help")
    assert done.returncode == 0
    assert all(option in done.stdout for option in ("--cloud", "--stack-name", "--json"))


def test_a_file_that_is_not_there_is_named(nowhere, tmp_path):
    assert "nowhere.jsonl: No such file" in complaint(nowhere.run("send", "--file", tmp_path / "nowhere.jsonl"), 1)


def test_an_empty_file_is_no_story(nowhere, asked, tmp_path):
    (tmp_path / "empty.jsonl").touch()
    assert "there are no events in" in complaint(asked(nowhere, "send", "--file", tmp_path / "empty.jsonl"), 1)


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


def test_a_sent_log_that_cannot_be_written_stops_before_the_first_record(running, asked, inventory_here, tmp_path):
    log = Path(inventory_here("send", "--events", 1)["sent_log"])
    before = inventory_here("audit")["records"]
    log.rename(tmp_path / "sent.jsonl")
    log.mkdir()
    try:
        assert "cannot write the sent log" in complaint(asked(running.inventory, "send", "--events", 5), 1)
    finally:
        log.rmdir()
        (tmp_path / "sent.jsonl").rename(log)
    assert inventory_here("audit")["records"] == before


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


def lines_of(path):
    return path.read_text().splitlines() if path.exists() else []


def test_ctrl_c_in_the_middle_leaves_a_whole_sent_log(running, inventory_here, eventually):
    log = Path(inventory_here("send", "--events", 1, "--seed", 1)["sent_log"])
    before = len(lines_of(log))
    sending = running.inventory.start("send", "--rate", 50, "--events", 5000, "--products", 10, "--seed", 4242)
    eventually(lambda: len(lines_of(log)) > before + 25, "some records in the sent log")
    sending.send_signal(signal.SIGINT)
    _, said = sending.communicate(timeout=30)
    assert sending.returncode == 130
    assert "Traceback" not in said
    assert said.splitlines()[-1].startswith("inventory: interrupted")

    noted = {(each["shard_id"], each["sequence_number"]) for each in map(json.loads, lines_of(log)[before:])}
    told = {each.data for each in scenarios.write_story("everyday", 5000, 10, seed=4242)}
    there = stream.read_all(running.client("kinesis"), running.outputs["StreamName"])
    assert len(noted) > 25
    assert noted <= {(each.shard_id, each.sequence_number) for each in there if each.data in told}
    assert inventory_here("audit")["discrepancies"] == []


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
