"""The pipe runtime: `python -m pipeline.local_cloud.runtime ENDPOINT_URL STATE_DIR`.

Follows the pipes that are deployed, runs each under its own role, writes what they are doing to `status.json`.
Ends by itself when the emulator is gone.
"""

import logging
import signal
import sys
from dataclasses import asdict
from pathlib import Path
from threading import Event
from typing import Any

import psutil

from pipeline.local_cloud import aws
from pipeline.local_cloud.pipe import PipeRun
from pipeline.local_cloud.process import Background, write_json
from pipeline.local_cloud.settings import PipeSettings, discover

FOLLOW_SECONDS = 0.5

log = logging.getLogger("pipes")


class Runtime:
    """All pipes of one embedded cloud."""

    def __init__(self, endpoint_url: str, state_dir: Path) -> None:
        self.endpoint_url, self.state_dir = endpoint_url, state_dir
        self.runs: dict[str, PipeRun] = {}
        root = aws.root_session()
        clients: dict[str, Any] = {}
        self._root = lambda service: clients.setdefault(service, aws.client(root, service, endpoint_url))

    def follow(self) -> None:
        """Start what was deployed, stop what was stopped or deleted, restart what was changed."""
        wanted = {pipe.arn: pipe for pipe in discover(self._root)}
        for arn, run in list(self.runs.items()):
            if wanted.get(arn) != run.pipe:
                log.info("stopping %s", run.pipe.name)
                run.stop()
                del self.runs[arn]
        for arn in wanted.keys() - self.runs.keys():
            log.info("starting %s", wanted[arn])
            self.runs[arn] = self._start(wanted[arn])

    def status(self) -> list[dict[str, Any]]:
        """Say of every pipe how far it is and what went wrong last."""
        return [_status_of(run) for run in self.runs.values()]

    def _start(self, pipe: PipeSettings) -> PipeRun:
        session = aws.role_session(self.endpoint_url, pipe.role_arn, pipe.name[:64])

        def client(service: str, **config: Any) -> Any:
            return aws.client(session, service, self.endpoint_url, **config)

        run = PipeRun(pipe, client, self.state_dir / "checkpoints")
        run.start()
        return run


def _status_of(run: PipeRun) -> dict[str, Any]:
    shards = []
    for shard_id, reader in list(run.readers.items()):
        tallies = [asdict(lane.delivery.tally) for lane in reader.lanes]
        shards.append(
            {
                "shard_id": shard_id,
                "checkpoint": run.checkpoints.after(shard_id),
                "drained": run.checkpoints.is_drained(shard_id),
                "unfinished": reader.unfinished,
                "behind_seconds": reader.behind_seconds,
                **{name: sum(t[name] for t in tallies) for name in tallies[0] if name != "last_error"},
                "error": reader.error,
                "last_error": reader.error or next((t["last_error"] for t in tallies if t["last_error"]), ""),
            }
        )
    return {"pipe": run.pipe.name, "arn": run.pipe.arn, "error": run.error, "shards": shards}


def main(endpoint_url: str, state_dir: Path) -> None:
    """Run until told to stop, or until the emulator is gone."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    stop = Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    emulator = Background("emulator", state_dir)
    runtime = Runtime(endpoint_url, state_dir)
    complaint = ""
    while not stop.wait(FOLLOW_SECONDS):
        try:
            runtime.follow()
            complaint = ""
        except Exception as error:
            if not emulator.process():
                log.info("the emulator is gone; so am I")
                break
            if str(error) != complaint:
                complaint = str(error)
                log.warning("%s", error)
        write_json(state_dir / "status.json", {"pid": psutil.Process().pid, "pipes": runtime.status()})
    for run in runtime.runs.values():
        run.stop()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
