"""No credential lies in the repository: not in code, outputs of notebooks, drawings or results."""

import re

from pipeline.paths import ROOT

SECRET = re.compile(
    rb"(?<![A-Z0-9])(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Z0-9])"  # an access key
    rb"|(?i:secret_?access_?key|session_?token)[\"' ]*[=:][\"' ]*[A-Za-z0-9/+]{40}"
    rb"|-----BEGIN (?:RSA |EC )?PRIVATE KEY"
)
MADE = {".git", ".venv", ".local", "build", "__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis"}


def secrets_of(data):
    return [match[0] for match in SECRET.finditer(data)]


def test_no_file_holds_one():
    files = [path for path in ROOT.rglob("*") if path.is_file() and not MADE & set(path.relative_to(ROOT).parts)]
    assert len(files) > 300
    assert {str(path): secrets_of(path.read_bytes()) for path in files if secrets_of(path.read_bytes())} == {}


def test_one_would_be_seen():
    assert secrets_of(b"key = AKIA" + b"IOSFODNN7EXAMPLE")
    assert secrets_of(b'"aws_secret_access_key": "' + b"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY" + b'"')
    assert not secrets_of(b"AWS_ACCESS_KEY_ID=test\nAWS_SECRET_ACCESS_KEY=test")
