"""What fails: the platform, and nothing but that; nobody's records but those that needed it."""

import json

import botocore.session
import pytest
from stock_projector import handler as edge
from stock_projector.statements import VERDICTS, Verdict

from tests.doubles import added, decremented, flat, incremented, place, record
from tests.doubles.errors import client_error
from tests.doubles.table import FATES
from tests.projector.handler.world import LAMP, MUG, QUARANTINE, STOCK, named


def test_every_error_code_of_a_statement_is_decided_on_by_name():
    model = botocore.session.get_session().get_service_model("dynamodb")
    assert VERDICTS.keys() == set(model.shape_for("BatchStatementErrorCodeEnum").enum)


@pytest.mark.parametrize("code", sorted(code for code, verdict in VERDICTS.items() if verdict is Verdict.FAILED))
def test_a_statement_that_the_platform_refuses_fails_at_once_with_all_its_products_records_and_no_others(
    world, code, monkeypatch
):
    monkeypatch.setitem(FATES, "refused", code)
    world.fate = lambda what, key: "refused" if (what, key) == (STOCK, LAMP) else ""
    lamp = [record(added(LAMP, 3), 0), record(decremented(LAMP, 1), 2), record(decremented(LAMP, 1), 4)]
    mug = [record(added(MUG, 3), 1), record(decremented(MUG, 1), 3)]
    story = sorted([*lamp, *mug], key=lambda each: each.sequence_number)
    assert world.invoke(*story) == named(*lamp)
    assert world.quantity(MUG) == 2
    assert world.waited == []

    world.fate = lambda what, key: ""
    assert world.invoke(*lamp) == []
    assert world.quantity(LAMP) == 1


def test_a_code_that_nobody_knows_yet_fails_the_records(world, monkeypatch):
    monkeypatch.setitem(FATES, "refused", "SomethingNew")
    world.fate = lambda what, key: "refused"
    assert world.invoke(lamp := record(added(LAMP), 0)) == named(lamp)


@pytest.mark.parametrize("code", sorted(code for code, verdict in VERDICTS.items() if verdict is Verdict.THROTTLED))
def test_what_is_throttled_is_tried_again_after_a_pause(world, code, monkeypatch):
    monkeypatch.setitem(FATES, "throttled", code)
    answers = iter(["throttled", "throttled"])
    world.fate = lambda what, key: next(answers, "") if what == STOCK else ""
    assert world.invoke(record(added(LAMP), 0)) == []
    assert world.quantity(LAMP) == 10
    assert len(world.waited) == 2 and world.waited[1] > 0


@pytest.mark.parametrize("code", ["ThrottlingException", "ProvisionedThroughputExceededException"])
@pytest.mark.parametrize("operation", ["batch_get_item", "batch_execute_statement"])
def test_a_request_that_is_throttled_as_a_whole_is_tried_again_after_a_pause(world, code, operation):
    errors = [client_error(operation, code)]

    def once(call):
        if call.operation == operation and errors:
            raise errors.pop()

    world.before = once
    assert world.invoke(record(added(LAMP), 0)) == []
    assert len(world.waited) == 1


def test_a_write_whose_answer_was_lost_is_found_to_be_done_when_its_records_come_again(world):
    answers = iter(["answer lost"])
    world.fate = lambda what, key: next(answers, "") if what == STOCK else ""
    lamp = [record(added(LAMP, 10), 0), record(decremented(LAMP, 3), 1)]
    assert world.invoke(*lamp) == named(*lamp)
    assert world.invoke(*lamp) == []
    assert (world.quantity(LAMP), world.stock[LAMP]["version"]) == (7, {"N": "2"})


def test_after_a_pause_a_refusal_rests_on_a_new_read(world):
    world.invoke(record(added(LAMP, 1), 0), record(added(MUG, 1), 1))
    answers = iter(["throttled"])
    world.fate = lambda what, key: next(answers, "") if what == QUARANTINE else ""
    waited = world._wait

    def somebody_else_goes_on(seconds):
        waited(seconds)
        world.fate = lambda what, key: ""
        world.invoke(record(incremented(LAMP, 9), 2))

    world._wait = somebody_else_goes_on
    assert world.invoke(record(decremented(LAMP, 4), 3)) == []
    assert world.reasons == []
    assert world.quantity(LAMP) == 6


def test_throttled_for_longer_than_there_is_time_the_records_come_again_and_the_neighbours_are_done_before(world):
    world.fate = lambda what, key: "throttled" if key == LAMP and what == STOCK else ""
    lamp, mug = record(added(LAMP), 0), record(added(MUG), 1)
    assert world.invoke(lamp, mug) == named(lamp)
    assert world.diary[0] == (STOCK, MUG)
    assert sum(world.waited) < world.seconds
    assert all(0 < pause <= 1 for pause in world.waited)
    assert sum(world.waited[:2]) < sum(world.waited[2:4]), "longer each time"


def test_one_key_that_stays_unread_fails_that_products_records_only_and_the_reads_pause_in_between(world):
    story = [record(added(f"P{number}", 5), number) for number in range(120)]
    world.fate = lambda what, key: "unread" if key == "P7" and what == "read" else ""
    assert world.invoke(*story) == named(story[7])
    assert len(world.stock) == 119
    reads = [parts for name, parts in world.requests if name == "batch_get_item"]
    assert sum(reads[2:]) == len(reads[2:]) == len(world.waited), "after the first round only the one key, with pauses"


def test_one_item_that_is_not_ours_fails_that_products_records_only_and_is_named(world, caplog):
    table = world.database.tables[STOCK]
    strangers = [
        {"product_id": {"S": LAMP}, "note": {"S": "written by hand"}},
        {"product_id": {"S": LAMP}, "last_sequence_number": {"S": "0"}},
    ]
    for stranger in strangers:
        table.versions[LAMP] = [stranger]
        caplog.clear()
        lamp, mug = [record(added(LAMP), 0), record(decremented(LAMP), 2)], record(added(MUG), 1)
        assert world.invoke(*lamp, mug) == named(*lamp)
        assert world.quantity(MUG) == 10
        assert table.items[LAMP] == stranger, "it is left alone"
        [line] = [vars(each)["error"] for each in caplog.records if "error" in vars(each)]
        assert LAMP in line and "was not written by this projector" in line


def test_an_item_that_is_not_ours_and_came_between_read_and_write_is_named_as_well(world):
    world.invoke(record(added(LAMP, 10), 0))
    stranger = {"product_id": {"S": LAMP}, "note": {"S": "written by hand"}}

    def by_hand(call):
        if "Statements" in call.request:
            world.database.tables[STOCK].versions[LAMP].append(stranger)

    world.before = by_hand
    sale = record(decremented(LAMP, 1), 1)
    assert world.invoke(sale) == named(sale)
    assert world.stock[LAMP] == stranger


def test_a_table_that_cannot_be_read_fails_every_event_and_still_quarantines_the_poison(world):
    def denied_to_read(call):
        if call.operation == "batch_get_item":
            raise client_error("BatchGetItem", "AccessDeniedException", "not authorized: dynamodb:BatchGetItem")

    world.before = denied_to_read
    poison, lamp, mug = record(b"{", 0), record(added(LAMP), 1), record(added(MUG), 2)
    assert world.invoke(poison, lamp, mug) == named(lamp, mug)
    assert world.reasons == ["not_json"]


def test_a_request_that_nobody_answered_fails_those_who_were_in_it(world):
    def cut_off(call):
        if call.operation == "batch_execute_statement":
            raise ConnectionError("reset by peer")

    world.before = cut_off
    lamp, mug = record(added(LAMP), 1), record(added(MUG), 2)
    assert world.invoke(lamp, mug) == named(lamp, mug)


def test_the_name_of_a_failed_record_is_the_event_id_that_the_pipe_gave_it(world):
    world.fate = lambda what, key: "refused"
    strange = flat(record(added(), 0)) | {"eventID": f"shardId-000000000042:{place(0)}"}
    assert json.loads(json.dumps(edge.handler([strange], None))) == {
        "batchItemFailures": [{"itemIdentifier": f"shardId-000000000042:{place(0)}"}]
    }
