"""Who imports what, who waits where, and who may listen: the promises that no single file can keep alone."""

import ast
import sys
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).parents[2]
LAMBDA = sorted((ROOT / "lambda_src").rglob("*.py"))
PIPELINE = sorted((ROOT / "pipeline").rglob("*.py"))
LOCAL_CLOUD = sorted((ROOT / "pipeline" / "local_cloud").rglob("*.py"))
OURS = ("pipeline", "stock_projector", "tests")

WAITING_HELPERS = {
    "pipeline/waiting.py": {"eventually"},
    "benchmarks/contenders/replay.py": {"handler"},  # until the moment at which all shards begin
}  # who may sleep


def relative(path):
    return path.relative_to(ROOT).as_posix()


def imports(path):
    """Return every module that a file imports, wherever in the file it does so."""
    found = set()
    package = relative(path).removesuffix(".py").removesuffix("/__init__").split("/")[:-1]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = [*package[: len(package) - node.level + 1], node.module or ""] if node.level else [node.module or ""]
            module = ".".join(part for part in base if part)
            found |= {module} | {f"{module}.{alias.name}" for alias in node.names}
    return found


def within(modules, *packages):
    return {name for name in modules if any(name == package or name.startswith(f"{package}.") for package in packages)}


def each(paths):
    return pytest.mark.parametrize("path", [pytest.param(path, id=relative(path)) for path in paths])


def test_the_oracle_imports_nothing_of_ours_nor_of_aws():
    modules = imports(ROOT / "pipeline" / "oracle.py")
    assert {name.split(".")[0] for name in modules} <= sys.stdlib_module_names


@each(LAMBDA)
def test_what_is_deployed_does_not_know_the_readers_side(path):
    assert not within(imports(path), "pipeline", "tests")


@each([ROOT / "lambda_src" / "stock_projector" / name for name in ("events.py", "memory.py", "projection.py")])
def test_the_domain_does_no_input_and_no_output(path):
    assert not within(
        imports(path),
        "boto3",
        "botocore",
        "os",
        "io",
        "pathlib",
        "socket",
        "time",
        "datetime",
        "random",
        "aws_lambda_powertools",
    )


def test_nothing_that_the_audit_is_made_of_shares_a_line_with_the_projector():
    made_of, waiting = set(), {"pipeline.consistency.audit"}
    while waiting:
        module = waiting.pop()
        made_of.add(module)
        path = ROOT / f"{module.replace('.', '/')}.py"
        path = path if path.exists() else path.parent / path.stem / "__init__.py"
        if path.exists():
            assert not within(imports(path), "stock_projector"), module
            waiting |= within(imports(path), "pipeline") - made_of
    read = {f"pipeline.reading.{name}" for name in ("stream", "queues", "stock")}
    assert {"pipeline.consistency.oracle", *read} <= made_of


def test_of_the_projector_the_producer_knows_at_most_what_an_event_is():
    shared = within(imports(ROOT / "pipeline" / "producer.py"), "stock_projector")
    assert not {name for name in shared if not within({name}, "stock_projector.events")} - {"stock_projector"}


@each(LOCAL_CLOUD)
def test_the_local_cloud_needs_nothing_else_of_this_project_but_to_wait(path):
    ours = within(imports(path), *OURS)
    assert ours <= within(ours, "pipeline.emulator", "pipeline.waiting") | {"pipeline"}


@each([path for path in PIPELINE if path not in LOCAL_CLOUD and path.name != "cloud.py"])
def test_only_cloud_py_knows_local_from_aws(path):
    modules = imports(path)
    allowed = {
        "pipeline/notebook/by_hand.py": ["pipeline.pipe.records"],  # it shows one
        "pipeline/stories/producer.py": ["pipeline.emulator.process"],  # it holds back Ctrl-C for a moment
        "pipeline/provisioning/stack.py": ["pipeline.pipe.template"],  # a reader of YAML: it lives there because the
        "pipeline/provisioning/template.py": ["pipeline.pipe.template"],  # pipe may need next to nothing of the rest
    }.get(relative(path), [])
    assert not within(modules, "boto3", "botocore.session", "botocore.config"), "clients come from pipeline.cloud"
    assert not within(modules, "ministack")
    reached = within(modules, "pipeline.emulator") - {"pipeline.emulator"}
    assert {name for name in reached if not within({name}, *allowed)} == set()
    assert allowed or not within(modules, "pipeline.emulator")


@each([path for path in LAMBDA + PIPELINE if relative(path) != "lambda_src/stock_projector/handler.py"])
def test_no_client_and_no_environment_is_read_while_a_module_is_imported(path):
    module_level = [
        node
        for node in ast.parse(path.read_text()).body
        if not isinstance(node, ast.FunctionDef | ast.ClassDef | ast.If)
    ]
    for node in module_level:
        source = ast.unparse(node)
        assert "os.environ" not in source and "boto3.client" not in source and "boto3.Session" not in source


@each(sorted({*LAMBDA, *PIPELINE, *(ROOT / "tests").rglob("*.py"), *(ROOT / "benchmarks").rglob("*.py")}))
def test_nobody_sleeps_but_the_few_who_wait_for_a_condition(path):
    allowed = WAITING_HELPERS.get(relative(path), set())
    for function in ast.walk(ast.parse(path.read_text())):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) and function.name not in allowed:
            for node in ast.walk(function):
                slept = isinstance(node, ast.Call) and ast.unparse(node.func) in (
                    "time.sleep",
                    "sleep",
                    "asyncio.sleep",
                )
                assert not slept, f"{function.name}, line {node.lineno}"


def test_no_path_is_changed_to_make_an_import_work():
    for path in [*LAMBDA, *PIPELINE]:
        assert "sys.path" not in path.read_text(), relative(path)


def test_only_loopback_is_listened_on(running):
    listening = [
        connection.laddr.ip
        for process in running.inventory.family()
        for connection in process.net_connections(kind="inet")
        if connection.status == psutil.CONN_LISTEN or connection.type.name == "SOCK_DGRAM"
    ]
    assert listening, "the emulator listens somewhere"
    assert set(listening) <= {"127.0.0.1", "::1"}
