"""A file of events: sent as it is, unless it is no file of lines, which is said before anything is sent."""

import bz2
import gzip
import json
import lzma

import pytest

from pipeline.errors import UserError
from pipeline.stories import event_file
from pipeline.stories.scenarios import NewRecord
from tests.doubles.events import SAMPLE, as_bytes

LINE = as_bytes(SAMPLE)
SECOND = LINE.replace(b"P98765", b"P2")
BOM = b"\xef\xbb\xbf"
AS_TEXT = json.dumps(SAMPLE)
PRETTY = json.dumps(SAMPLE, indent=2).encode()


def read(tmp_path, content):
    path = tmp_path / "events.jsonl"
    path.write_bytes(content)
    return event_file.read(path)


def test_the_lines_of_a_file_are_sent_as_they_are_under_their_products_key(tmp_path):
    records = read(tmp_path, LINE + b"\n\n  \n" + SECOND + b"\r\n" + LINE)
    assert records == [NewRecord(LINE, "P98765"), NewRecord(SECOND, "P2"), NewRecord(LINE, "P98765")]


REFUSED = [  # what a file holds, and what is said of it
    (AS_TEXT.encode("utf-16"), "line 1: the file is UTF-16; save it as UTF-8"),
    (AS_TEXT.encode("utf-16-be"), "line 1: the file is UTF-16"),
    (AS_TEXT.encode("utf-16-le"), "line 1: the file is UTF-16"),
    (AS_TEXT.encode("utf-32"), "line 1: the file is UTF-32"),
    (AS_TEXT.encode("utf-32-be"), "line 1: the file is UTF-32"),
    (gzip.compress(LINE), "line 1: the file is compressed with gzip; unpack it first (gunzip)"),
    (bz2.compress(LINE), "line 1: the file is compressed with bzip2"),
    (lzma.compress(LINE), "line 1: the file is compressed with xz"),
    (b"PK\x03\x04" + LINE, "line 1: the file is a ZIP archive"),
    (b"\x1e" + LINE, "line 1: the file is a JSON text sequence"),
    (PRETTY, "line 1: here begins an event that ends 8 lines further down"),
    (LINE + b"\n" + PRETTY + b"\n" + SECOND, "line 2: here begins an event that ends 8 lines further down"),
    (LINE + b"\n" + PRETTY.replace(b"\n", b"\r\n"), "line 2: here begins an event that ends 8 lines further down"),
    (b"[" + LINE + b"," + SECOND + b"]", "line 1: here begins an array of events"),
    (b"[\n" + (LINE + b",\n") * 300 + SECOND + b"]", "line 1: here begins an array of events"),
    (b"[" + (LINE + b",\n") * 300 + SECOND + b"]", "line 1: here begins an array of events"),
    (json.dumps([SAMPLE, SAMPLE], indent=2).encode(), "line 1: here begins"),
    (LINE + b"\n" + LINE.replace(b"Laptop", b"L" * 1_048_576), "line 2: 1,048,7"),
    (b"x" * (1_048_576 - len("no-product") + 1), "line 1: 1,048,577 bytes with the partition key"),
]  # fmt: skip


def test_what_is_no_file_of_lines_is_refused_with_its_line_and_the_reason(tmp_path):
    otherwise = []
    for content, says in REFUSED:
        try:
            said = f"{len(read(tmp_path, content))} records"
        except UserError as refused:
            said = str(refused)
        if f"events.jsonl, {says}" not in said or not said.endswith("Nothing was sent"):
            otherwise.append((content[:40], says, said))
    assert otherwise == []


def test_a_byte_order_mark_is_no_part_of_the_first_event(tmp_path):
    assert read(tmp_path, BOM + LINE + b"\n" + SECOND) == [NewRecord(LINE, "P98765"), NewRecord(SECOND, "P2")]


def test_a_number_of_5000_digits_does_not_hide_the_product(tmp_path):
    line = LINE.replace(b'"product"', b'"unknown": ' + b"7" * 5000 + b', "product"')
    assert read(tmp_path, line) == [NewRecord(line, "P98765")]


def test_a_line_that_names_no_product_is_sent_too_under_a_key_that_kinesis_takes(tmp_path):
    lines = [
        b"not json", b"\xff\xfa", b"null", b"[]", b"[7]", b"{}", b'{"product": 7}', b'{"product": {"product_id": 7}}',
        b'{"product": {"product_id": ""}}', b'{"product": {"product_id": "' + b"P" * 257 + b'"}}', b"[" * 100_000,
        rb'{"product": {"product_id": "\ud83d"}}',
        b'{"event_type": "product_added", "product": {', b"{", BOM + BOM + LINE,
    ]  # fmt: skip
    wrong = [line[:50] for line in lines if read(tmp_path, line) != [NewRecord(line, "no-product")]]
    assert wrong == [BOM + BOM + LINE[:44]], "of two marks one is the file's"


def test_a_record_of_just_the_size_that_kinesis_takes_is_sent(tmp_path):
    assert len(read(tmp_path, b"x" * (1_048_576 - len("no-product")))) == 1


@pytest.mark.parametrize("content", [b"", b"\n\n", b"   \n", BOM])
def test_a_file_without_events_is_no_story(tmp_path, content):
    with pytest.raises(UserError, match="there are no events in"):
        read(tmp_path, content)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UserError, match=r"nowhere\.jsonl: No such file"):
        event_file.read(tmp_path / "nowhere.jsonl")
    with pytest.raises(UserError, match="Is a directory"):
        event_file.read(tmp_path)
