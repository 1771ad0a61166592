"""Faults by name: when they are in force, and what each makes of a request, a statement or an invocation."""

import json
import time
from types import SimpleNamespace

import pytest

from pipeline.emulator import faults
from pipeline.emulator.faults import hooks
from pipeline.emulator.process import write_json
from pipeline.errors import WrongUsageError


@pytest.fixture
def inject(tmp_path, monkeypatch):
    """Put a fault in force for the hooks."""
    monkeypatch.setattr(hooks, "_watch", faults.Watch(tmp_path))
    return lambda *names, percent=100, seconds=60, operations=(): write_json(
        tmp_path / faults.FILE, faults.as_json([faults.make(name, percent, seconds, operations) for name in names])
    )


def answer(told):
    """Read a status and the body of an answer."""
    status, _, body = told
    return status, json.loads(body)


def carry_out(request):
    carry_out.requests.append(request)
    said = {"Responses": [{"TableName": "t"} for _ in request.get("Statements", ())]}
    said |= {"Records": [{"SequenceNumber": record} for record in request.get("Records", ())]}
    return 200, {}, json.dumps(said).encode()


@pytest.fixture(autouse=True)
def nothing_was_asked():
    carry_out.requests = []


REQUEST = {"Records": ["1", "2", "3", "4"], "Statements": [{"Statement": "a"}, {"Statement": "b"}]}
STRUCK = [  # fault, hook, status, an error code, how many requests were carried out
    (faults.THROUGHPUT, hooks._kinesis("GetRecords", carry_out), 400, "ProvisionedThroughputExceededException", 0),
    (faults.THROUGHPUT, hooks._kinesis("GetShardIterator", carry_out), 400, "ProvisionedThroughputExceeded", 0),
    (faults.THROUGHPUT, hooks._kinesis("PutRecord", carry_out), 400, "ProvisionedThroughputExceededException", 0),
    (faults.EXPIRED, hooks._kinesis("GetRecords", carry_out), 400, "ExpiredIteratorException", 0),
    (faults.EXPIRED, hooks._kinesis("PutRecords", carry_out), 200, "", 1),
    (faults.PUT_ANSWER_LOST, hooks._kinesis("PutRecords", carry_out), 500, "InternalFailure", 1),
    (faults.PUT_ANSWER_LOST, hooks._kinesis("GetRecords", carry_out), 200, "", 1),
    (faults.THROTTLED, hooks._throttled("BatchGetItem", carry_out), 400, "ProvisionedThroughputExceededException", 0),
    (faults.ANSWER_LOST, hooks._statements(carry_out), 500, "InternalServerError", 1),
    (faults.NO_PERMISSION, hooks._statements(carry_out), 200, "AccessDenied", 0),
    (faults.STATEMENT_REFUSED, hooks._statements(carry_out), 200, "ThrottlingError", 1),
]


@pytest.mark.parametrize(("name", "hook", "status", "code", "carried_out"), STRUCK)
def test_what_a_fault_makes_of_a_request(inject, name, hook, status, code, carried_out):
    calm = hook(REQUEST)
    assert (answer(calm)[0], len(carry_out.requests)) == (200, 1)
    inject(name)
    told = hook(REQUEST)
    assert (answer(told)[0], len(carry_out.requests) - 1) == (status, carried_out)
    assert code in str(told[2]) and (told == calm) == (not code)


def test_one_statement_is_refused_and_the_others_are_carried_out(inject):
    inject(faults.STATEMENT_REFUSED)
    answers = [answer(hooks._statements(carry_out)(REQUEST))[1]["Responses"] for _ in range(20)]
    assert {tuple("Error" in response for response in responses) for responses in answers} == {
        (False, True),
        (True, False),
    }


def test_a_part_of_the_records_is_taken(inject):
    inject(faults.IN_PART)
    hook = hooks._kinesis("PutRecords", carry_out)
    for _ in range(20):
        status, body = answer(hook(REQUEST))
        taken = [record.get("SequenceNumber") for record in body["Records"]]
        assert (status, len(taken), body["FailedRecordCount"]) == (200, 4, taken.count(None))
        assert taken.count(None) >= 1
        assert all(place in (None, str(at)) for at, place in enumerate(taken, 1))
    assert {len(request["Records"]) for request in carry_out.requests} >= {1, 2}


def test_what_a_fault_makes_of_an_invocation(inject, monkeypatch):
    invoked, ended = [], []
    worker = SimpleNamespace(config={"Timeout": 0}, _proc=SimpleNamespace(kill=lambda: ended.append("killed")))

    def run(*_, **__):
        invoked.append(time.monotonic())
        if len(invoked) == 3:
            while not ended and time.monotonic() < invoked[-1] + 5:
                pass
        return {"status": "ok", "log": "what it wrote"}

    monkeypatch.setattr(hooks, "_invoke", run)
    monkeypatch.setattr(hooks, "DELAY_SECONDS", 0.01)
    invoke = lambda: hooks.invoke(worker, [], "id")  # noqa: E731
    assert invoke()["status"] == "ok"
    inject(faults.INVOCATION_ERROR)
    told = invoke()
    assert (told["status"], told["log"], len(invoked)) == ("error", "what it wrote", 2)
    inject(faults.WORKER_KILLED)
    invoke()
    assert ended == ["killed"]
    inject(faults.TIME_OUT)
    assert (invoke()["error"], len(invoked)) == ("Task timed out after 0.00 seconds", 3)
    inject(faults.INVOCATION_DELAY)
    asked = time.monotonic()
    assert invoke()["status"] == "ok"
    assert invoked[-1] - asked >= 0.01


def test_a_fault_ends_by_itself_and_strikes_as_often_as_it_was_told(inject, tmp_path, monkeypatch):
    watch = faults.Watch(tmp_path)
    inject(faults.THROUGHPUT, faults.EXPIRED, percent=30, operations=["GetRecords"])
    assert {fault.name for fault in faults.in_force(tmp_path)} == {faults.THROUGHPUT, faults.EXPIRED}
    strikes = sum(watch.strikes(faults.THROUGHPUT, "GetRecords") for _ in range(2000))
    assert 450 < strikes < 750
    assert not any(watch.strikes(faults.THROUGHPUT, "PutRecords") for _ in range(100))
    monkeypatch.setattr(faults, "time", SimpleNamespace(time=lambda: 10.0**12))
    assert faults.in_force(tmp_path) == []
    assert not any(watch.strikes(faults.THROUGHPUT, "GetRecords") for _ in range(100))


def test_the_first_request_is_struck_so_that_a_rare_fault_is_seen_in_a_short_story_too(inject, tmp_path):
    watch = faults.Watch(tmp_path)
    for _ in range(5):
        inject(faults.THROUGHPUT, percent=1)
        assert watch.strikes(faults.THROUGHPUT, "GetRecords")
        assert sum(watch.strikes(faults.THROUGHPUT, "GetRecords") for _ in range(100)) < 20


def test_a_fault_that_there_is_not_and_one_that_cannot_strike():
    with pytest.raises(WrongUsageError, match="there is no fault 'rain'; the faults are aws:kinesis:stream-"):
        faults.make("rain", 100, 60)
    with pytest.raises(WrongUsageError, match="cannot strike PutRecords; what it can strike is GetRecords"):
        faults.make(faults.EXPIRED, 100, 60, ["PutRecords"])


def test_a_torn_file_is_no_fault(tmp_path):
    (tmp_path / faults.FILE).write_text("[{")
    assert faults.in_force(tmp_path) == []
