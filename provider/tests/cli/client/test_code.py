"""What becomes of a file, a folder, an archive."""

import base64
import io
import zipfile
from pathlib import Path

import pytest

from argo_provider.cli.client import code
from argo_provider.cli.client.failures import Misused


def archive(**files):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        for name, content in files.items():
            made.writestr(name.replace("__dot__", "."), content)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("name", "kind"),
    [("a.js", "nodejs:default"), ("a.py", "python:default"), ("a.rb", "ruby:default"), ("a.php", "php:default")],
)
def test_the_kind_is_told_by_the_name(tmp_path, name, kind):
    path = tmp_path / name
    path.write_text("source")
    assert code.from_file(path) == {"kind": kind, "code": "source"}


@pytest.mark.parametrize(
    ("inside", "kind"),
    [("package.json", "nodejs:default"), ("__main__.py", "python:default"), ("exec", "blackbox")],
)
def test_the_kind_of_an_archive_is_told_by_what_is_in_it(tmp_path, inside, kind):
    path = tmp_path / "a.zip"
    path.write_bytes(archive(**{inside: "x"}))
    found = code.from_file(path)
    assert (found["kind"], found["binary"]) == (kind, True)
    assert base64.b64decode(found["code"]) == path.read_bytes()


def test_a_folder_is_packed_without_what_is_hidden(tmp_path):
    (tmp_path / "package.json").write_text("{}")
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "config").write_text("x")
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "a.js").write_text("x")
    found = code.from_file(tmp_path)
    with zipfile.ZipFile(io.BytesIO(base64.b64decode(found["code"]))) as packed:
        assert packed.namelist() == ["lib/a.js", "package.json"]
    assert code.from_file(tmp_path) == found, "the same files, the same bytes"


def test_a_jar_needs_its_class(tmp_path):
    path = tmp_path / "a.jar"
    path.write_bytes(archive(x="y"))
    with pytest.raises(Misused, match="class"):
        code.from_file(path)
    assert code.from_file(path, main="Hello")["kind"] == "java:default"


def test_what_cannot_be_known_is_asked_for(tmp_path):
    path = tmp_path / "a.xyz"
    path.write_text("?")
    with pytest.raises(Misused, match="cannot be known"):
        code.from_file(path)
    assert code.from_file(path, kind="nodejs:20")["kind"] == "nodejs:20"
    assert code.from_file(path, docker="me/image") == {"kind": "blackbox", "image": "me/image", "code": "?"}
    assert code.from_file(path, native=True)["image"] == code.NATIVE_IMAGE


def test_a_missing_file_is_said():
    with pytest.raises(Misused, match="cannot read"):
        code.from_file(Path("/nowhere/a.js"))


def test_sequences():
    assert code.sequence("a, p/b,/ns/c", "_")["components"] == ["/_/a", "/_/p/b", "/ns/c"]
    with pytest.raises(Misused):
        code.sequence("", "_")


@pytest.mark.parametrize(
    ("executed", "name", "content"),
    [
        ({"kind": "nodejs:20", "code": "x"}, "a.js", b"x"),
        ({"kind": "python:3.11", "code": "eA==", "binary": True}, "a.zip", b"x"),
        ({"kind": "java:17", "code": "eA==", "binary": True}, "a.jar", b"x"),
    ],
)
def test_saved_code(executed, name, content):
    assert code.saved_name("a", executed) == name
    assert code.saved_bytes(executed) == content
