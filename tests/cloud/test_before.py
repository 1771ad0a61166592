"""Before anything is changed: dry runs of the verbs on a cloud that runs, and the question before money is spent."""

import sys
from types import SimpleNamespace

import pytest

from pipeline import before
from pipeline.errors import UserError, WrongUsageError
from pipeline.provisioning import deployment, stack


def everything(running):
    """Return what is there that a verb could change."""
    cloudformation, s3 = running.client("cloudformation"), running.client("s3")
    stacks = {each["StackName"]: each.get("LastUpdatedTime") for each in cloudformation.describe_stacks()["Stacks"]}
    bucket = s3.list_objects_v2(Bucket=running.outputs["ArtifactBucketName"]).get("Contents", [])
    tables = running.client("dynamodb").list_tables()["TableNames"]
    pipe = running.client("pipes").describe_pipe(Name=running.outputs["PipeName"])["CurrentState"]
    return stacks, [(each["Key"], each["ETag"]) for each in bucket], tables, pipe


def test_dry_runs_tell_every_change_and_change_nothing(running, inventory_here, capsys):
    there = everything(running)
    new = inventory_here("up", "--dry-run", "--stack-name", "not-there")["planned"]
    again = inventory_here("up", "--dry-run", "--parameter", "BatchSize=7")["planned"]
    down = inventory_here("down", "--dry-run")["planned"]
    assert everything(running) == there

    def calls(told):
        return [" ".join(line.split()[2:4]).rstrip(":") for line in told if line.startswith("would call")]

    assert calls(new) == ["cloudformation create-stack", "s3 put-object", "cloudformation update-stack"]
    assert calls(again)[:3] == ["cloudformation update-stack", "s3 put-object", "cloudformation update-stack"]
    assert "{ParameterKey: 'BatchSize', ParameterValue: '7'}" in again[0]
    assert {"s3 delete-object", "cloudformation delete-stack"} <= set(calls(down))
    assert "would call cloudformation delete-stack: StackName='inventory'" in down


def test_a_dry_run_where_no_cloud_runs_starts_none(nowhere, asked):
    done = asked(nowhere, "up", "--dry-run")
    assert (done.returncode, done.stdout) == (1, "") and "no local cloud is running" in done.stderr
    assert not nowhere.state_dir.exists()


@pytest.fixture
def billed(monkeypatch):
    """A cloud that costs money and holds nothing; nobody is at the terminal."""
    monkeypatch.setattr(stack, "describe", lambda cloud, name: None)
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: False))
    return SimpleNamespace(name="aws", region="us-east-2", is_billed=True)


def test_up_says_what_it_makes_and_costs_and_does_not_go_on_unasked(billed, capsys):
    with pytest.raises(WrongUsageError, match="there is no terminal to ask at: add --yes"):
        before.agree(billed, "shop", {}, yes=False)
    said = capsys.readouterr().err
    assert "This makes the stack shop in us-east-2 on aws:" in said
    assert "EventStream        AWS::Kinesis::Stream" in said
    assert "an hour costs about $0.070 while nothing flows (2 shards), a million events $" in said
    before.agree(billed, "shop", {}, yes=True)


def test_more_shards_cost_more(billed, capsys):
    before.agree(billed, "shop", {"ShardCount": "4", "RetentionHours": "24"}, yes=True)
    assert "an hour costs about $0.060 while nothing flows (4 shards)" in capsys.readouterr().err


def test_who_says_no_gets_nothing_made(billed, monkeypatch):
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: True))
    for answer, refused in ((True, False), (False, True)):
        monkeypatch.setattr("click.confirm", lambda *_, answer=answer, **__: answer)
        if refused:
            with pytest.raises(UserError, match="nothing was made"):
                before.agree(billed, "shop", {}, yes=False)
        else:
            before.agree(billed, "shop", {}, yes=False)


def test_the_local_cloud_costs_nothing_and_nobody_is_asked(joined):
    before.agree(joined, "shop", {}, yes=False)
    assert deployment.names_of("shop") == {"shop", "shop-watch"}
