"""A pipe is started, changed, stopped or refused while the runtime runs."""

import threading
from typing import Any
from unittest.mock import patch

from pipeline.emulator.process import write_json
from pipeline.pipe import runtime
from pipeline.pipe.settings import PipeSettings
from pipeline.pipe.validation import problem_of
from tests.doubles.errors import client_error
from tests.pipe.harness import LAPTOP, PIPE, SHARD, Harness


class Followed:
    """The runtime, with pipes that the test deploys."""

    def __init__(self, harness: Harness) -> None:
        self.deployed: list[PipeSettings] = []
        self._harness = harness

    def __enter__(self) -> "Followed":
        self._patches = [
            patch.object(runtime, "discover", lambda client: list(self.deployed)),
            patch.object(runtime, "settings_of", lambda pipe, **_: pipe),
        ]
        for discovery in self._patches:
            discovery.start()
        client, folder = self._harness.client, self._harness.folder
        self.runtime = runtime.Runtime(client, lambda *role: client, "123456789012", folder, write_json)
        return self

    def __exit__(self, *_: Any) -> None:
        self._harness.open_gates()
        self.runtime.stop()
        for discovery in self._patches:
            discovery.stop()

    def follow(self, *deployed: PipeSettings) -> None:
        self.deployed = list(deployed)
        self.runtime.follow()


def test_several_pipes_on_one_stream_each_deliver_everything(harness: Harness) -> None:
    """Guide, eb-pipes-kinesis: "The pipe shares the read throughput with other consumers of the shard"."""
    for n in range(20):
        harness.kinesis.put(LAPTOP, str(n))
    with Followed(harness) as followed:
        followed.follow(harness.settings(), harness.settings(arn=f"{PIPE}-2", batch_size=7))
        harness.eventually(lambda: len(harness.delivered()) == 40)
        assert sorted(map(int, harness.delivered())) == sorted([*range(20), *range(20)])
        assert {pipe["pipe"] for pipe in followed.runtime.status()} == {"stock-pipe", "stock-pipe-2"}


def test_a_pipe_is_started_stopped_and_started_again_live(harness: Harness) -> None:
    """API_StopPipe, API_StartPipe: a stopped pipe keeps its place."""
    with Followed(harness) as followed:
        followed.follow(harness.settings())
        harness.kinesis.put(LAPTOP, "0")
        harness.eventually(lambda: harness.delivered() == ["0"])
        [run] = followed.runtime.runs.values()
        followed.follow()
        harness.eventually(lambda: run.is_over)
        harness.kinesis.put(LAPTOP, "1")
        assert followed.runtime.runs == {} and harness.delivered() == ["0"]
        followed.follow(harness.settings())
        harness.eventually(lambda: harness.delivered() == ["0", "1"])


def test_a_changed_pipe_goes_on_with_its_new_settings_once_the_batch_under_way_has_ended(harness: Harness) -> None:
    """API_UpdatePipe; this design: no batch is delivered twice at once for an update."""
    held = harness.gate()
    harness.function.does = lambda records: held.wait(30) and None
    for n in range(4):
        harness.kinesis.put(LAPTOP, str(n))
    with Followed(harness) as followed:
        followed.follow(harness.settings(batch_size=2))
        harness.eventually(lambda: harness.function.at_once == 1)
        changed = harness.settings(batch_size=1)
        followed.follow(changed)
        followed.follow(changed)
        assert followed.runtime.runs == {} and len(harness.function.batches) == 1
        held.set()
        harness.eventually(lambda: followed.follow(changed) or followed.runtime.runs)
        harness.eventually(lambda: len(harness.delivered()) == 4)
        assert [len(batch) for batch in harness.function.batches] == [2, 1, 1]


def test_a_runtime_that_is_told_to_end_lets_the_batch_under_way_end(harness: Harness) -> None:
    """This design: SIGTERM in mid-batch, as from `down`; a batch that takes longer comes again."""
    held = harness.gate()
    harness.function.does = lambda records: held.wait(30) and None
    number = harness.kinesis.put(LAPTOP)
    with Followed(harness) as followed:
        followed.follow(harness.settings())
        harness.eventually(lambda: harness.function.at_once == 1)
        [run] = followed.runtime.runs.values()
        threading.Timer(0.05, held.set).start()
        followed.runtime.stop()
        assert run.checkpoints.after(SHARD) == number


def test_a_pipe_that_meets_4xx_errors_without_a_break_is_disabled(harness: Harness) -> None:
    """Guide, eb-pipes-error-troubleshooting: "disabled with an explanatory message in the StateReason"."""
    denied = client_error("Invoke", "AccessDeniedException", status=403)

    def deny(records: Any) -> None:
        raise denied

    harness.function.does = deny
    harness.kinesis.put(LAPTOP, "0")
    disabled: list[tuple[str, str]] = []
    with Followed(harness) as followed:
        followed.runtime.disable = lambda *name_and_reason: disabled.append(name_and_reason)
        followed.follow(harness.settings(), harness.settings(arn=f"{PIPE}-2", disabled_after_seconds=0))
        harness.eventually(lambda: len(harness.function.batches) > 4)
        followed.runtime.follow()
        assert disabled == [("stock-pipe-2", str(denied))]
        harness.function.does = lambda records: None
        harness.eventually(lambda: not followed.runtime.runs[f"{PIPE}-2"].refusal)
        followed.runtime.follow()
        assert len(disabled) == 1


def test_a_pipe_that_aws_would_refuse_is_not_run_and_says_why(harness: Harness) -> None:
    """API model: the bounds of the parameters."""
    with Followed(harness) as followed:
        followed.follow(harness.settings(batch_size=10_001), harness.settings(arn=f"{PIPE}-2"))
        followed.follow(*followed.deployed)
        errors = {pipe["pipe"]: pipe["error"] for pipe in followed.runtime.status()}
        assert errors["stock-pipe-2"] == "" and "10001" in errors["stock-pipe"]
        assert [run.pipe.name for run in followed.runtime.runs.values()] == ["stock-pipe-2"]
        for wrong in (
            {"batch_size": 0},
            {"batching_window_seconds": 301},
            {"parallelization_factor": 11},
            {"maximum_retry_attempts": 10_001},
            {"maximum_record_age_seconds": 604_801},
            {"starting_position": "AT_SEQUENCE_NUMBER"},
            {"starting_position": "AT_TIMESTAMP"},
        ):
            assert problem_of(harness.settings(**wrong)), wrong
