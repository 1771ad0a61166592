"""lambda_src → one zip: the same bytes for the same source, on any machine, at any time."""

import hashlib
import io
import zipfile
from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.paths import ROOT

SOURCE = ROOT / "lambda_src"
EPOCH = (1980, 1, 1, 0, 0, 0)  # the oldest time a zip can say


@dataclass(frozen=True)
class Bundle:
    """What is deployed."""

    content: bytes
    files: tuple[str, ...]

    @property
    def sha256(self) -> bytes:
        """The digest that Lambda calls CodeSha256."""
        return hashlib.sha256(self.content).digest()

    @property
    def code_sha256(self) -> str:
        """The digest as Lambda writes it, base64."""
        return b64encode(self.sha256).decode()

    @property
    def key(self) -> str:
        """The name in the bucket: other code, other key, so CloudFormation sees the change."""
        return f"stock_projector-{self.sha256.hex()[:16]}.zip"


def build(source: Path = SOURCE) -> Bundle:
    """Zip the projector's source, and nothing else."""
    files = sorted(path for path in source.rglob("*.py"))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for path in files:
            entry = zipfile.ZipInfo(path.relative_to(source).as_posix(), EPOCH)
            entry.create_system, entry.external_attr = 3, 0o644 << 16
            archive.writestr(entry, path.read_bytes())
    return Bundle(buffer.getvalue(), tuple(path.relative_to(source).as_posix() for path in files))


def upload(s3: Any, bucket: str, bundle: Bundle) -> None:
    """Put the bundle under its own key."""
    s3.put_object(Bucket=bucket, Key=bundle.key, Body=bundle.content)
