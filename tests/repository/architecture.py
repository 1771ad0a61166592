"""The rules of the house. Each reads a source tree and returns its offenders, one line each; none: the rule holds."""

import ast
import sys
from collections.abc import Callable
from pathlib import Path

from tests.repository.source_tree import FREE, ROOMS, arrows_of, imports, is_in, reached_from, room_of, sources

MAY_SLEEP = {
    ("pipeline/waiting.py", "eventually"),
    ("pipeline/emulator/limits/sqs.py", "receive_message"),  # waits for a message among the emulator's other work
    ("benchmarks/contenders/replay.py", "handler"),
}
DOMAIN = ("events", "memory", "projection")
OUTER_WORLD = (
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
DOUBLES = {  # which file of the tests answers which calls in the place of AWS
    **dict.fromkeys(("put_record", "put_records", "get_records", "get_shard_iterator", "list_shards"), "kinesis.py"),
    **dict.fromkeys(("batch_execute_statement", "batch_get_item"), "table.py"),
    **dict.fromkeys(("get_item", "put_item", "update_item"), "operations.py"),  # of the same table
}
EVENT_SHAPES = ({"event_type", "product"}, {"partitionKey", "sequenceNumber"}, {"PartitionKey", "SequenceNumber"})


def _import_offenders(root: Path, forbidden: Callable[[str, str], bool], *folders: str) -> list[str]:
    return [
        f"{path}:{line} imports {name}"
        for path, tree in sources(root, *folders)
        for line, name in imports(path, tree)
        if forbidden(path, name)
    ]


def rooms_are_in_the_order_of_flow(root: Path) -> list[str]:
    def is_later(path: str, name: str) -> bool:
        if not name.startswith("pipeline.") or is_in(name, *(f"pipeline.{free}" for free in FREE)):
            return False
        here, there = room_of(path), room_of(name)
        if here in FREE or not {here, there} <= set(ROOMS):
            return here != there
        return ROOMS.index(there) > ROOMS.index(here) or (here == "cloud" and there not in ("cloud", "emulator"))

    named = [path for path, _ in sources(root, "pipeline") if room_of(path) not in (*ROOMS, *FREE, "__init__")]
    return [f"{path} is in no known room" for path in named] + _import_offenders(root, is_later, "pipeline")


def the_pipe_imports_nothing_but_itself(root: Path) -> list[str]:
    def is_foreign(path: str, name: str) -> bool:
        return is_in(name, "pipeline", "stock_projector", "tests") and not is_in(name, "pipeline.pipe")

    return _import_offenders(root, is_foreign, "pipeline/pipe")


def nothing_imports_in_a_circle(root: Path) -> list[str]:
    """Follow modules, not rooms: a circle within a room is one as well."""
    arrows = arrows_of(root)
    in_circle = sorted(module for module in arrows if module in reached_from(module, arrows))
    return [f"{module} is in a circle with {', '.join(arrows[module] & set(in_circle))}" for module in in_circle]


def only_cloud_reaches_clients_and_the_emulator(root: Path) -> list[str]:
    clients = ("boto3", "botocore.session", "botocore.config", "ministack", "pipeline.emulator")

    def is_shortcut(path: str, name: str) -> bool:
        return room_of(path) not in ("cloud", "emulator", "pipe") and is_in(name, *clients)

    return _import_offenders(root, is_shortcut, "pipeline")


def only_cloud_compares_cloud_names(root: Path) -> list[str]:
    offenders = []
    for path, tree in sources(root, "pipeline", "benchmarks"):
        for node in ast.walk(tree):
            parts = [node.left, *node.comparators] if isinstance(node, ast.Compare) else []
            parts += [node.value] if isinstance(node, ast.MatchValue) else []
            names = {n.value for part in parts for n in ast.walk(part) if isinstance(n, ast.Constant)} & {
                "local",
                "aws",
            }
            if names and path != "pipeline/cloud.py":
                offenders.append(f"{path}:{node.lineno} compares with {names.pop()!r}: ask the Cloud what it can do")
    return offenders


def one_file_reads_cloudformation(root: Path) -> list[str]:
    readers = {
        path: node.lineno
        for path, tree in sources(root, "pipeline", "benchmarks")
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and node.value == "Fn::GetAtt"
    }
    return [
        f"{path}:{line} reads templates too"
        for path, line in readers.items()
        if path != "pipeline/provisioning/template.py"
    ]


def the_oracle_needs_only_the_standard_library(root: Path) -> list[str]:
    return _import_offenders(
        root, lambda _, name: name.split(".")[0] not in sys.stdlib_module_names, "pipeline/consistency/oracle.py"
    )


def what_is_deployed_does_not_know_the_readers_side(root: Path) -> list[str]:
    return _import_offenders(root, lambda _, name: is_in(name, "pipeline", "tests"), "lambda_src")


def the_domain_does_no_input_and_no_output(root: Path) -> list[str]:
    files = [f"lambda_src/stock_projector/{name}.py" for name in DOMAIN]
    return _import_offenders(root, lambda _, name: is_in(name, *OUTER_WORLD), *files)


def nothing_that_the_audit_is_made_of_shares_a_line_with_the_projector(root: Path) -> list[str]:
    made_of = {"pipeline.consistency.audit", *reached_from("pipeline.consistency.audit", arrows_of(root))}

    def is_shared(path: str, name: str) -> bool:
        module = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        return module in made_of and is_in(name, "stock_projector")

    return _import_offenders(root, is_shared, "pipeline")


def of_the_projector_the_producer_knows_at_most_what_an_event_is(root: Path) -> list[str]:
    def is_more(path: str, name: str) -> bool:
        return is_in(name, "stock_projector") and not is_in(name, "stock_projector.events")

    return _import_offenders(root, is_more, "pipeline/stories")


def nothing_is_read_or_connected_while_a_module_is_imported(root: Path) -> list[str]:
    return [
        f"{path}:{node.lineno}"
        for path, tree in sources(root, "pipeline", "lambda_src")
        for node in tree.body
        if not isinstance(node, ast.FunctionDef | ast.ClassDef | ast.If) and not path.endswith("/handler.py")
        if any(word in ast.unparse(node) for word in ("os.environ", "boto3.client", "boto3.Session"))
    ]


def the_tests_have_one_kinesis_and_one_table(root: Path) -> list[str]:
    return [
        f"{path}:{node.lineno} defines {node.name}: use tests/doubles/{DOUBLES[node.name]}"
        for path, tree in sources(root, "tests")
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node.name in DOUBLES
        if not path.startswith("tests/doubles/")
    ]


def the_tests_have_one_way_to_make_an_event_or_a_record(root: Path) -> list[str]:
    """May make its own: what quotes AWS, what is to share nothing with anybody, what makes events that are none."""
    quotes, shares_nothing = "tests/pipe/conformance/test_records_and_order.py", "tests/proof/reference.py"
    excepted = (quotes, shares_nothing, "tests/consistency/test_oracle.py")
    return [
        f"{path}:{node.lineno} writes out an event or a record: use tests/doubles/events.py"
        for path, tree in sources(root, "tests")
        for node in ast.walk(tree)
        if isinstance(node, ast.Dict) and path not in excepted and not path.startswith("tests/doubles/")
        if any(shape <= {key.value for key in node.keys if isinstance(key, ast.Constant)} for shape in EVENT_SHAPES)
    ]


def nobody_sleeps_but_who_waits_for_a_condition(root: Path) -> list[str]:
    return [
        f"{path}:{node.lineno} in {function.name}"
        for path, tree in sources(root, "pipeline", "lambda_src", "tests", "benchmarks")
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) and (path, function.name) not in MAY_SLEEP
        for node in ast.walk(function)
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("time.sleep", "sleep", "asyncio.sleep")
    ]


def no_path_is_changed_to_make_an_import_work(root: Path) -> list[str]:
    return [path for path, tree in sources(root, "pipeline", "lambda_src") if "sys.path" in ast.unparse(tree)]
