"""A machine whose owner has set everything that can be set, all of it wrong for the local cloud."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from threading import Thread

import psutil

from tests.emulator import variables

INVENTORY = Path(sys.executable).with_name("inventory")
NEEDED_TO_START_AT_ALL = {"PYTHONHOME", "PYTHONPLATLIBDIR", "PYTHONINSPECT"}  # with these the command line itself fails
PYTHON = {  # values that an interpreter takes, and that do not slow the command line down: anything else ends it
    **dict.fromkeys(("PYTHONHASHSEED", "PYTHONINTMAXSTRDIGITS", "PYTHONUTF8", "PYTHONCOERCECLOCALE"), "0"),
    **dict.fromkeys(("PYTHONDEVMODE", "PYTHONOPTIMIZE", "PYTHONPYCACHEPREFIX", "PYTHONVERBOSE"), ""),
    "PYTHONIOENCODING": "ascii",
    "PYTHONMALLOC": "malloc",
    "PYTHONWARNINGS": "ignore",
}
FILES = {  # below HOME: all that is read from there
    ".aws/config": "[default]\nregion = nowhere\nignore_configured_endpoint_urls = true\n[broken",
    ".aws/credentials": "no section\n",
    ".aws/models/kinesis/2013-12-02/service-2.json": "{",
    ".aws/models/endpoints.json": "{",
    ".boto": "[broken",
    ".netrc": "machine machine machine",
    ".config/matplotlib/matplotlibrc": "text.usetex: True",
}
SECRET = "the-owners-own-credential"  # must be written nowhere
RAISES = "raise SystemExit('imported from the working directory')\n"
SHADOWS = ("pipeline/__init__.py", "ministack/__init__.py", "random.py", "json.py", "boto3.py", "sitecustomize.py")


def names() -> set[str]:
    """Return every variable that some library reads."""
    of_libraries = [variables.of_package(name) for name in ("ministack", "aws_lambda_powertools", "matplotlib")]
    read = set().union(variables.of_botocore(), variables.of_urllib(), variables.of_python(), *of_libraries)
    return read - NEEDED_TO_START_AT_ALL


@dataclass(frozen=True)
class Machine:
    """Folders and variables of the owner, and who connected to the owner's proxy."""

    folder: Path
    proxy: str
    connections: list[str]

    @cached_property
    def environment(self) -> dict[str, str]:
        """Every variable that some library reads, each with a value that does harm where it is read."""
        given = dict.fromkeys(names(), "nonsense")
        given |= {name: "yes" for name in given if name.startswith("PYTHON")} | PYTHON
        given |= {name: self.proxy for name in given if "ENDPOINT" in name or name.lower().endswith("_proxy")}
        return given | {
            "PATH": f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(self.folder / "home"),
            "PYTHONPATH": str(self.folder / "path"),
            "LANG": "xx_XX.nonsense",
            "LC_ALL": "xx_XX.nonsense",
            "TZ": "Nonsense/Zone",
            "SERVICES": "s3,sqs",
            "USE_SSL": "1",
            "AUTH": "false",
            "NO_PROXY": "",
            "no_proxy": "",
            "POWERTOOLS_DEV": "true",
            "NOBODY_KNOWS": "this one",
            **dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"), SECRET),
            "INVENTORY_STATE_DIR": str(self.state),
        }

    @property
    def state(self) -> Path:
        return self.folder / "state"

    @property
    def imports(self) -> list[str]:
        """The command lines of all Pythons that imported what lies on the owner's PYTHONPATH."""
        return (self.folder / "imported").read_text().splitlines()

    def run(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        """Run a verb as the owner does."""
        return subprocess.run(
            [INVENTORY, *map(str, arguments)],
            env=self.environment,
            cwd=self.folder / "work",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
        )


def processes_of(folder: Path) -> list[psutil.Process]:
    """Return everything that was started in a folder, or with something in it."""
    return [process for process in psutil.process_iter() if _is_in(folder, process)]


def _is_in(folder: Path, process: psutil.Process) -> bool:
    try:
        said = [*process.cmdline(), process.cwd()]
        return process.status() != psutil.STATUS_ZOMBIE and any(str(folder) in text for text in said)
    except psutil.Error:
        return False


@contextmanager
def machine(tmp_path: Path) -> Iterator[Machine]:
    """Set the machine up, with a proxy that takes connections, notes what they ask for, and answers nothing."""
    folder = tmp_path / "50 % größer, $HOME included"
    for name, text in FILES.items():
        write(folder / "home" / name, text)
    for name in SHADOWS:
        write(folder / "work" / name, RAISES)
    noted = f"import sys\nprint(*sys.orig_argv, file=open({bytes(folder / 'imported')!r}, 'a'))\n"
    write(folder / "path" / "sitecustomize.py", noted)
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        made = Machine(folder, f"http://127.0.0.1:{proxy.getsockname()[1]}", [])
        Thread(target=_refuse, args=(proxy, made.connections), daemon=True).start()
        yield made


def _refuse(proxy: socket.socket, connections: list[str]) -> None:
    try:
        while True:
            connection, _ = proxy.accept()
            with connection:
                connections.append(connection.recv(200).decode(errors="replace"))
    except OSError:  # closed: the test is over
        return


def write(path: Path, text: str) -> None:
    """Write a file, and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
