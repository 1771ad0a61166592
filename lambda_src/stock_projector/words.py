"""Why a record was refused, in words that help whoever sent it. What is refused is decided in `events.py`."""

import json
from typing import Any

LOOKS_LIKE = {  # how a record begins that was packed, or written in another encoding; the first that fits
    b"\xf3\x89\x9a\xc2": "a record of the Kinesis Producer Library; aggregated records are not read",
    b"\x1f\x8b": "something compressed with gzip",
    b"\x28\xb5\x2f\xfd": "something compressed with zstd",
    b"\x78\x01": "something compressed with zlib",
    b"\x78\x5e": "something compressed with zlib",
    b"\x78\x9c": "something compressed with zlib",
    b"\x78\xda": "something compressed with zlib",
    b"PK\x03\x04": "a ZIP archive",
    b"eyJ": "base64; a Kinesis client encodes what it is given by itself",  # of {"
    b"eyA": "base64; a Kinesis client encodes what it is given by itself",  # of { and a blank
    b"ewo": "base64; a Kinesis client encodes what it is given by itself",  # of { and a line break
    b"H4sI": "base64 of something compressed with gzip",
    b"\xef\xbb\xbf": "UTF-8 behind a byte order mark; leave the mark out",
    b"\xff\xfe\x00\x00": "UTF-32; it has to be UTF-8",
    b"\x00\x00\xfe\xff": "UTF-32; it has to be UTF-8",
    b"{\x00\x00\x00": "UTF-32; it has to be UTF-8",
    b"\x00\x00\x00{": "UTF-32; it has to be UTF-8",
    b"\xff\xfe": "UTF-16; it has to be UTF-8",
    b"\xfe\xff": "UTF-16; it has to be UTF-8",
    b"{\x00": "UTF-16; it has to be UTF-8",
    b"\x00{": "UTF-16; it has to be UTF-8",
}
RULES = {  # pydantic's names of the rules that an event can break
    "missing": "is missing",
    "string_type": "should be a string",
    "string_too_short": "should have {min_length} or more characters",
    "string_too_long": "should have {max_length} or fewer characters",
    "string_pattern_mismatch": "should have no control characters",
    "string_unicode": "should be whole characters; it has half of a surrogate pair",
    "int_type": "should be an integer",
    "greater_than_equal": "should be {ge} or more",
    "less_than_equal": "should be {le} or less",
    "model_type": "should be a JSON object",
}


def of_what_is_not_json(data: bytes, error: ValueError) -> str:
    """Name what the bytes look like; if they look like nothing known, where they stop to be JSON."""
    if not data.strip():
        return "it is empty"
    for beginning, words in LOOKS_LIKE.items():
        if data.startswith(beginning):
            return f"it looks like {words}"
    match error:
        case json.JSONDecodeError(msg="Extra data", pos=position):
            return f"more than one JSON value: the second begins at character {position}; an event is one record"
        case UnicodeDecodeError(object=text, start=start):
            return f"not UTF-8: byte {text[start]:#04x} at {start}"
    return str(error)


def of_no_event(body: Any) -> str:
    """Say what a JSON value is that is not an object."""
    if isinstance(body, list):
        return f"event: should be a JSON object, one a record; it is an array of {len(body)}"
    if isinstance(body, str) and body.lstrip().startswith("{"):
        return "event: should be a JSON object; it is a string that holds JSON: it was encoded twice"
    return "event: should be a JSON object"


def of_broken_rule(error: Any) -> str:
    """Name the field and the rule, from the first error of pydantic's list."""
    known = error.get("ctx", {})
    words = str(known["error"]) if "error" in known else RULES.get(error["type"], error["msg"]).format(**known)
    return f"{'.'.join(str(part) for part in error['loc'])}: {words}"
