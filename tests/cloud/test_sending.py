"""Sending that is stopped, or cannot begin: what was accepted is noted, told, and not sent twice."""

import json
import signal
from pathlib import Path

from pipeline.reading import stream
from pipeline.stories import scenarios
from tests.cloud.complaints import complaint
from tests.doubles.events import added, as_bytes, incremented


def test_a_file_that_is_not_there_is_named(nowhere, tmp_path):
    assert "nowhere.jsonl: No such file" in complaint(nowhere.run("send", "--file", tmp_path / "nowhere.jsonl"), 1)


def test_an_empty_file_is_no_story(nowhere, asked, tmp_path):
    (tmp_path / "empty.jsonl").touch()
    assert "there are no events in" in complaint(asked(nowhere, "send", "--file", tmp_path / "empty.jsonl"), 1)


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
    data_of_the_story = {each.data for each in scenarios.write_story("everyday", 5000, 10, seed=4242)}
    there = stream.read_all(running.client("kinesis"), running.outputs["StreamName"])
    assert len(noted) > 25
    assert noted <= {(each.shard_id, each.sequence_number) for each in there if each.data in data_of_the_story}
    assert inventory_here("audit")["discrepancies"] == []


def test_a_file_without_event_ids_that_was_half_sent_says_how_far_it_came_and_goes_on(
    running, asked, inventory_here, eventually, tmp_path
):
    file = tmp_path / "half.jsonl"
    file.write_bytes(b"\n".join([as_bytes(added("HALF", 0)), *[as_bytes(incremented("HALF"))] * 99]))
    sending = running.inventory.start("send", "--rate", 2, "--file", file, "--json")
    eventually(lambda: in_stock(inventory_here, "HALF"), "the first of them in the table")
    sending.send_signal(signal.SIGINT)
    out, said = sending.communicate(timeout=30)
    facts = json.loads(out)
    assert (sending.returncode, facts["sent"] + facts["unsent"]) == (130, 100)
    assert 1 <= facts["sent"] < 100
    assert f"{facts['sent']} of 100 records were sent. To send the others, add --resume" in said

    line = complaint(asked(running.inventory, "send", "--file", file), 1)
    assert f"{facts['sent']} of these 100 records were sent before" in line
    rest = inventory_here("send", "--file", file, "--resume")
    assert (rest["sent"], rest["unsent"]) == (facts["unsent"], 0)
    assert inventory_here("send", "--file", file, "--resume")["sent"] == 0, "nothing is left"
    assert inventory_here("audit")["discrepancies"] == []
    assert in_stock(inventory_here, "HALF")["quantity"] == 99, "each of them once"


def in_stock(inventory_here, product_id):
    return next((each for each in inventory_here("stock") if each["product_id"] == product_id), None)


def test_a_rate_beyond_all_bounds_is_as_fast_as_it_goes(inventory_here):
    assert inventory_here("send", "--events", 600, "--rate", "1e308", "--seed", 308)["sent"] == 600
