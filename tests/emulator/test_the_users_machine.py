"""A user's variables, home and working directory change nothing in the local cloud, and nothing leaves the machine."""

import inspect
import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import boto3
import psutil
import pytest

from pipeline.emulator import LocalCloud, LocalCloudError, aws, emulator, guard
from pipeline.emulator import cloud as clouds
from pipeline.waiting import eventually
from tests.emulator import hostile, variables

CALLS_OUT = """
import boto3, socket, urllib.request

def handler(event, context):
    tries = [
        lambda: boto3.client("sts", endpoint_url="https://sts.eu-west-1.amazonaws.com").get_caller_identity(),
        lambda: urllib.request.urlopen("http://192.0.2.1/"),
        lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("192.0.2.2", 53)),
        lambda: boto3.client("sts").get_caller_identity(),
    ]
    return [what_became_of(attempt) for attempt in tries]

def what_became_of(attempt):
    try:
        return attempt()["Account"]
    except Exception as error:
        return str(error)
"""


CALLS = {  # what a program may try, and the host that it is refused
    "socket.create_connection(('a.example.com', 80))": "a.example.com",
    "socket.gethostbyname('b.example.com')": "b.example.com",
    "socket.getaddrinfo(b'127.0.0.1.example.com', 80)": "127.0.0.1.example.com",
    "socket.socket().connect_ex(('192.0.2.1', 80))": "192.0.2.1",
    "socket.socket(socket.AF_INET6).connect(('2001:db8::1', 80))": "2001:db8::1",
    "socket.socket(type=socket.SOCK_DGRAM).sendto(b'', ('192.0.2.2', 53))": "192.0.2.2",
    "socket.socket(type=socket.SOCK_DGRAM).sendmsg([b''], [], 0, ('192.0.2.3', 53))": "192.0.2.3",
    "socket.create_connection(('127.0.0.1', 9))": "",
    "socket.socket().connect(('localhost', 9))": "",
    "socket.socket(socket.AF_INET6).connect(('::1', 9))": "",
    "socket.socket(socket.AF_UNIX).connect('/nowhere')": "",
    "socket.create_server(('127.0.0.1', 0))": "",
}
GUARDED = """
for call in sys.argv[1:]:
    try:
        eval(call)
        print()
    except OSError:
        print()
    except NotLoopbackError as error:
        print(error)
"""


@pytest.fixture(scope="module")
def owner(tmp_path_factory):
    """A machine on which everything is set wrong, with the local cloud up; at the end it is taken down."""
    with hostile.machine(tmp_path_factory.mktemp("machine")) as machine:
        try:
            machine.environment["PRINTED"] = json.dumps(result_of(machine, "up")["env"])
            yield machine
        finally:
            result_of(machine, "down")
            assert hostile.processes_of(machine.folder) == []
            assert machine.connections == []


def result_of(machine, *arguments):
    done = machine.run(*arguments, "--json")
    assert done.returncode == 0, done.stderr[-2_000:]
    return json.loads(done.stdout)


def client(machine, service):
    env = json.loads(machine.environment["PRINTED"])
    return boto3.client(
        service,
        endpoint_url=env["AWS_ENDPOINT_URL"],
        aws_access_key_id=env["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=env["AWS_SECRET_ACCESS_KEY"],
        region_name=env["AWS_REGION"],
    )


def test_twenty_events_are_applied(owner):
    result_of(owner, "send", "--events", 20)
    audited = result_of(owner, "audit")
    assert (audited["records"], audited["discrepancies"]) == (20, [])
    assert audited["applied"] + sum(audited["quarantined"].values()) == 20


def test_a_batch_is_one_line_of_the_log_whatever_powertools_is_told(owner):
    logs = client(owner, "logs")
    groups = [group["logGroupName"] for group in logs.describe_log_groups()["logGroups"]]
    [projectors] = [name for name in groups if "ProjectorLog" in name]
    events = logs.filter_log_events(logGroupName=projectors)["events"]
    batches = [event["message"] for event in events if '"applied"' in event["message"]]
    assert batches and all(json.loads(message) for message in batches)


def test_no_process_of_the_cloud_is_told_anything(owner):
    family = [psutil.Process(LocalCloud(owner.state).status()[name]["pid"]) for name in ("emulator", "runtime")]
    family += [child for process in family for child in process.children(recursive=True)]
    assert len(family) > 2, "no function runs: nothing was sent yet"
    inherited = {
        f"{process.pid} {name}"
        for process in family
        for name, value in process.environ().items()
        if owner.environment.get(name) == value
    }
    assert inherited == set()
    elsewhere = [process.cwd() for process in family if not Path(process.cwd()).is_relative_to(owner.state)]
    assert elsewhere == []


def test_the_printed_environment_leads_other_clients_to_the_cloud(owner):
    """As the owner's shell would give it to them, laid over what the owner has set."""
    asked = "import boto3; print(boto3.client('sts').get_caller_identity()['Account'])"
    config = owner.folder / "home" / "config"
    hostile.write(config, "[default]\nignore_configured_endpoint_urls = true\n")
    theirs = {
        "AWS_CONFIG_FILE": str(config),
        "HTTP_PROXY": owner.proxy,
        "HTTPS_PROXY": owner.proxy,
        "no_proxy": "corp.example",
    }
    env = theirs | json.loads(owner.environment["PRINTED"])
    done = subprocess.run([sys.executable, "-c", asked], env=env, capture_output=True, text=True)
    assert done.stdout.strip() == "000000000000", done.stderr


def test_only_the_command_line_itself_imports_from_the_owners_path(owner):
    assert [line for line in owner.imports if str(hostile.INVENTORY) not in line] == []


def test_a_function_that_calls_out_fails_and_its_log_names_the_host(owner):
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("app.py", CALLS_OUT)
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    role = client(owner, "iam").create_role(
        RoleName="calls-out", AssumeRolePolicyDocument=json.dumps({"Statement": [trust]})
    )["Role"]["Arn"]
    function = {"FunctionName": "calls-out", "Runtime": "python3.13", "Role": role, "Handler": "app.handler"}
    client(owner, "lambda").create_function(**function, Code={"ZipFile": code.getvalue()})
    answer = client(owner, "lambda").invoke(FunctionName="calls-out", LogType="Tail")
    refused = [
        f"the local cloud never talks to {host}" for host in ("sts.eu-west-1.amazonaws.com", "192.0.2.1", "192.0.2.2")
    ]
    *errors, account = json.load(answer["Payload"])
    assert all(expected in text for expected, text in zip(refused, errors, strict=True)), errors
    assert account == "000000000000"
    group = {"logGroupName": "/aws/lambda/calls-out"}

    def written():
        return [event["message"].strip() for event in client(owner, "logs").filter_log_events(**group)["events"]]

    eventually(lambda: set(refused) <= set(written()), 30)


def test_no_credential_of_the_owner_is_printed_or_written(owner):
    done = owner.run("logs")
    assert done.returncode == 0 and hostile.SECRET not in done.stdout + done.stderr
    written = [path for path in owner.state.rglob("*") if path.is_file()]
    assert written and not [path for path in written if hostile.SECRET.encode() in path.read_bytes()]


def test_the_variables_are_those_that_the_libraries_read():
    """A scan that found nothing would make every other test here pass."""
    gathered = hostile.names()
    expected = """
        AWS_PROFILE AWS_RETRY_MODE AWS_MAX_ATTEMPTS AWS_IGNORE_CONFIGURED_ENDPOINT_URLS AWS_CA_BUNDLE AWS_DATA_PATH
        AWS_USE_FIPS_ENDPOINT AWS_USE_DUALSTACK_ENDPOINT AWS_ENDPOINT_URL_KINESIS AWS_DEFAULTS_MODE HTTP_PROXY
        https_proxy PYTHONPATH PYTHONSTARTUP SERVICES USE_SSL LAMBDA_EXECUTOR POWERTOOLS_DEV LOG_LEVEL MPLBACKEND
        MPLCONFIGDIR
    """
    assert set(expected.split()) - gathered == set()


def test_no_variable_and_no_file_changes_the_command_lines_own_clients(tmp_path, monkeypatch):
    """One at a time: so what does is named."""
    with hostile.machine(tmp_path) as machine:
        untouched, changed = settings(), []
        given = machine.environment | {"SSLKEYLOGFILE": "/nowhere/keys"}
        read = variables.of_botocore() | variables.of_urllib() | {"HOME", "SSLKEYLOGFILE", "PYTHONPATH", "LC_ALL", "TZ"}
        of_services = {name for name in read if name.startswith("AWS_ENDPOINT_URL_")} - {"AWS_ENDPOINT_URL_KINESIS"}
        for name in sorted(read - of_services):
            with monkeypatch.context() as patched:
                patched.setenv(name, given[name])
                changed += difference(name, untouched)
        for name, text in hostile.FILES.items():
            home = tmp_path / "homes" / name.replace("/", "-")
            hostile.write(home / name, text)
            with monkeypatch.context() as patched:
                patched.setenv("HOME", str(home))
                changed += difference(name, untouched)
        assert changed == []


def settings():
    """Return all that a client of the local cloud is set to."""
    made = aws.client(aws.root_session(), "kinesis", "http://127.0.0.1:9")
    config = {name: value for name, value in vars(made.meta.config).items() if name != "_user_provided_options"}
    session = made._endpoint.http_session
    return {
        "config": config | {"user_agent": ""},  # says nothing, and names AWS_EXECUTION_ENV
        "endpoint": (made.meta.endpoint_url, made.meta.region_name),
        "proxies": session._proxy_config._proxies,
        "model": made.meta.service_model.operation_names,
    }


def difference(name, untouched):
    try:
        now = settings()
    except Exception as error:
        return [f"{name}: {type(error).__name__}: {error}"]
    return [f"{name}: {part} {now[part]}" for part in untouched if repr(now[part]) != repr(untouched[part])]


def test_the_guard_refuses_what_would_leave_the_machine_and_nothing_else():
    """In a process of its own: a process that is watched stays so."""
    program = (
        f"import io, json, contextlib, socket, sys\n{inspect.getsource(guard)}\nstay_on_this_machine()\n" + GUARDED
    )
    done = subprocess.run([sys.executable, "-c", program, *CALLS], capture_output=True, text=True, check=True)
    refused = [f"the local cloud never talks to {host}" if host else "" for host in CALLS.values()]
    assert done.stdout.splitlines() == refused
    assert done.stderr.splitlines() == [line for line in refused if line]


def test_a_start_that_fails_leaves_no_process(tmp_path, monkeypatch):
    silent = [sys.executable, "-c", "import threading; threading.Event().wait()", "pipeline.emulator.launch"]
    monkeypatch.setattr(emulator, "COMMAND", silent)
    monkeypatch.setattr(clouds, "START_SECONDS", 0.2)
    with pytest.raises(LocalCloudError, match="did not answer"):
        LocalCloud(tmp_path / "silent").start()
    monkeypatch.setattr(emulator, "is_healthy", lambda port: True)
    monkeypatch.setattr(emulator, "listens", lambda process, port: True)
    (tmp_path / "no-pipes").mkdir()
    (tmp_path / "no-pipes" / "checkpoints").write_text("in the way")
    with pytest.raises(LocalCloudError, match="cannot keep its state"):
        LocalCloud(tmp_path / "no-pipes").start()
    assert hostile.processes_of(tmp_path) == []
