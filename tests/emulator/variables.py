"""Which environment variables the libraries read, gathered from the libraries themselves."""

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import botocore.session

READ = re.compile(
    r"""(?:environ(?:\.get|\.pop|\.setdefault)?|getenv)[(\[]\s*(?:['"](\w+)['"]|(?:\w+\.)*([A-Z_]{4,}))"""
    r"""|['"](\w+)['"] in os\.environ"""
    r"""|['"]((?:AWS|BOTO|BOTOCORE|MINISTACK|MPL|POWERTOOLS)_[A-Z0-9_]+)['"]"""  # in a table, or read through a helper
)
CONSTANT = re.compile(r"""^\s*([A-Z_]{4,})(?:: str)? = ['"](\w+)['"]""", re.MULTILINE)


def of_package(package: str) -> set[str]:
    """Return every variable that a package's source asks the environment for."""
    [folder] = find_spec(package).submodule_search_locations or []  # type: ignore[union-attr]
    source = "\n".join(file.read_text() for file in Path(folder).rglob("*.py"))
    constants = dict(CONSTANT.findall(source))
    return {
        constants.get(constant, "") if constant else literal or looked_for or listed
        for literal, constant, looked_for, listed in READ.findall(source)
    } - {""}


def of_botocore() -> set[str]:
    """Return what botocore and boto3 read; services have an endpoint of their own each."""
    services = botocore.session.Session().get_available_services()
    endpoints = {f"AWS_ENDPOINT_URL_{name.upper().replace('-', '_')}" for name in services}
    return of_package("botocore") | of_package("boto3") | endpoints


def of_python() -> set[str]:
    """Return what the interpreter documents."""
    said = subprocess.run([sys.executable, "--help-env"], capture_output=True, text=True, check=True).stdout
    return set(re.findall(r"^PYTHON[A-Z0-9]+", said, re.MULTILINE)) | {"SSLKEYLOGFILE", "SSL_CERT_FILE", "SSL_CERT_DIR"}


def of_urllib() -> set[str]:
    """Return the proxies that urllib looks for, in both spellings."""
    names = {f"{scheme}_proxy" for scheme in ("http", "https", "ftp", "all", "no")}
    return names | {name.upper() for name in names}
