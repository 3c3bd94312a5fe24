"""Zips and jars, made in memory."""

import base64
import io
import shutil
import subprocess
import tempfile
import zipfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path

FUNCTIONS = Path(__file__).parent.parent / "functions"
EXECUTABLE = 0o755
PLAIN = 0o644


def source(path: str) -> str:
    """The text of a sample function."""
    return (FUNCTIONS / path).read_text()


def zipped(files: Mapping[str, str | bytes], executable: frozenset[str] = frozenset()) -> str:
    """A zip of the files, in base64; those named in `executable` carry the bit."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = (0o100000 | (EXECUTABLE if name in executable else PLAIN)) << 16
            archive.writestr(entry, content)
    return base64.b64encode(buffer.getvalue()).decode()


@cache
def java_compiler() -> str | None:
    return shutil.which("javac")


@cache
def jar() -> str:
    """All.java as a jar in base64, compiled against the signatures in functions/java/gson."""
    compiler = java_compiler()
    assert compiler
    gson = FUNCTIONS / "java" / "gson"
    with tempfile.TemporaryDirectory() as folder:
        command = [compiler, "-source", "8", "-target", "8", "-Xlint:none", "-nowarn", "-implicit:none"]
        command += ["-sourcepath", str(gson), "-d", folder, str(FUNCTIONS / "java" / "All.java")]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        classes = {path.name: path.read_bytes() for path in Path(folder).glob("*.class")}
    assert "All.class" in classes
    return zipped({"META-INF/MANIFEST.MF": "Manifest-Version: 1.0\n\n", **classes})
