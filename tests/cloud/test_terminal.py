"""What an event carries is shown on the terminal and never obeyed, and no terminal is too poor to be written to."""

import io
import itertools
import re
import sys

import pytest

from pipeline import __main__ as command_line
from tests.doubles.events import added, as_bytes, decremented, event

OBEYED = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069]")
TITLE, CLEAR, BACKWARDS = "\x1b]0;pwned\x07", "\x1b[2J", "\u202e"
NAME = f"{TITLE}{CLEAR}Lampe{BACKWARDS}\nfür 5 € 灯\ttab\x9b31m"
PRODUCT = f"LAMP{BACKWARDS}€"


@pytest.fixture(scope="module")
def hostile(running, tmp_path_factory):
    """A stack that holds a product with such a name, and a file whose name is one too."""
    file = tmp_path_factory.mktemp("hostile") / f"events{CLEAR}.jsonl"
    poison = as_bytes(event(f"{CLEAR}sold", PRODUCT))
    lines = [as_bytes(added(PRODUCT, 3, NAME)), poison, as_bytes(decremented(PRODUCT, 9))]
    file.write_bytes(b"\n".join(lines))
    running.inventory.json("send", "--file", file)
    running.inventory.json("audit")
    return running


@pytest.fixture
def printed(joined, monkeypatch):
    """Call a verb as on a terminal of some encoding: its exit status, and all that it writes there."""

    def printed(encoding, *arguments):
        terminal = io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="strict")
        with monkeypatch.context() as patched:
            patched.setattr(sys, "stdout", terminal)
            patched.setattr(sys, "stderr", terminal)
            status = command_line.main(arguments)
        terminal.flush()
        return status, terminal.buffer.getvalue().decode(encoding)

    return printed


@pytest.fixture
def torn_name(hostile):
    """The item says another name than the log: the audit has to print both."""
    table, key = hostile.outputs["StockTableName"], {"product_id": {"S": PRODUCT}}
    rename = {"TableName": table, "Key": key, "UpdateExpression": "SET product_name = :name"}
    dynamodb = hostile.client("dynamodb")
    dynamodb.update_item(**rename, ExpressionAttributeValues={":name": {"S": f"{NAME}!"}})
    yield
    dynamodb.update_item(**rename, ExpressionAttributeValues={":name": {"S": NAME}})


def test_no_verb_hands_a_control_character_on_to_the_terminal(printed, torn_name):
    verbs = (
        (0, "stock"), (0, "stock", "--all", "--json"), (1, "audit"), (1, "audit", "--json"), (0, "status"), (0, "logs"),
        (1, "send", "--file", f"nowhere{CLEAR}{BACKWARDS}€.jsonl"), (2, "send", "--scenario", f"{CLEAR}€"),
        (2, "report", "--parameter", f"scenario={CLEAR}€"), (1, "stock", "--stack-name", "none-such"),
    )  # fmt: skip
    wrong = []
    for encoding, (status, *verb) in itertools.product(("utf-8", "ascii", "latin-1"), verbs):
        ended, text = printed(encoding, *verb)
        has_failed = "Traceback" in text and verb != ["logs"]  # which shows the function's own, of any test before
        if ended != status or has_failed or OBEYED.search(text.replace("\r", "")):
            wrong.append((encoding, verb, ended, text[-300:]))
    assert wrong == []


def test_what_is_not_obeyed_is_shown(hostile, printed):
    _, text = printed("utf-8", "stock")
    [line] = [line for line in text.splitlines() if "Lampe" in line]
    assert "LAMP⟨U+202E⟩€" in line
    assert "⟨U+001B⟩]0;pwned⟨U+0007⟩⟨U+001B⟩[2JLampe⟨U+202E⟩⟨U+000A⟩für 5 € 灯⟨U+0009⟩tab⟨U+009B⟩31m" in line


def test_what_an_encoding_lacks_is_escaped(hostile, printed):
    _, text = printed("ascii", "stock")
    assert "f\\xfcr 5 \\u20ac \\u706f" in text
