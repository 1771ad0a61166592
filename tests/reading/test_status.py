"""What `status` says of its own figures."""

from types import SimpleNamespace

from pipeline.reading import logs, metrics, quarantine, status

FACTS = {
    "cloud": "local", "endpoint_url": "http://127.0.0.1:1", "stack_name": "inventory", "figures_age_seconds": None,
    "pipe": {"name": "pipe", "state": "RUNNING", "error": ""}, "shards": [],
    "projector": {"name": "projector", "last_error": ""}, "quarantined": 0, "dead_letters": 0,
    "lately": dict.fromkeys(metrics.METRICS, None),
}  # fmt: skip


def figures(age):
    return [line for line in status.lines(FACTS | {"figures_age_seconds": age}) if line.startswith("figures")]


def test_figures_are_shown_with_their_age_and_old_ones_with_a_warning():
    assert figures(0.4) == ["figures      0.4 s old"]
    [old] = figures(340.0)
    assert old.startswith("figures      340.0 s old: the pipe runtime writes no new ones (is the disk full?)")


def test_where_nobody_says_there_is_no_age():
    assert figures(None) == []


class CloudWatch:
    """Answers with data points, and remembers what it was asked for."""

    def get_metric_data(self, MetricDataQueries, **_):  # noqa: N803
        self.asked = {each["Id"]: each["MetricStat"] for each in MetricDataQueries}
        values = {"pipe_executions": [3.0, 4.0], "oldest_read_ms": [900.0, 2500.0], "throttled_reads": []}
        return {"MetricDataResults": [{"Id": name, "Values": found} for name, found in values.items()]}


def test_what_cloudwatch_knows_and_why_a_pipe_stopped_are_shown(monkeypatch):
    cloudwatch, sqs = CloudWatch(), SimpleNamespace(
        get_queue_attributes=lambda AttributeNames, **_: {"Attributes": dict.fromkeys(AttributeNames, "1")}  # noqa: N803
    )  # fmt: skip
    pipes = SimpleNamespace(describe_pipe=lambda Name: {"CurrentState": "STOPPED", "StateReason": "no access"})  # noqa: N803
    clients = {"cloudwatch": cloudwatch, "sqs": sqs, "pipes": pipes}
    cloud = SimpleNamespace(name="aws", endpoint_url=None, client=clients.__getitem__, pipe_status=lambda: None)
    monkeypatch.setattr(logs, "last_trouble", lambda *_: "")
    monkeypatch.setattr(quarantine, "count", lambda *_: 0)
    outputs = {"PipeName": "a-pipe", "StreamName": "a-stream", "ProjectorName": "a-function",
               "QuarantineTableName": "refused", "DeadLetterQueueUrl": "letters"}  # fmt: skip
    facts = status.read(SimpleNamespace(cloud=cloud, stack_name="shop", outputs=outputs))
    assert facts["lately"] == {
        "pipe_executions": 7, "pipe_failures": None, "oldest_read_ms": 2500, "throttled_reads": None,
        "throttled_invocations": None,
    }  # fmt: skip
    asked = cloudwatch.asked["throttled_invocations"]["Metric"]
    assert asked["Dimensions"] == [{"Name": "FunctionName", "Value": "a-function"}]
    lines = status.lines(facts)
    assert "pipe         STOPPED: no access" in lines
    assert (
        "last 15 min  7 pipe executions, ? failed; oldest read 2.5 s; throttled: ? reads, ? invocations" in lines
    )  # fmt: skip
