"""Every command of README.md does what the page says of it, and its map of the tree is complete.

Most commands are run, word for word, in a folder that looks like the repository, with a local cloud of its own. The
others are checked as far as that goes:

- `make report`, `test`, `prove`, `lab` and the like are planned (`make -n`), and what they would start is there;
- `inventory report` is run up to its first notebook;
- `--cloud aws` is run against the local cloud in the place of AWS, which it refuses: another account's credentials;
- `pytest --nbval` collects; `tests/notebooks` takes the same words from the page and runs them to the end;
- conda is not here: the file that it would read is (`tests/repository/test_environment.py` compares it with the lock).
"""

import importlib.util
import json
import os
import re
import shlex
import shutil
import subprocess
import sys

import nbformat
import pytest
import yaml

from pipeline import __main__ as command_line
from pipeline.errors import UserError
from pipeline.paths import ROOT
from pipeline.report import make, run
from tests.inventory import Inventory
from tests.repository import readme

TESTED_AS = {
    "executed": r"make (up|down)|\.venv/bin/(inventory (?!report)(?!.*aws)|papermill |jupyter nbconvert ).*",
    "planned": r"make [a-z-]+",
    "run up to its first notebook": r"\.venv/bin/inventory report(?!.*aws).*",
    "refused": r"\.venv/bin/inventory (up|send|audit|down) +--cloud aws .*",
    "collected": r"\.venv/bin/python -m pytest --nbval .*",
    "there to be read": r"conda env create -f \S+",
}
PRINTS = {  # by the verb of a command that is executed
    "make up": r"export AWS_ENDPOINT_URL=http://127\.0\.0\.1",
    "inventory up": r'"AWS_ENDPOINT_URL": "http://127\.0\.0\.1',
    "inventory send": r"^1000 records in ",
    "inventory stock": r"^ *product_id .* quantity .*",
    "inventory audit": r"records +1000 (.|\n)*discrepancies +0$",
    "inventory status": r"RUNNING",
    "make down": r"",
    "papermill notebooks/03_send_events.ipynb": r"",
    "jupyter nbconvert": r"",
}


def how_tested(command: str) -> str:
    """Say how a command is tested; nothing, for one that is not known here."""
    return next((how for how, shape in TESTED_AS.items() if re.fullmatch(shape, command)), "")


def verb_of(command: str) -> str:
    return " ".join(command.removeprefix(".venv/bin/").split()[:2])


def commands_tested_as(how: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("command", [command for command in readme.commands() if how_tested(command) == how])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder that looks like the repository: what a command writes where it stands lands here."""
    folder = tmp_path_factory.mktemp("clone")
    for entry in ROOT.iterdir():
        if entry.name not in (".venv", ".git", ".local", "notebooks"):
            (folder / entry.name).symlink_to(entry)
    shutil.copytree(ROOT / "notebooks", folder / "notebooks")
    (folder / ".venv").symlink_to(sys.prefix)
    return folder


@pytest.fixture(scope="module")
def reader(folder, tmp_path_factory):
    """Type commands there; returns the finished process."""
    inventory = Inventory(tmp_path_factory.mktemp("readme") / "state")
    clean = {name: value for name, value in inventory.env.items() if not name.startswith(("MAKE", "MFLAGS", "PYTEST"))}
    clean["PATH"] = f"{folder / '.venv' / 'bin'}{os.pathsep}{clean['PATH']}"
    clean["IPYTHONDIR"] = str(inventory.state_dir / "ipython")  # not the person's own profile

    def type_in(words, **env):
        return subprocess.run(words, cwd=folder, env=clean | env, capture_output=True, text=True, timeout=180)

    yield type_in
    inventory.run("down", "--all")
    assert inventory.leftovers() == []


@pytest.fixture(scope="module")
def done(reader):
    """All commands that can be executed, one after the other, in the order of the page."""
    finished = {}
    for command in readme.commands():
        if how_tested(command) == "executed":
            words = shlex.split(command)
            as_set_up = ["-o", ".venv/.ready"] if words[0] == "make" else []  # the environment is the one that tests
            finished[command] = reader([words[0], *as_set_up, *words[1:]])
    return finished


def test_every_command_is_known():
    commands = readme.commands()
    assert [command for command in commands if not how_tested(command)] == []
    executed = {verb_of(command) for command in commands if how_tested(command) == "executed"}
    assert executed == PRINTS.keys()


@commands_tested_as("executed")
def test_it_does_what_it_says(done, command):
    assert done[command].returncode == 0, done[command].stderr
    assert re.search(PRINTS[verb_of(command)], done[command].stdout, re.MULTILINE), done[command].stdout


def test_papermill_wrote_a_notebook_with_the_parameter_and_without_an_error(done, folder):
    words = shlex.split(readme.the_one_with("papermill notebooks/"))
    name, value = words[words.index("-p") + 1 :][:2]
    cells = [cell for cell in nbformat.read(folder / words[2], as_version=4).cells if cell.cell_type == "code"]
    assert any(f"{name} = {value}" in cell.source for cell in cells if "injected-parameters" in cell.metadata["tags"])
    assert not [output for cell in cells for output in cell.outputs if output.output_type == "error"]


def test_nbconvert_wrote_a_page(done, folder):
    assert "discrepancies" in (folder / "notebooks" / "05_audit.html").read_text("utf-8")


def test_the_audit_prints_what_the_page_shows(done):
    assert done[".venv/bin/inventory audit"].stdout.strip() == readme.shown("records")


@commands_tested_as("planned")
def test_make_knows_how_and_what_it_would_start_is_there(reader, folder, command):
    program, target = shlex.split(command)
    done = reader([program, "-n", "-o", ".venv/.ready", target])
    assert done.returncode == 0, done.stderr
    words = shlex.split(done.stdout.splitlines()[-1])
    assert os.access(folder / words[0], os.X_OK), words
    if words[1] == "-m":
        assert importlib.util.find_spec(words[2]), words


@commands_tested_as("run up to its first notebook")
def test_the_report_would_run_the_notebooks_with_these_parameters(monkeypatch, tmp_path, capsys, command):
    passed = {}

    def stopped(notebooks, given, into):
        passed.update(given)
        raise UserError("stopped before the first notebook")

    monkeypatch.setattr(make, "_prepare", lambda build_dir: tmp_path)  # a report that is there stays
    monkeypatch.setattr(run, "execute_all", stopped)
    words = shlex.split(command)
    assert command_line.main(words[1:]) == 1
    assert "stopped before the first notebook" in capsys.readouterr().err
    for pair in (word for word in words if "=" in word):
        name, value = pair.split("=")
        assert str(passed[name]) == value


@commands_tested_as("refused")
def test_aws_refuses_who_has_the_credentials_of_another_account(running, monkeypatch, tmp_path, capsys, command):
    """The parsing and the refusal are the real ones; the AWS that is asked for the caller is the local cloud."""
    nobody = {"HOME": str(tmp_path), "AWS_EC2_METADATA_DISABLED": "true", "NO_PROXY": "*"}
    for name, value in (running.facts["env"] | nobody).items():
        monkeypatch.setenv(name, value)
    account = re.search(r"--account-id (\d+)", command)[1]
    assert command_line.main(shlex.split(command)[1:]) == 1
    assert capsys.readouterr().err.splitlines() == [
        f"inventory: the AWS credentials in use belong to account 000000000000, not to {account}"
    ]


@commands_tested_as("collected")
def test_pytest_finds_every_cell_of_every_notebook(reader, command):
    done = reader([*shlex.split(command), "--collect-only", "-q"])
    assert done.returncode == 0, done.stdout
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        cells = [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == "code"]
        assert len(re.findall(rf"^notebooks/{path.name}::", done.stdout, re.MULTILINE)) == len(cells)


@commands_tested_as("there to be read")
def test_the_environment_that_conda_would_read_is_one(command):
    environment = yaml.safe_load((ROOT / shlex.split(command)[-1]).read_text())
    assert environment["name"]
    assert environment["dependencies"]


def test_the_map_of_the_tree_is_complete_and_names_nothing_else():
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if tracked.returncode:
        pytest.skip("not a git repository: what belongs to it cannot be told")
    paths = [path.split("/") for path in tracked.stdout.splitlines()]
    top, rooms = readme.map_of_the_tree()
    missing = {path[0] for path in paths} - {name.partition("/")[0] for name in top}
    missing |= {path[1] for path in paths if path[0] == "pipeline"} - {name.rstrip("/") for name in rooms}
    assert missing == {"__init__.py"}
    assert {name for name in top | rooms if not any((base / name).exists() for base in readme.MAP_BASES)} == set()


def test_the_page_is_short():
    assert len(readme.README.read_text("utf-8").splitlines()) < 100


# ── The test can fail ──


@pytest.mark.parametrize(
    "text",
    [
        "```sh\nmake coffee tea\n```",
        "Or `.venv/bin/jupyter lab notebooks`.",
        "```sh\nrm -rf .local  # start anew\n```",
        "```sh\n.venv/bin/inventory up --cloud aws\n```",
    ],
)
def test_a_command_that_is_new_is_not_known(text):
    [command] = readme.commands(text)
    assert how_tested(command) == ""


def test_names_and_pictures_of_the_tree_are_no_commands():
    assert readme.commands("`event_id`, `--help`\n\n```\nmake/  a folder\n```\n\n`make up`, `make lab`") == [
        "make up",
        "make lab",
    ]


# ── The map of the tests ──


def test_the_map_of_the_tests_names_every_folder_and_no_other():
    tests = ROOT / "tests"
    on_the_page = set(re.findall(r"`(\w+)/`", (tests / "README.md").read_text("utf-8").partition("|---|")[2]))
    folders = {path.parent.name for path in tests.glob("*/*.py")}
    rooms = {path.parent.name for path in (ROOT / "pipeline").glob("*/__init__.py")}
    elsewhere = {"lambda_src", "benchmarks", "pipeline", *rooms - folders}
    assert on_the_page - elsewhere == folders
