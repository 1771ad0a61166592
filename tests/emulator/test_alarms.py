"""Every alarm of `observability.yaml`, on data points under AWS's names: when it rings, and when not."""

import pytest
from ministack.services import cloudwatch

from pipeline.emulator import alarms
from pipeline.paths import OBSERVABILITY
from pipeline.provisioning.template import Template

NOW = 1_694_433_600.0
WATCHED = {
    "PipelineStackName": "shop", "StreamName": "events", "PipeName": "pipe", "ProjectorName": "projector",
    "DeadLetterQueueName": "letters",
}  # fmt: skip
TEMPLATE = Template.read(OBSERVABILITY, WATCHED)
KINESIS, PIPES = ("AWS/Kinesis", "StreamName", "events"), ("AWS/EventBridge/Pipes", "PipeName", "pipe")
LAMBDA, SQS = ("AWS/Lambda", "FunctionName", "projector"), ("AWS/SQS", "QueueName", "letters")
OWN = ("Inventory", "service", "shop")
OTHERS = ("AWS/Lambda", "FunctionName", "somebody-else")

RECORDS, RUNS = (*KINESIS, "IncomingRecords"), (*PIPES, "Invocations")
FAILED, PARTLY = (*PIPES, "ExecutionFailed"), (*PIPES, "ExecutionPartiallyFailed")
LATE, OLDEST = (*PIPES, "ExecutionTimeout"), (*OWN, "OldestRecord")
ERRORS, THROTTLES = (*LAMBDA, "Errors"), (*LAMBDA, "Throttles")
LETTERS = (*SQS, "ApproximateNumberOfMessagesVisible")
APPLIED, DUPLICATE, QUARANTINED = (*OWN, "Applied"), (*OWN, "Duplicate"), (*OWN, "Quarantined")

# alarm, its period; metric → one value for each period, the newest first. None: no data point.
RINGS = [
    ("RecordsNotCarried", 60, {RECORDS: [5] * 10}),
    ("RecordsNotCarried", 60, {RECORDS: [5] * 10, RUNS: [0] * 10}),
    ("PipeFails", 60, {FAILED: [1, 1, 1]}),
    ("PipeFails", 60, {FAILED: [0, 1, 0], PARTLY: [1, 0, 0], LATE: [0, 0, 1]}),
    ("OldestRecord", 60, {OLDEST: [901, 2000, 901]}),
    ("ProjectorErrors", 60, {ERRORS: [0, 1, 1]}),
    ("ProjectorThrottled", 60, {THROTTLES: [3, None, 1]}),
    ("DeadLetters", 60, {LETTERS: [1]}),
    ("ManyQuarantined", 300, {APPLIED: [90, 90], DUPLICATE: [4, 4], QUARANTINED: [6, 6]}),
]
DOES_NOT = [
    *((name, 300, {}) for name in TEMPLATE.properties if name != "Dashboard"),
    ("RecordsNotCarried", 60, {RECORDS: [5] * 9}),
    ("RecordsNotCarried", 60, {RECORDS: [5] * 10, RUNS: [None] * 9 + [1]}),
    ("PipeFails", 60, {FAILED: [0, 1, 1]}),
    ("OldestRecord", 60, {OLDEST: [900, 901, 901]}),
    ("ProjectorErrors", 60, {ERRORS: [0, 0, 1]}),
    ("ProjectorErrors", 60, {(*OTHERS, "Errors"): [1, 1, 1]}),
    ("DeadLetters", 60, {LETTERS: [0, 1]}),
    ("ManyQuarantined", 300, {APPLIED: [91, 91], DUPLICATE: [4, 4], QUARANTINED: [5, 5]}),
    ("ManyQuarantined", 300, {APPLIED: [0, 0], DUPLICATE: [0, 0], QUARANTINED: [0, 0]}),
]


@pytest.fixture
def state(monkeypatch):
    """Judge an alarm of the template over data points."""

    def judged(name, period, values):
        cloudwatch._metrics.clear()
        for (namespace, dimension, whose, metric), series in values.items():
            for index, value in enumerate(series):
                if value is not None:
                    monkeypatch.setattr("time.time", lambda then=NOW - (index + 0.5) * period: then)
                    cloudwatch.record_metric(namespace, metric, value, dimensions={dimension: whose})
        monkeypatch.undo()
        alarm = alarms.record(name, TEMPLATE.properties[name])
        return alarms.judge(alarm, alarms.values_of(alarm, NOW))

    yield judged
    cloudwatch._metrics.clear()


def test_every_alarm_rings_on_its_data_points(state):
    assert {name for name, _, _ in RINGS} == TEMPLATE.properties.keys() - {"Dashboard"}
    assert [case for case in RINGS if state(*case) != "ALARM"] == []


def test_no_alarm_rings_on_less_on_nothing_or_on_what_belongs_to_somebody_else(state):
    assert [case for case in DOES_NOT if state(*case) != "OK"] == []


def test_missing_data_is_what_the_alarm_says_it_is(state):
    plain = TEMPLATE.properties["DeadLetters"]
    said = {treat: plain | {"TreatMissingData": treat} for treat in ("missing", "ignore", "breaching", "notBreaching")}
    judged = {}
    for treat, properties in said.items():
        alarm = alarms.record("DeadLetters", properties) | {"StateValue": "ALARM"}
        judged[treat] = alarms.judge(alarm, [None])
    assert judged == {
        "missing": "INSUFFICIENT_DATA", "ignore": "ALARM", "breaching": "ALARM", "notBreaching": "OK"
    }  # fmt: skip


def test_an_expression_that_is_not_known_is_refused_and_not_guessed():
    assert alarms.calculate("IF(FILL(a, 0) == 0, b, 0) + 1", {"a": None, "b": 4.0}) == 5
    assert alarms.calculate("a / b", {"a": 1.0, "b": 0.0}) is None
    with pytest.raises(ValueError, match="ANOMALY_DETECTION_BAND"):
        alarms.calculate("ANOMALY_DETECTION_BAND(a)", {"a": 1.0})
