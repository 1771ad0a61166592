"""Read, quarantine, one conditional statement: against the embedded cloud."""

from stock_projector.events import parse
from stock_projector.projection import StockLevel, fold
from stock_projector.store import Lost, Store

from tests.doubles import added, decremented, place, record, removed


def test_a_product_is_found_as_it_was_left(shelf):
    shelf.bring_forward((0, added("AMBER-KETTLE", 10)), (1, decremented("AMBER-KETTLE", 4)))
    levels = shelf.store.read(["AMBER-KETTLE", "NEVER-SEEN"])
    assert (levels["AMBER-KETTLE"].quantity, levels["AMBER-KETTLE"].version) == (6, 2)
    assert str(levels["AMBER-KETTLE"].last_sequence_number) == str(place(1))
    assert levels["NEVER-SEEN"] == StockLevel("NEVER-SEEN")


def test_ids_of_any_script_are_kept_apart(shelf):
    products = ["Caf\u00e9", "Cafe\u0301", "\N{DUMPLING}" * 128, " ", "'; DROP TABLE", '"?', "<script>"]
    shelf.bring_forward(*((number, added(product_id, number)) for number, product_id in enumerate(products)))
    levels = shelf.store.read(products)
    assert [levels[product_id].quantity for product_id in products] == list(range(7))


def folded(level, number, said):
    return fold(level, [(place(number), parse(record(said, number)))])[0]


def test_a_write_onto_a_state_that_is_no_more_is_lost_and_says_who_won(shelf):
    kettle = "BRAVE-KETTLE"
    shelf.bring_forward((0, added(kettle, 10)))
    stale = shelf.level(kettle)
    shelf.bring_forward((1, decremented(kettle, 3)))
    [lost] = shelf.store.write([(stale, folded(stale, 2, decremented(kettle, 5)))])
    assert lost == Lost(shelf.level(kettle))
    assert lost.winner.quantity == 7


def test_a_first_write_is_lost_when_somebody_else_was_first_and_does_not_say_who(shelf):
    kettle = "TINY-KETTLE"
    shelf.bring_forward((0, added(kettle, 10)))
    unseen = StockLevel(kettle)
    assert shelf.store.write([(unseen, folded(unseen, 1, added(kettle, 99)))]) == [Lost(None)]
    assert shelf.level(kettle).quantity == 10


def test_a_write_onto_an_item_that_somebody_deleted_meanwhile_is_lost_and_read_again(shelf):
    kettle = "COPPER-KETTLE"
    shelf.bring_forward((0, added(kettle, 10)))
    stale = shelf.level(kettle)
    shelf.dynamodb.delete_item(TableName=shelf.table_name, Key={"product_id": {"S": kettle}})
    assert shelf.store.write([(stale, folded(stale, 1, decremented(kettle, 4)))]) == [Lost(None)]
    assert shelf.level(kettle) == StockLevel(kettle)


def test_answers_belong_to_statements_by_position(shelf):
    kettles = [f"KETTLE-{number:02d}" for number in range(30)]
    shelf.bring_forward(*((number, added(kettle, 10)) for number, kettle in enumerate(kettles)))
    levels = [shelf.level(kettle) for kettle in kettles]
    shelf.bring_forward((40, decremented(kettles[7], 1)), (41, decremented(kettles[28], 1)))
    written = shelf.store.write(
        [(level, folded(level, 50, decremented(k, 2))) for k, level in zip(kettles, levels, strict=True)]
    )
    assert [at for at, said in enumerate(written) if said is not None] == [7, 28]
    assert [written[at].winner.product_id for at in (7, 28)] == [kettles[7], kettles[28]]


def test_an_item_of_the_version_before_loses_its_expiry_with_the_first_write(shelf):
    kettle = "NORDIC-KETTLE"
    shelf.bring_forward((0, added(kettle)), (1, removed(kettle)))
    old = shelf.item(kettle) | {"expires_at": {"N": "99999999999"}}
    shelf.dynamodb.put_item(TableName=shelf.table_name, Item=old)
    shelf.bring_forward((2, added(kettle, 4)))
    assert shelf.item(kettle).keys() == old.keys() - {"expires_at"}
    assert shelf.level(kettle).version == 3


def test_a_duplicate_is_no_write(shelf, monkeypatch):
    kettle = "QUIET-KETTLE"
    story = [(0, added(kettle, 10)), (1, decremented(kettle, 3))]
    shelf.bring_forward(*story)
    written = []
    monkeypatch.setattr(Store, "write", lambda self, changes, *_: written.extend(changes) or [])
    assert shelf.bring_forward(*story) == ["duplicate"] * 2
    assert written == []


def test_refused_records_lie_in_quarantine_before_the_item_is_written(shelf, monkeypatch):
    kettle, write = "VELVET-KETTLE", Store.write
    seen_by_then = []

    def look_first(self, changes, *others):
        if changes:
            seen_by_then.extend(shelf.refused(kettle))
        return write(self, changes, *others)

    monkeypatch.setattr(Store, "write", look_first)
    shelf.bring_forward((0, added(kettle, 1)), (1, decremented(kettle, 2)), (2, decremented(kettle, 1)))
    assert [(each["reason"]["S"], each["judged_on"]["S"]) for each in seen_by_then] == [
        ("insufficient_stock", str(place(0)))
    ]
    again = shelf.bring_forward((1, decremented(kettle, 2)))
    assert [each.reason for each in again] == ["out_of_order"]
    assert shelf.refused(kettle) == seen_by_then, "the first verdict stays"
