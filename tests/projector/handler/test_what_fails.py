"""What fails: the platform, and nothing but that."""

from stock_projector import handler as edge

from tests.doubles import added, decremented, flat, place, record
from tests.doubles.fakes import denied
from tests.projector.handler.world import LAMP, MUG, named


def test_a_product_that_cannot_be_written_fails_with_all_its_records_and_no_others(world):
    def no_lamps(operation, product_id):
        if (operation, product_id) == ("PutItem", LAMP):
            raise denied("PutItem", "dynamodb:PutItem")

    world.table.trouble = no_lamps
    lamp = [
        record(added(LAMP, 3), number) if number == 0 else record(decremented(LAMP, 1), number) for number in (0, 2, 4)
    ]
    mug = [record(added(MUG, 3), 1), record(decremented(MUG, 1), 3)]
    story = sorted([*lamp, *mug], key=lambda each: each.sequence_number)
    assert world.invoke(*story) == named(*lamp)
    assert world.quantity(MUG) == 2

    world.table.trouble = lambda operation, product_id: None
    assert world.invoke(*lamp) == []
    assert world.quantity(LAMP) == 1


def test_a_table_that_cannot_be_read_fails_every_event_and_still_quarantines_the_poison(world):
    def denied_to_read(operation, product_id):
        raise denied("BatchGetItem", "dynamodb:BatchGetItem")

    world.table.trouble = denied_to_read
    poison, lamp, mug = record(b"{", 0), record(added(LAMP), 1), record(added(MUG), 2)
    assert world.invoke(poison, lamp, mug) == named(lamp, mug)
    assert world.reasons == ["not_json"]


def test_the_name_of_a_failed_record_is_the_event_id_that_the_pipe_gave_it(world):
    def denied_to_read(operation, product_id):
        raise denied("BatchGetItem", "dynamodb:BatchGetItem")

    world.table.trouble = denied_to_read
    strange = flat(record(added(), 0)) | {"eventID": f"shardId-000000000042:{place(0)}"}
    assert edge.handler([strange], None) == {
        "batchItemFailures": [{"itemIdentifier": f"shardId-000000000042:{place(0)}"}]
    }
