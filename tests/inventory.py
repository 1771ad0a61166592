"""The command line, as somebody uses it who keeps the local cloud in a folder of their own."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import psutil

from pipeline.emulator import LocalCloud
from pipeline.paths import ROOT

COMMAND = [sys.executable, "-m", "pipeline"]
ACCOUNT = os.environ.get("INVENTORY_TEST_ACCOUNT_ID", "")  # an AWS account that the end-to-end tests may use
WHERE = ["--cloud", "aws", "--account-id", ACCOUNT] if ACCOUNT else []
PATIENCE = 3600 if ACCOUNT else 120


@dataclass(frozen=True)
class Inventory:
    """The verbs, run in processes of their own, and the background processes that they leave."""

    state_dir: Path

    @property
    def env(self) -> dict[str, str]:
        unwanted = ("INVENTORY_",) if ACCOUNT else ("AWS_", "INVENTORY_")
        clean = {name: value for name, value in os.environ.items() if not name.startswith(unwanted)}
        return clean | {"INVENTORY_STATE_DIR": str(self.state_dir)}

    def run(self, *arguments: object, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
        command = [*COMMAND, *map(str, arguments), *WHERE]
        return subprocess.run(command, env=self.env, cwd=cwd, capture_output=True, text=True, timeout=PATIENCE)

    def start(self, *arguments: object) -> subprocess.Popen[str]:
        command = [*COMMAND, *map(str, arguments)]
        return subprocess.Popen(
            command, env=self.env, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def json(self, *arguments: object, status: int = 0) -> Any:
        """Run a verb with `--json` and return its one document; the exit status is what was expected."""
        done = self.run(*arguments, "--json")
        assert done.returncode == status, f"{done.args} ended as {done.returncode}:\n{done.stderr}"
        return json.loads(done.stdout)

    def process(self, name: str) -> psutil.Process:
        """Return one of the two background processes: `emulator` or `pipes`."""
        process = getattr(LocalCloud(self.state_dir), name).process()
        assert process, f"the {name} of {self.state_dir} does not run"
        return process

    def family(self) -> list[psutil.Process]:
        """Return every process of this local cloud."""
        heads = [self.process(name) for name in ("emulator", "pipes")]
        return [process for head in heads for process in (head, *head.children(recursive=True))]

    def leftovers(self) -> list[psutil.Process]:
        """Return whatever still runs that was given this state folder."""
        return [process for process in psutil.process_iter() if _mentions(process, str(self.state_dir))]


def _mentions(process: psutil.Process, folder: str) -> bool:
    try:
        texts = [*process.cmdline(), process.environ().get("TMPDIR", "")]
        return process.status() != psutil.STATUS_ZOMBIE and any(folder in text for text in texts)
    except psutil.Error:
        return False


@dataclass(frozen=True)
class Running:
    """A local cloud with a stack on it, and what `up --json` printed."""

    inventory: Inventory
    facts: dict[str, Any]

    @property
    def outputs(self) -> dict[str, str]:
        return self.facts["outputs"]

    def client(self, service: str) -> Any:
        """Return a plain boto3 client that knows nothing but the printed `env`; for AWS, one of the user's own."""
        if ACCOUNT:
            return boto3.client(service, region_name=self.facts["region"])
        env = self.facts["env"]
        return boto3.client(
            service,
            endpoint_url=env["AWS_ENDPOINT_URL"],
            aws_access_key_id=env["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=env["AWS_SECRET_ACCESS_KEY"],
            region_name=env["AWS_DEFAULT_REGION"],
        )
