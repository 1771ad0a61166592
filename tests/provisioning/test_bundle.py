"""The bundle: the same bytes for the same source, wherever and whenever it is built."""

import io
import os
import shutil
import zipfile
from pathlib import Path

import pytest

from pipeline.provisioning import bundle

SOURCE = Path(__file__).parents[2] / "lambda_src"


@pytest.fixture
def copy(tmp_path):
    target = tmp_path / "elsewhere" / "src"
    shutil.copytree(SOURCE, target, ignore=shutil.ignore_patterns("__pycache__"))
    return target


def test_a_copy_at_another_place_from_another_time_makes_the_same_bytes(copy):
    for number, path in enumerate(sorted(copy.rglob("*.py"))):
        os.utime(path, (1_000_000_000 + number, 1_000_000_000 + number))
        path.chmod(0o600)
    assert bundle.build(copy).content == bundle.build().content
    assert bundle.build(copy).key == bundle.build().key


def test_one_changed_letter_makes_another_key(copy):
    before = bundle.build(copy)
    handler = copy / "stock_projector" / "handler.py"
    handler.write_text(handler.read_text() + "#")
    assert bundle.build(copy).key != before.key
    assert bundle.build(copy).code_sha256 != before.code_sha256


def test_what_is_in_lambda_src_is_what_is_zipped_and_nothing_else(copy):
    (copy / "stock_projector" / "__pycache__").mkdir()
    (copy / "stock_projector" / "__pycache__" / "handler.cpython-311.pyc").write_bytes(b"stale")
    (copy / "notes.txt").write_text("not code")
    with zipfile.ZipFile(io.BytesIO(bundle.build(copy).content)) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == {
            path.relative_to(SOURCE).as_posix(): path.read_bytes() for path in SOURCE.rglob("*.py")
        }


def test_the_files_can_be_read_by_lambda():
    with zipfile.ZipFile(io.BytesIO(bundle.build().content)) as archive:
        assert {entry.external_attr >> 16 & 0o777 for entry in archive.infolist()} == {0o644}
        assert "stock_projector/handler.py" in archive.namelist()


def test_what_runs_in_the_cloud_is_what_is_in_the_tree(running):
    function = running.client("lambda").get_function(FunctionName=running.outputs["ProjectorName"])["Configuration"]
    assert function["CodeSha256"] == bundle.build().code_sha256
    assert function["Handler"] == "stock_projector.handler.handler"
