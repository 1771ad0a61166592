"""Who imports what, who waits where, and who may listen: the promises that no single file can keep alone."""

from pathlib import Path

import psutil
import pytest

from tests.repository import architecture as rules

ROOT = Path(__file__).parents[2]

PLANTED = [  # a rule, a file that breaks it, and what that file says
    (rules.rooms_are_in_the_order_of_flow, "pipeline/provisioning/stack.py", "from pipeline.report import make"),
    (rules.rooms_are_in_the_order_of_flow, "pipeline/cloud.py", "def late():\n    from pipeline import provisioning"),
    (rules.rooms_are_in_the_order_of_flow, "pipeline/emulator/cloud.py", "import pipeline.pipe.runtime"),
    (rules.rooms_are_in_the_order_of_flow, "pipeline/waiting.py", "from pipeline.reading import stock"),
    (rules.rooms_are_in_the_order_of_flow, "pipeline/attic/trunk.py", ""),
    (rules.the_pipe_imports_nothing_but_itself, "pipeline/pipe/shard.py", "from pipeline.waiting import eventually"),
    (rules.nothing_imports_in_a_circle, "pipeline/reading/stock.py", "from pipeline.reading import stock, stream"),
    (rules.only_cloud_reaches_clients_and_the_emulator, "pipeline/reading/stock.py", "import boto3"),
    (rules.only_cloud_reaches_clients_and_the_emulator, "pipeline/scale/soak.py", "from pipeline.emulator import aws"),
    (rules.only_cloud_compares_cloud_names, "pipeline/reading/logs.py", "if cloud.name != 'local': pass"),
    (rules.only_cloud_compares_cloud_names, "pipeline/reading/logs.py", "if cloud.name in ('azure', 'aws'): pass"),
    (rules.only_cloud_compares_cloud_names, "pipeline/reading/logs.py", "match name:\n    case 'aws': pass"),
    (rules.one_file_reads_cloudformation, "pipeline/drawings/grid.py", "it = {'Fn::GetAtt': []}"),
    (rules.the_oracle_needs_only_the_standard_library, "pipeline/consistency/oracle.py", "import boto3"),
    (rules.the_oracle_needs_only_the_standard_library, "pipeline/consistency/oracle.py", "from . import audit"),
    (
        rules.what_is_deployed_does_not_know_the_readers_side,
        "lambda_src/stock_projector/store.py",
        "import pipeline.cloud",
    ),
    (rules.the_domain_does_no_input_and_no_output, "lambda_src/stock_projector/memory.py", "from datetime import UTC"),
    (
        rules.nothing_that_the_audit_is_made_of_shares_a_line_with_the_projector,
        "pipeline/reading/stream.py",
        "from stock_projector.events import Record",
    ),
    (
        rules.of_the_projector_the_producer_knows_at_most_what_an_event_is,
        "pipeline/stories/producer.py",
        "from stock_projector import projection",
    ),
    (rules.nothing_is_read_or_connected_while_a_module_is_imported, "pipeline/cloud.py", "HOME = os.environ['HOME']"),
    (rules.nobody_sleeps_but_who_waits_for_a_condition, "tests/test_it.py", "def wait():\n    time.sleep(1)"),
    (rules.the_tests_have_one_kinesis, "tests/pipe/test_it.py", "class Stream:\n    def get_records(self): pass"),
    (
        rules.the_tests_have_one_way_to_make_an_event_or_a_record,
        "tests/cloud/test_it.py",
        "sale = {'event_type': 'quantity_decremented', 'product': {'product_id': 'P98765'}}",
    ),
    (
        rules.the_tests_have_one_way_to_make_an_event_or_a_record,
        "tests/cloud/test_it.py",
        "def flat(record):\n    return {'partitionKey': record.key, 'sequenceNumber': record.place}",
    ),
    (rules.no_path_is_changed_to_make_an_import_work, "pipeline/cloud.py", "sys.path.insert(0, '.')"),
]
RULES = {rule.__name__: rule for rule, _, _ in PLANTED}


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_nobody_breaks_a_rule(rule):
    assert rule(ROOT) == []


def test_every_rule_names_a_file_that_breaks_it(tmp_path):
    unnoticed = []
    for number, (rule, path, source) in enumerate(PLANTED):
        root = tmp_path / str(number)
        for name in ("pipeline/consistency/oracle.py", *(f"lambda_src/stock_projector/{d}.py" for d in rules.DOMAIN)):
            plant(root / name, "")
        plant(root / "pipeline/consistency/audit.py", "from pipeline.reading import stream")
        plant(root / "pipeline/reading/stream.py", "from pipeline.reading import stock")
        plant(root / path, source)
        offenders = rule(root)
        named = [offender.replace("/", ".") for offender in offenders]
        if not any(path.removesuffix(".py").replace("/", ".") in offender for offender in named):
            unnoticed.append((rule.__name__, path, source, offenders))
    assert unnoticed == []


def test_every_rule_has_a_file_that_breaks_it():
    written = {
        name
        for name, what in vars(rules).items()
        if callable(what) and getattr(what, "__module__", "") == rules.__name__
    }
    assert written - set(RULES) == {"_import_offenders"}


def plant(path, source):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(source)


def test_only_loopback_is_listened_on(running):
    listening = [
        connection.laddr.ip
        for process in running.inventory.family()
        for connection in process.net_connections(kind="inet")
        if connection.status == psutil.CONN_LISTEN or connection.type.name == "SOCK_DGRAM"
    ]
    assert listening, "the emulator listens somewhere"
    assert set(listening) <= {"127.0.0.1", "::1"}
