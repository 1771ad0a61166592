"""A snapshot as a file, version 1: gzip of JSON, one document a line, so that it is written and read as a stream.

first  {"format": 1, "stream": ARN, "read_at": epoch seconds, "positions": {shard: [sequence number, arrived at]}}
then   a product each: [product_id, name, status, quantity, version, last_sequence_number, updated_at,
       [[identity, place], …] (oldest place first), remembers_after]
last   {"products": how many, "sha256": of all lines before}
"""

import gzip
import hashlib
import json
import zlib
from collections.abc import Iterator
from typing import IO, Any

from pipeline.consistency.oracle import Product
from pipeline.consistency.traces import Position, State

FORMAT = 1


class DamagedError(Exception):
    """Why a snapshot cannot be used."""


def write(file: IO[bytes], state: State, stream_arn: str, read_at: float) -> None:
    """Write a state into a file."""
    digest = hashlib.sha256()
    with gzip.GzipFile(fileobj=file, mode="wb", mtime=0) as packed:
        for document in _documents(state, stream_arn, read_at):
            line = json.dumps(document, separators=(",", ":")).encode() + b"\n"
            digest.update(line)
            packed.write(line)
        packed.write(json.dumps({"products": len(state.products), "sha256": digest.hexdigest()}).encode() + b"\n")


def read(file: Any, stream_arn: str) -> tuple[State, float]:
    """Read a state, and when its reading began, epoch seconds.

    Args:
        file: anything that can be read from, like the body of an S3 object.
        stream_arn: which stream it must be of.

    Raises:
        DamagedError: it is cut off or changed, of another version, or of another stream.
    """
    digest, lines = hashlib.sha256(), iter(gzip.GzipFile(fileobj=file))
    try:
        header = _document(next(lines, b""), digest)
        if not isinstance(header, dict) or header.get("format") != FORMAT:
            raise DamagedError(f"it is not of format {FORMAT}, the one that is known here")
        if header["stream"] != stream_arn:
            raise DamagedError(f"it is of another stream, {header['stream']}")
        state = State({}, {shard_id: Position(*values) for shard_id, values in header["positions"].items()})
        for line in lines:
            before = digest.hexdigest()
            document = _document(line, digest)
            if isinstance(document, dict):
                if document != {"products": len(state.products), "sha256": before} or next(lines, b""):
                    raise DamagedError("its checksum is wrong")
                return state, float(header["read_at"])
            product_id, name, status, quantity, version, place, updated_at, memory, forgotten = document
            state.products[product_id] = Product(
                name, status, quantity, version, place, updated_at, dict(memory), forgotten
            )
    except (OSError, EOFError, zlib.error, ValueError, TypeError, KeyError) as error:
        raise DamagedError(f"it cannot be read: {error}") from error
    raise DamagedError("its end is missing")


def _documents(state: State, stream_arn: str, read_at: float) -> Iterator[Any]:
    yield {"format": FORMAT, "stream": stream_arn, "read_at": read_at, "positions": state.positions}
    for product_id, product in sorted(state.products.items()):
        yield [
            product_id, product.product_name, product.status, product.quantity, product.version,
            product.last_sequence_number, product.updated_at, list(product.memory.items()), product.remembers_after,
        ]  # fmt: skip


def _document(line: bytes, digest: Any) -> Any:
    digest.update(line)
    return json.loads(line)
