"""The quarantine never forgets a record that the stream may still bring again."""

import pytest


@pytest.mark.parametrize("parameters", [["QuarantineDays=1"], ["RetentionHours=8760"]])
def test_up_refuses_a_quarantine_that_forgets_before_the_stream_does(running, parameters):
    given = [word for each in parameters for word in ("--parameter", each)]
    refused = running.inventory.run("up", "--stack-name", "forgetful", *given)
    assert refused.returncode == 2
    assert "QuarantineDays" in refused.stderr and "RetentionHours" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
    stacks = running.client("cloudformation").describe_stacks()["Stacks"]
    assert "forgetful" not in {each["StackName"] for each in stacks}, "nothing was begun"
