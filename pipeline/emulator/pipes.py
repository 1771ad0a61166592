"""Run the pipes of a local cloud: `python -m pipeline.emulator.pipes ENDPOINT_URL STATE_DIR`.

Writes what they are doing to `status.json`. Ends by itself when the emulator is gone.
"""

import json
import logging
import os
import signal
import sys
import time
from pathlib import Path
from threading import Event
from typing import Any

from pipeline.emulator import aws, faults, guard, pipe_settings
from pipeline.emulator.emulator import ACCOUNT_ID
from pipeline.emulator.process import Background, write_json
from pipeline.pipe.pipe import Client
from pipeline.pipe.runtime import Runtime

PATIENCE = {"connect_timeout": 2, "read_timeout": 10, "retries": {"total_max_attempts": 1}}


def main(endpoint_url: str, state_dir: Path) -> None:
    """Run until told to stop, or until the emulator is gone."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    guard.stay_on_this_machine()
    stop = Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    watch = faults.Watch(state_dir)
    root, emulator = aws.root_session(), Background("emulator", state_dir)

    def owner(service: str) -> Any:
        return aws.client(root, service, endpoint_url, **PATIENCE)

    def role(role_arn: str, session_name: str) -> Client:
        session = aws.role_session(endpoint_url, role_arn, session_name)
        return lambda service, **config: aws.client(session, service, endpoint_url, **config)

    def report(pipes: list[dict[str, Any]]) -> None:
        if watch.strikes(faults.RUNTIME_KILLED, "Serve"):
            os.kill(os.getpid(), signal.SIGKILL)
        write_json(state_dir / "status.json", {"pid": os.getpid(), "at": round(time.time(), 3), "pipes": pipes})

    def disable(name: str, reason: str) -> None:
        stop_with_reason(owner("pipes"), name, reason)

    settings = pipe_settings.read()
    runtime = Runtime(owner, role, ACCOUNT_ID, state_dir / "checkpoints", write_json, settings, disable)
    runtime.serve(stop, report, is_needed=lambda: emulator.process() is not None)


def stop_with_reason(client: Any, name: str, reason: str) -> None:
    """Stop a pipe, with what DescribePipe tells as its StateReason from then on (see `limits/pipes.py`)."""

    def add_reason(params: dict[str, Any], **_: Any) -> None:
        params["body"] = json.dumps({"StateReason": reason}).encode()

    client.meta.events.register_first("before-call.pipes.StopPipe", add_reason, unique_id="reason")
    try:
        client.stop_pipe(Name=name)
    finally:
        client.meta.events.unregister("before-call.pipes.StopPipe", unique_id="reason")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
