"""Parameters of which each is right and two together would lose records are refused before anything is begun."""

import pytest

FORGETS = ["QuarantineDays", "RetentionHours"]
TOO_OLD = ["MaximumRecordAgeSeconds", "RetentionHours", "Give MaximumRecordAgeSeconds=86399 or less"]


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        (["QuarantineDays=1"], FORGETS),
        (["RetentionHours=8760"], FORGETS),
        (["RetentionHours=24", "MaximumRecordAgeSeconds=86400"], TOO_OLD),
    ],
)
def test_up_refuses_what_does_not_go_together(running, parameters, says):
    given = [word for each in parameters for word in ("--parameter", each)]
    refused = running.inventory.run("up", "--stack-name", "forgetful", *given)
    assert refused.returncode == 2
    assert all(words in refused.stderr for words in says)
    assert len(refused.stderr.splitlines()) == 1
    stacks = running.client("cloudformation").describe_stacks()["Stacks"]
    assert "forgetful" not in {each["StackName"] for each in stacks}, "nothing was begun"
