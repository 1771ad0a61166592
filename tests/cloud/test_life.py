"""The life of a local cloud: a command takes down what it names and nothing else, and no process is lost sight of."""

import json
import os
import shutil
import signal
import subprocess
import sys

import pytest

from pipeline import __main__ as command_line
from pipeline import cloud as clouds
from pipeline.emulator import LocalCloud
from pipeline.emulator.process import members
from pipeline.errors import UserError
from pipeline.paths import ROOT
from pipeline.provisioning import deployment, stack
from pipeline.waiting import eventually

TINY = json.dumps({"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}})
BUCKET = json.dumps({
    "Resources": {"ArtifactBucket": {"Type": "AWS::S3::Bucket"}},
    "Outputs": {"ArtifactBucketName": {"Value": {"Ref": "ArtifactBucket"}}},
})  # fmt: skip


@pytest.fixture
def local(monkeypatch, tmp_path):
    """A local cloud of the test's own, not started yet."""
    monkeypatch.setenv("INVENTORY_STATE_DIR", str(tmp_path / "state"))
    local = LocalCloud(tmp_path / "state")
    yield local
    local.stop()
    assert pids(local) == []


@pytest.fixture
def said(capsys):
    """Call the command line in the test's own process: exit status, stdout, the lines on stderr."""

    def said(*arguments):
        capsys.readouterr()
        status = command_line.main(arguments)
        out, err = capsys.readouterr()
        return status, out, err.splitlines()

    return said


def stacks_made(*names):
    """Start the cloud and make stacks that hold next to nothing."""
    cloud = clouds.start()
    for name in names:
        tiny_stack(cloud, name)
    return cloud


def tiny_stack(cloud, name, template=TINY):
    tags = [{"Key": stack.MADE_BY, "Value": name}]
    cloud.client("cloudformation").create_stack(StackName=name, TemplateBody=template, Tags=tags)


def pids(local):
    return sorted(process.pid for process, _ in members(local.state_dir))


def test_down_takes_its_stack_and_no_other_and_the_last_one_takes_the_cloud(local, said):
    cloud = stacks_made("aaa", "bbb")
    assert said("down", "--stack-name", "ccc") == (
        1, "", ["inventory: there is no stack named ccc on local; there is aaa, bbb. Nothing was touched"],
    )  # fmt: skip
    assert stack.names(cloud) == ["aaa", "bbb"]
    assert said("down", "--stack-name", "aaa", "--json")[:2] == (0, '{\n  "deleted": true\n}\n')
    assert stack.names(cloud) == ["bbb"]
    assert len(cloud.client("sqs").list_queues()["QueueUrls"]) == 1, "what is in the other stack is there"
    assert said("down", "--stack-name", "bbb")[0] == 0
    assert not local.is_running()


def test_down_all_takes_the_cloud_with_every_stack_in_it(local, said):
    stacks_made("aaa", "bbb")
    assert said("down", "--all") == (0, "", [])
    assert not local.is_running()


def test_down_takes_the_snapshots_too_unless_they_are_to_stay(local, said):
    cloud, s3 = stacks_made(), clouds.join().client("s3")

    def a_bucket_with(*keys):
        tiny_stack(cloud, "aaa", BUCKET)
        bucket = eventually(lambda: stack.outputs(cloud, "aaa").get("ArtifactBucketName"))
        for key in keys:
            s3.put_object(Bucket=bucket, Key=key)
        return bucket

    bucket = a_bucket_with("code.zip", "snapshots/1", "snapshots/2")
    assert said("down", "--all", "--keep-snapshots")[0] == 2
    status, _, lines = said("down", "--stack-name", "aaa", "--keep-snapshots")
    assert (status, lines[0]) == (
        0, f"2 objects stay in the bucket {bucket}. CloudFormation says first that it cannot delete it",
    )  # fmt: skip
    assert stack.names(cloud) == []
    assert [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["snapshots/1", "snapshots/2"]
    a_bucket_with("code.zip")
    assert said("down", "--stack-name", "aaa", "--keep-snapshots")[0] == 0, "there is none"
    gone = a_bucket_with("code.zip", "snapshots/1")
    tiny_stack(cloud, "bbb")
    assert said("down", "--stack-name", "aaa")[0] == 0
    assert gone not in [each["Name"] for each in s3.list_buckets()["Buckets"]]


def test_down_stops_an_empty_cloud_whatever_the_name(local, said):
    local.start()
    assert said("down", "--stack-name", "ccc") == (0, "", [])
    assert not local.is_running()


def test_aws_does_not_stop(local, said):
    status, out, [line] = said("down", "--all", "--cloud", "aws")
    assert (status, out) == (2, "")
    assert "aws cannot be stopped" in line


def test_a_cloud_is_found_again_by_what_it_is_whatever_became_of_its_files(local, tmp_path):
    endpoint_url = local.start()
    before = pids(local)
    (tmp_path / "link").symlink_to(tmp_path, target_is_directory=True)
    for file in local.state_dir.glob("*.json"):
        file.write_text('{"pid": 1')  # torn
    by_another_path = LocalCloud(tmp_path / "link" / "state")
    assert (by_another_path.start(), pids(local)) == (endpoint_url, before)
    shutil.rmtree(local.state_dir)
    assert (local.start(), local.join(), pids(local)) == (endpoint_url, endpoint_url, before), "no second emulator"

    of_another_folder = LocalCloud(tmp_path / "state2")
    of_another_folder.stop()
    assert not of_another_folder.is_running()
    assert pids(local) == before, "they are not the other folder's"

    shutil.rmtree(local.state_dir)
    local.stop()
    assert pids(local) == [], "and no orphan"


def test_a_start_that_was_killed_leaves_an_emulator_that_the_next_start_joins(local, eventually):
    starting = subprocess.Popen([sys.executable, "-m", "pipeline", "up"], cwd=ROOT, stderr=subprocess.DEVNULL)
    emulator = eventually(local.emulator.process, "the emulator's process")
    starting.send_signal(signal.SIGKILL)
    starting.wait()
    local.start()
    assert [process for process, command in members(local.state_dir) if "pipeline.emulator.launch" in command] == [
        emulator
    ]


def test_what_somebody_else_made_is_not_taken_down_by_who_asks_for_what_they_made(joined):
    tiny_stack(joined, "theirs")
    with pytest.raises(UserError, match=r"made by theirs, not by the notebooks.* down --stack-name theirs"):
        deployment.down(joined, "theirs", only_made_by=stack.NOTEBOOKS)
    assert "theirs" in stack.names(joined)
    deployment.down(joined, "theirs", only_made_by="theirs")
    assert "theirs" not in stack.names(joined)
    deployment.down(joined, "theirs", only_made_by="theirs")  # it is down already


def test_a_report_does_not_begin_where_its_stack_would_be_somebody_elses(joined, said):
    tiny_stack(joined, "records-of-mine")
    before = sorted(path.stat().st_mtime_ns for path in (ROOT / "report" / "build").glob("*"))
    status, out, [line] = said("report", "--stack-name", "records-of-mine")
    assert (status, out) == (1, "")
    assert "there is a stack named records-of-mine on local already" in line
    assert line.endswith("down --stack-name records-of-mine")
    assert sorted(path.stat().st_mtime_ns for path in (ROOT / "report" / "build").glob("*")) == before
    assert "records-of-mine" in stack.names(joined)
    deployment.down(joined, "records-of-mine")


# ── make clean ──


@pytest.fixture
def checkout(tmp_path):
    """A checkout whose Python notes what it was called with, and ends as the file `status` says."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\necho "$INVENTORY_STATE_DIR" "$@" >> calls\nexit $(cat status)\n')
    python.chmod(0o755)
    (tmp_path / ".venv" / ".ready").touch()
    (tmp_path / ".local").mkdir()
    return tmp_path


def clean(checkout, status):
    (checkout / "status").write_text(str(status))
    env = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "INVENTORY_STATE_DIR")}
    return subprocess.run(["make", "clean"], cwd=checkout, env=env, capture_output=True, text=True, timeout=30)


def test_clean_stops_the_cloud_before_it_takes_its_files_and_its_python_away(checkout):
    assert clean(checkout, 0).returncode == 0
    assert (checkout / "calls").read_text() == " -m pipeline down --all\n"
    assert not (checkout / ".venv").exists() and not (checkout / ".local").exists()
    assert clean(checkout, 0).returncode == 0, "nothing is left to be cleaned"


def test_clean_takes_nothing_away_if_the_cloud_cannot_be_stopped(checkout):
    assert clean(checkout, 1).returncode != 0
    assert (checkout / ".venv").exists() and (checkout / ".local").exists()


def test_clean_without_an_environment_refuses_to_take_a_cloud_that_may_run(checkout):
    shutil.rmtree(checkout / ".venv")
    (checkout / ".local" / "checkpoints").mkdir()
    refused = clean(checkout, 0)
    assert refused.returncode != 0
    assert "make setup" in refused.stderr
    assert (checkout / ".local").exists()
