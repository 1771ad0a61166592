"""A file of events, one a line, to be sent just as they are. The whole file is looked at before anything is sent."""

import json
from pathlib import Path
from typing import Any

from pipeline.errors import UserError
from pipeline.stories.scenarios import NewRecord

MOST_RECORD_BYTES = 1024 * 1024  # that Kinesis takes, the partition key included
NO_PRODUCT = "no-product"  # the partition key of a line that names none: it will be quarantined under it
LONGEST_EVENT_LINES = 200  # of one that was pretty-printed
DECODER = json.JSONDecoder(parse_int=lambda digits: 0)
UTF8_BOM = b"\xef\xbb\xbf"
FOREIGN = {  # how a file begins that holds no lines of JSON, and what to do about it
    b"\xff\xfe\x00\x00": "is UTF-32; save it as UTF-8",
    b"\x00\x00\xfe\xff": "is UTF-32; save it as UTF-8",
    b"{\x00\x00\x00": "is UTF-32; save it as UTF-8",
    b"\x00\x00\x00{": "is UTF-32; save it as UTF-8",
    b"\xff\xfe": "is UTF-16; save it as UTF-8",
    b"\xfe\xff": "is UTF-16; save it as UTF-8",
    b"{\x00": "is UTF-16; save it as UTF-8",
    b"\x00{": "is UTF-16; save it as UTF-8",
    b"\x1f\x8b": "is compressed with gzip; unpack it first (gunzip)",
    b"PK\x03\x04": "is a ZIP archive; unpack it first (unzip)",
    b"BZh": "is compressed with bzip2; unpack it first (bunzip2)",
    b"\xfd7zXZ": "is compressed with xz; unpack it first (unxz)",
    b"\x28\xb5\x2f\xfd": "is compressed with zstd; unpack it first (unzstd)",
    b"\x1e": "is a JSON text sequence (RFC 7464); take the separators out (jq --seq -c . writes one event a line)",
}


def read(path: Path) -> list[NewRecord]:
    """Read the events of a file: also those that are no good, but nothing that is no file of lines.

    Raises:
        UserError: it cannot be read, is of another kind, or has a line that Kinesis does not take. It names both.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"cannot read the events in {path}: {error.strerror}") from error
    content = content.removeprefix(UTF8_BOM)
    for beginning, reason in FOREIGN.items():
        if content.startswith(beginning):
            raise UserError(f"{path}, line 1: the file {reason}. Nothing was sent")
    lines = content.splitlines()
    records = []
    for number, line in enumerate(lines, start=1):
        if line.strip():
            event = _parsed(line)
            records.append(NewRecord(line, _key(event)))
            if reason := _trouble(records[-1], event, lines[number - 1 : number + LONGEST_EVENT_LINES]):
                raise UserError(f"{path}, line {number}: {reason}. Nothing was sent")
    if not records:
        raise UserError(f"there are no events in {path}: it should hold one JSON object a line")
    return records


def key_of(line: bytes) -> str:
    """Return the id of the product that a line is about; `NO_PRODUCT` for a line that names none."""
    return _key(_parsed(line))


def _key(event: Any) -> str:
    try:
        key = event["product"]["product_id"]
        key.encode()
    except (KeyError, TypeError, AttributeError, UnicodeEncodeError):
        return NO_PRODUCT
    return key if 1 <= len(key) <= 256 else NO_PRODUCT


def _parsed(line: bytes) -> Any:
    """Read a line as JSON; None if it is none. Integers read as 0: no number matters here, but Python caps digits."""
    try:
        return DECODER.decode(line.decode())
    except (ValueError, RecursionError):
        return None


def _trouble(record: NewRecord, event: Any, lines: list[bytes]) -> str:
    """Say why a record cannot be sent as it is; empty if it can. `lines` are its own line and those after it."""
    size = len(record.data) + len(record.partition_key.encode())
    if size > MOST_RECORD_BYTES:
        return f"{size:,} bytes with the partition key; Kinesis takes {MOST_RECORD_BYTES:,} in a record"
    if event is None and record.data.lstrip().startswith((b"{", b"[")) and (more := _lines_of_first_value(lines)):
        return f"here begins an event that ends {more} lines further down; an event is one line (jq -c . writes it so)"
    is_array = isinstance(event, list) and any(isinstance(element, dict) for element in event)
    if is_array or (event is None and _opens_an_array(record.data)):
        return "here begins an array of events; an event is one line (jq -c '.[]' writes it so)"
    return ""


def _lines_of_first_value(lines: list[bytes]) -> int:
    """Count the lines between the first and the last one of the JSON value that begins here; 0 if there is none."""
    text = b"\n".join(lines).decode(errors="replace").lstrip()
    try:
        _, end = DECODER.raw_decode(text)
    except (ValueError, RecursionError):
        return 0
    return text.count("\n", 0, end)


def _opens_an_array(line: bytes) -> bool:
    """Say whether a line is the first of an array of events, the others of which follow on lines of their own."""
    text = line.decode(errors="replace").strip()
    if text == "[":
        return True
    try:
        return text.startswith("[") and isinstance(DECODER.raw_decode(text[1:].lstrip())[0], dict)
    except (ValueError, RecursionError):
        return False
