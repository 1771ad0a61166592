"""Section 4 of the contract against the embedded cloud: the item, the guard, and sixteen who want the same laptop."""

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st
from stock_projector.events import Refusal, SequenceNumber, parse
from stock_projector.memory import CAPACITY
from stock_projector.projection import Outcome, StockLevel, fold
from stock_projector.store import ContentionError, Lost, Store, from_item, to_item

from tests.events import FIRST, STEP, added, decremented, incremented, place, record, removed

NOW, DAY = 1_694_433_600, 24 * 3600
TOMBSTONE_SECONDS = 2 * 48 * 3600
UUID = "3f2b8c1e-7d4a-4c55-9b1e-0a6f2d9e8c71"
LONG_NAME = "Crunchy Laptop 15\u2033, refurbished, German keyboard, 32 GB"


def folded(*story, product_id="P98765", apart=STEP):
    """Fold events that lie so far apart in the shard. Returns the stock level."""
    places = (SequenceNumber(str(FIRST + number * apart)) for number in range(len(story)))
    return fold(StockLevel(product_id), zip(places, (parse(record(said)) for said in story), strict=True))[0]


def size_of(item):
    """Count an item's bytes as DynamoDB does: names and values, a number at about a byte for two digits."""
    size = 0
    for name, value in item.items():
        [(kind, content)] = value.items()
        size += len(name.encode())
        size += {"S": lambda c: len(c.encode()), "B": len, "N": lambda c: len(c) // 2 + 2}[kind](content)
    return size


# ── the item ──


def test_the_item_has_the_attributes_of_the_contract_and_their_types():
    item = to_item(folded(added(), decremented(quantity=3)), expires_at=NOW)
    assert {name: list(value) for name, value in item.items()} == {
        "product_id": ["S"],
        "product_name": ["S"],
        "status": ["S"],
        "quantity": ["N"],
        "version": ["N"],
        "last_sequence_number": ["S"],
        "updated_at": ["S"],
        "recent_events": ["B"],
        "remembers_after": ["S"],
    }
    assert item["quantity"] == {"N": "7"}
    assert item["version"] == {"N": "2"}
    assert item["remembers_after"] == {"S": ""}, "empty while nothing was forgotten"


def test_a_sequence_number_of_56_digits_is_kept_to_the_last_digit():
    item = to_item(folded(added(), incremented()), expires_at=NOW)
    assert item["last_sequence_number"] == {"S": str(FIRST + STEP)}
    assert len(item["last_sequence_number"]["S"]) == 56


def test_a_padded_sequence_number_is_written_as_kinesis_wrote_it():
    padded = SequenceNumber("000000000000000000000000000042")
    level, _ = fold(StockLevel("P98765"), [(padded, parse(record(added())))])
    item = to_item(level, expires_at=NOW)
    assert item["last_sequence_number"] == {"S": "000000000000000000000000000042"}
    assert str(from_item(item).last_sequence_number) == "000000000000000000000000000042"


def test_only_a_removed_product_expires():
    assert "expires_at" not in to_item(folded(added()), expires_at=NOW)
    gone = to_item(folded(added(), removed()), expires_at=NOW)
    assert gone["status"] == {"S": "removed"}
    assert gone["expires_at"] == {"N": str(NOW)}
    assert "expires_at" not in to_item(folded(added(), removed(), added()), expires_at=NOW)


def test_a_full_memory_says_what_it_has_forgotten():
    item = to_item(folded(added(), *[incremented()] * 40), expires_at=NOW)
    assert item["remembers_after"] == {"S": str(place(40 - CAPACITY))}


@pytest.mark.parametrize(
    ("product_id", "name", "apart"),
    [
        pytest.param(UUID, LONG_NAME, STEP, id="a minute apart, with a long id and a long name"),
        pytest.param("P98765", LONG_NAME, STEP * 60 * 24, id="a day apart, with a long name"),
        pytest.param("P98765", "Crunchy Laptop", STEP * 60 * 24 * 365, id="a year apart"),
    ],
)
def test_an_item_of_realistic_size_costs_one_write_unit(product_id, name, apart):
    busy = [incremented(product_id, 10**9, timestamp="2023-09-11T12:00:00.000+02:00")] * 100
    level = folded(added(product_id, 10**9, name), *busy, removed(product_id), product_id=product_id, apart=apart)
    item = to_item(level, expires_at=NOW)
    assert len(item["recent_events"]["B"]) >= CAPACITY * 9
    assert size_of(item) < 1024


STORY = st.lists(
    st.builds(
        lambda say, quantity, event_id: (
            say(event_id=event_id) if say is removed else say(quantity=quantity, event_id=event_id)
        ),
        st.sampled_from([added, removed, incremented, incremented, decremented]),
        st.integers(1, 10**9),
        st.none() | st.text(st.characters(codec="utf-8"), min_size=1, max_size=64),
    ),
    min_size=1,
    max_size=70,
).map(lambda story: [added(name="L\N{DUMPLING}"), *story])


@given(
    STORY, st.sampled_from([1, 255, 256, STEP, 10**40]), st.sampled_from([1, 9_999, FIRST]), st.sampled_from([0, 60])
)
def test_an_item_is_read_as_the_stock_level_that_was_written(story, apart, first, width):
    places = [SequenceNumber(str(first + number * apart).zfill(width)) for number in range(len(story))]
    level, _ = fold(StockLevel("P98765"), zip(places, (parse(record(said)) for said in story), strict=True))
    back = from_item(to_item(level, expires_at=NOW))
    assert back == level
    assert str(back.last_sequence_number) == str(level.last_sequence_number)
    again = to_item(back, expires_at=NOW)
    assert again == to_item(level, expires_at=NOW)


@pytest.mark.parametrize("width", [0, 30])
def test_what_was_forgotten_after_a_round_trip_is_named_as_kinesis_wrote_it(width):
    places = [SequenceNumber(str(number).zfill(width)) for number in range(95, 95 + CAPACITY + 2)]
    story = [parse(record(added(quantity=5))), *(parse(record(incremented(quantity=1))) for _ in places[1:-1])]
    level, _ = fold(StockLevel("P98765"), zip(places[:-1], story, strict=True))
    back = from_item(to_item(level, expires_at=NOW))
    after, _ = fold(back, [(places[-1], parse(record(incremented(quantity=1))))])
    assert to_item(after, expires_at=NOW)["remembers_after"] == {"S": "96".zfill(width)}


# ── against the embedded cloud ──


@pytest.fixture(scope="module")
def services(running):
    """A table and a queue of our own beside the stack's."""
    dynamodb, sqs = running.client("dynamodb"), running.client("sqs")
    dynamodb.create_table(
        TableName="store-tests",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "product_id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "product_id", "KeyType": "HASH"}],
    )
    queue_url = sqs.create_queue(QueueName="store-tests")["QueueUrl"]
    yield dynamodb, sqs, queue_url
    dynamodb.delete_table(TableName="store-tests")
    sqs.delete_queue(QueueUrl=queue_url)


@pytest.fixture
def store(services):
    dynamodb, sqs, queue_url = services
    return Store(dynamodb, sqs, "store-tests", queue_url, TOMBSTONE_SECONDS, clock=lambda: NOW)


def entries(*numbered):
    return [(record(said, number), parse(record(said, number))) for number, said in numbered]


def brought_forward(store, product_id, *numbered):
    """Do what the projector does with one product's records of a batch."""
    return store.project(store.read([product_id])[product_id], entries(*numbered))


def messages(store):
    found = []
    while got := store.sqs.receive_message(QueueUrl=store.queue_url, MaxNumberOfMessages=10).get("Messages"):
        found += [json.loads(each["Body"]) for each in got]
        for each in got:
            store.sqs.delete_message(QueueUrl=store.queue_url, ReceiptHandle=each["ReceiptHandle"])
    return found


def test_a_product_is_found_as_it_was_left(store):
    brought_forward(store, "AMBER-KETTLE", (0, added("AMBER-KETTLE", 10)), (1, decremented("AMBER-KETTLE", 4)))
    level = store.read(["AMBER-KETTLE", "NEVER-SEEN"])
    assert (level["AMBER-KETTLE"].quantity, level["AMBER-KETTLE"].version) == (6, 2)
    assert str(level["AMBER-KETTLE"].last_sequence_number) == str(place(1))
    assert level["NEVER-SEEN"] == StockLevel("NEVER-SEEN")


def test_ids_of_any_script_are_kept_apart(store):
    products = ["Caf\u00e9", "Cafe\u0301", "\N{DUMPLING}" * 128, " ", "'; DROP TABLE", "<script>"]
    for number, product_id in enumerate(products):
        brought_forward(store, product_id, (0, added(product_id, number)))
    assert [store.read(products)[product_id].quantity for product_id in products] == list(range(6))


def test_a_write_onto_a_state_that_is_no_more_is_lost_and_says_who_won(store):
    kettle = "BRAVE-KETTLE"
    brought_forward(store, kettle, (0, added(kettle, 10)))
    stale = store.read([kettle])[kettle]
    brought_forward(store, kettle, (1, decremented(kettle, 3)))
    mine, _ = fold(stale, [(place(2), parse(record(decremented(kettle, 5), 2)))])
    lost = store.write(stale, mine)
    assert isinstance(lost, Lost)
    assert lost.winner == store.read([kettle])[kettle]
    assert lost.winner.quantity == 7


def test_a_first_write_is_lost_when_somebody_else_was_first(store):
    kettle = "TINY-KETTLE"
    mine, _ = fold(StockLevel(kettle), entries_of(kettle, 1))
    brought_forward(store, kettle, (0, added(kettle, 10)))
    assert store.write(StockLevel(kettle), mine).winner.quantity == 10


def entries_of(product_id, number):
    return [(place(number), parse(record(added(product_id, 99), number)))]


def test_a_write_onto_an_item_that_has_expired_meanwhile_starts_afresh(store):
    kettle = "COPPER-KETTLE"
    brought_forward(store, kettle, (0, added(kettle, 10)), (1, removed(kettle)))
    stale = store.read([kettle])[kettle]
    store.dynamodb.delete_item(TableName="store-tests", Key={"product_id": {"S": kettle}})
    assert store.project(stale, entries((2, added(kettle, 4)))) == [Outcome.APPLIED]
    level = store.read([kettle])[kettle]
    assert (level.quantity, level.version) == (4, 1)


def test_a_tombstone_lies_in_the_table_with_the_day_it_may_go(store):
    kettle = "NORDIC-KETTLE"
    brought_forward(store, kettle, (0, added(kettle)), (1, removed(kettle)))
    item = store.dynamodb.get_item(TableName="store-tests", Key={"product_id": {"S": kettle}})["Item"]
    assert item["expires_at"] == {"N": str(NOW + TOMBSTONE_SECONDS)}
    assert TOMBSTONE_SECONDS > 48 * 3600


def test_a_duplicate_is_no_write(store, monkeypatch):
    kettle = "QUIET-KETTLE"
    brought_forward(store, kettle, (0, added(kettle, 10)), (1, decremented(kettle, 3)))
    written = []
    monkeypatch.setattr(Store, "write", lambda *args: written.append(args))
    assert (
        brought_forward(store, kettle, (0, added(kettle, 10)), (1, decremented(kettle, 3))) == [Outcome.DUPLICATE] * 2
    )
    assert written == []


def test_refused_records_lie_in_the_queue_before_the_item_is_written(store, monkeypatch):
    kettle, write = "VELVET-KETTLE", Store.write
    seen_by_then = []

    def look_first(self, before, after):
        seen_by_then.extend(messages(self))
        return write(self, before, after)

    monkeypatch.setattr(Store, "write", look_first)
    messages(store)
    brought_forward(store, kettle, (0, added(kettle, 1)), (1, decremented(kettle, 2)), (2, decremented(kettle, 1)))
    assert [(each["reason"], each["sequence_number"]) for each in seen_by_then] == [
        ("insufficient_stock", str(place(1)))
    ]


def test_nothing_is_written_when_the_queue_is_not_there(store, services):
    kettle = "FOLDING-KETTLE"
    nowhere = Store(store.dynamodb, store.sqs, "store-tests", store.queue_url + "-gone", TOMBSTONE_SECONDS)
    with pytest.raises(ClientError, match=r"NonExistentQueue|does not exist"):
        brought_forward(nowhere, kettle, (0, added(kettle, 1)), (1, decremented(kettle, 2)))
    assert store.read([kettle])[kettle] == StockLevel(kettle)


THREADS = 16


def hammered(store, work):
    """Run the same work in sixteen threads at once, each trying again as the pipe would. Returns what each came to."""
    start = Barrier(THREADS)

    def as_the_pipe_would(number):
        start.wait()
        while True:
            try:
                return work(number)
            except ContentionError:
                continue

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(as_the_pipe_would, range(THREADS)))


def test_sixteen_who_sell_the_same_laptop_lose_no_sale_and_sell_none_twice(store):
    laptop = "CRUNCHY-LAPTOP"
    messages(store)
    brought_forward(store, laptop, (0, added(laptop, 100)))

    def sell(thread):
        results = []
        for sale in range(4):
            number = 1 + sale * THREADS + thread
            results += brought_forward(store, laptop, (number, decremented(laptop, 3, event_id=f"sale-{number}")))
        return results

    outcomes = Counter(
        each.reason if isinstance(each, Refusal) else each for results in hammered(store, sell) for each in results
    )
    level = store.read([laptop])[laptop]
    assert outcomes.total() == 4 * THREADS, "every record has exactly one outcome"
    assert outcomes["duplicate"] == 0
    assert level.quantity == 100 - 3 * outcomes["applied"] >= 0
    assert level.version == 1 + outcomes["applied"]
    refused = Counter(each["reason"] for each in messages(store))
    assert refused == {reason: n for reason, n in outcomes.items() if reason not in ("applied", "duplicate")}
    assert refused.keys() <= {"out_of_order", "insufficient_stock"}


def test_sixteen_who_are_given_the_same_batch_apply_it_once(store):
    laptop = "ROUND-LAPTOP"
    messages(store)
    batch = [(0, added(laptop, 50))] + [(number, decremented(laptop, 2)) for number in range(1, 20)]
    results = hammered(store, lambda thread: brought_forward(store, laptop, *batch))
    level = store.read([laptop])[laptop]
    assert (level.quantity, level.version) == (50 - 2 * 19, 20)
    applied = Counter(place for each in results for place, outcome in enumerate(each) if outcome == Outcome.APPLIED)
    assert set(applied.values()) == {1} and len(applied) == 20, "each record was applied by exactly one of them"
    assert messages(store) == []


def test_the_last_laptop_is_sold_to_one_of_sixteen(store):
    laptop = "LAST-LAPTOP"
    messages(store)
    brought_forward(store, laptop, (0, added(laptop, 1)))
    results = hammered(store, lambda thread: brought_forward(store, laptop, (1 + thread, decremented(laptop, 1))))
    assert [each for result in results for each in result].count(Outcome.APPLIED) == 1
    assert store.read([laptop])[laptop].quantity == 0
    assert len(messages(store)) == 15
