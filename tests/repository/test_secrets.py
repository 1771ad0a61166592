"""No credential lies in the repository: not in code, outputs of notebooks, drawings or results."""

import re

from pipeline.paths import ROOT

SECRET = re.compile(
    rb"(?<![A-Z0-9])(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Z0-9])"  # an access key
    rb"|(?:[Ss](?:ecret|ECRET)_?[Aa](?:ccess|CCESS)_?[Kk](?:ey|EY)|[Ss](?:ession|ESSION)_?[Tt](?:oken|OKEN))"
    rb"[\"' ]*[=:][\"' ]*[A-Za-z0-9/+]{40}"
    rb"|-----BEGIN (?:RSA |EC )?PRIVATE KEY"
)
MADE = {".git", ".venv", ".local", "build", "__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis"}


HINTS = (b"AKIA", b"ASIA", b"PRIVATE KEY", b"ccess", b"CCESS", b"ession", b"ESSION")


def secrets_of(data):
    if not any(hint in data for hint in HINTS):  # most files; the pattern itself is slow
        return []
    return [match[0] for match in SECRET.finditer(data)]


def test_no_file_holds_one():
    tops = [path for path in ROOT.iterdir() if path.name not in MADE]
    below = [path for top in tops for path in (top.rglob("*") if top.is_dir() else [top])]
    files = [path for path in below if path.is_file() and not MADE & set(path.relative_to(ROOT).parts)]
    assert len(files) > 300
    found = {str(path): secrets_of(path.read_bytes()) for path in files}
    assert {path: secrets for path, secrets in found.items() if secrets} == {}


def test_one_would_be_seen():
    assert secrets_of(b"key = AKIA" + b"IOSFODNN7EXAMPLE")
    assert secrets_of(b'"aws_secret_access_key": "' + b"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY" + b'"')
    assert not secrets_of(b"AWS_ACCESS_KEY_ID=test\nAWS_SECRET_ACCESS_KEY=test")
