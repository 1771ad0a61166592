"""What stands on the flowchart: settings with their values, and what each role may do."""

from typing import Any

import pytest

from pipeline.drawings.flowchart import derive, render, to_dot
from tests.drawings.reading import edge_between


def test_every_setting_of_the_pipe_is_on_an_arrow_with_its_value():
    chart = derive(parameters={"BatchSize": 25, "BatchingWindowSeconds": 7, "ParallelizationFactor": 3,
                               "MaximumRetryAttempts": 1, "MaximumRecordAgeSeconds": 5400})  # fmt: skip
    assert edge_between(chart, "EventStream", "StockPipe").lines == (
        "from TRIM_HORIZON",
        "batches of up to 25 records",
        "batching window 7 s",
        "3 batches per shard at once",
    )
    assert edge_between(chart, "StockPipe", "DeadLetterQueue").lines == (
        "given up after 1 retry",
        "or at an age of 90 min",
    )
    assert edge_between(chart, "Projector", "StockPipe").lines == (
        "batchItemFailures, whose batch is halved: AUTOMATIC_BISECT",
    )


def test_every_path_of_trouble_says_what_goes_along_it():
    failures = [edge for edge in derive().edges if edge.kind == "failure"]
    assert [edge for edge in failures if not edge.lines] == []
    chart = derive()
    assert edge_between(chart, "QuarantineTable", "Operator").lines == ("the reason, read in place",)
    assert edge_between(chart, "DeadLetterQueue", "Operator").lines == ("which records were given up",)


@pytest.mark.parametrize("given", [{}, {"BatchSize": "333"}], ids=["default", "parameter"])
def test_the_label_follows_the_template(changed, given: dict[str, Any]):
    description = "More records fold into fewer writes.\n    Type: Number\n    Default: "
    chart = derive(changed(f"{description}1000", f"{description}12345"), given)
    expected = "batches of up to 333 records" if given else "batches of up to 12,345 records"
    assert expected in edge_between(chart, "EventStream", "StockPipe").lines
    assert expected in render(to_dot(chart))


def test_a_parameter_that_the_template_does_not_have_is_refused():
    with pytest.raises(ValueError, match="no parameter BatchSise"):
        derive(parameters={"BatchSise": 10})


def test_the_small_print_says_what_each_role_may_do():
    roles = {role.name: role for role in derive().roles}
    assert roles["PipeRole"].used_by == ("StockPipe",)
    assert roles["ProjectorRole"].permissions == (
        "StockTable: dynamodb:BatchGetItem, dynamodb:PartiQLInsert, dynamodb:PartiQLUpdate",
        "QuarantineTable: dynamodb:PartiQLInsert",
        "ProjectorLog: logs:CreateLogStream, logs:PutLogEvents",
    )
