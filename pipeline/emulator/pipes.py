"""Run the pipes of a local cloud: `python -m pipeline.emulator.pipes ENDPOINT_URL STATE_DIR`.

Writes what they are doing to `status.json`. Ends by itself when the emulator is gone.
"""

import logging
import os
import signal
import sys
import time
from pathlib import Path
from threading import Event
from typing import Any

from pipeline.emulator import aws, faults, guard
from pipeline.emulator.emulator import ACCOUNT_ID
from pipeline.emulator.environment import OF_THE_PIPES
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

    item_identifier, bus_operators = (os.environ.get(name) for name in OF_THE_PIPES)
    runtime = Runtime(
        owner, role, ACCOUNT_ID, state_dir / "checkpoints", write_json, item_identifier, bool(bus_operators)
    )
    runtime.serve(stop, report, is_needed=lambda: emulator.process() is not None)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
