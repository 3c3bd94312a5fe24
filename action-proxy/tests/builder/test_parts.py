"""The pure parts of assembling: what is read of jars, of apt's lists, of javap and of native-image's version."""

from __future__ import annotations

import io
import struct
import tarfile
import zipfile
from pathlib import Path

import pytest

from argo_proxy.builder import archives, assembly, debian, graalvm_home, jar, reachability
from argo_proxy.builder.errors import ProvisionError, UserCodeError

pytestmark = pytest.mark.unit

CLASS = struct.pack(">IHH", 0xCAFEBABE, 0, 61)


def write_jar(path: Path, files: dict[str, bytes]) -> Path:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    path.write_bytes(data.getvalue())
    return path


def test_a_jar_is_read(tmp_path: Path) -> None:
    properties = b"#made\ngroupId=com.x\nartifactId=y\nversion=1.2\n"
    file = write_jar(
        tmp_path / "a.jar",
        {
            "com/ex/Main.class": CLASS + b"java/net/URL",
            "com/google/gson/Gson.class": CLASS,
            "META-INF/maven/com.x/y/pom.properties": properties,
        },
    )
    facts = jar.examine(file, "com.ex.Main#run")
    assert facts == jar.JarFacts("com.ex.Main", "run", True, True, (jar.Library("com.x", "y", "1.2"),))
    assert jar.examine(file, "com.ex.Main").main == "com.ex.Main#main"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"Other.class": CLASS}, "java.lang.ClassNotFoundException: Main"),
        ({"Main.class": b"text of no class"}, "java.lang.ClassFormatError: Main"),
        ({"Main.class": struct.pack(">IHH", 0xCAFEBABE, 0, 69)}, "UnsupportedClassVersionError: Main"),
    ],
)
def test_a_jar_that_can_never_run_is_refused(tmp_path: Path, content: dict[str, bytes], words: str) -> None:
    with pytest.raises(UserCodeError, match=words):
        jar.examine(write_jar(tmp_path / "a.jar", content), "Main")


@pytest.mark.parametrize("cut", [0, 10, 60])
def test_a_truncated_jar_is_refused(tmp_path: Path, cut: int) -> None:
    file = write_jar(tmp_path / "a.jar", {"Main.class": CLASS})
    file.write_bytes(file.read_bytes()[:cut])
    with pytest.raises(UserCodeError, match="cannot be read"):
        jar.examine(file, "Main")


def test_source_packages_are_switched_on_in_both_of_apts_formats() -> None:
    assert debian.with_sources("Types: deb\nURIs: http://x\n") == "Types: deb deb-src\nURIs: http://x\n"
    assert debian.with_sources("deb http://x y main\n") == "deb http://x y main\ndeb-src http://x y main\n"


def test_the_cpu_struct_follows_the_generators_own_order() -> None:
    text = "interface F {\n  public abstract boolean fCX8();\n  public abstract int size();\n  public abstract boolean fAVX2();\n}"
    assert assembly.cpu_features_header(text) == "typedef struct {\n  char fCX8;\n  char fAVX2;\n} CPUFeatures;\n"


def test_packages_are_found_in_jimages_listing() -> None:
    listing = "jimage: modules\n\nModule: java.base\n    java/lang/Object.class\n    sun/x/Y.class\nModule: java.desktop\n    java/awt/A.class\n"
    assert assembly.jdk_packages(listing) == {("java.base", "java.lang"), ("java.base", "sun.x")}


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("GraalVM 22.3.3 Java 17 CE (Java Version 17.0.8+7-jvmci-22.3-b22)", 17),
        ("native-image 21.0.2 2024-01-16\nGraalVM Runtime Environment GraalVM CE 21.0.2+13.1", 21),
        ("native-image 25 2025-09-16", 25),
        ("GraalVM 20.3.0 Java 11 (Java Version 11.0.9)", 11),
        ("nonsense", 0),
    ],
)
def test_the_java_version_of_a_graalvm(text: str, version: int) -> None:
    assert graalvm_home.java_version(text) == version


def test_the_assembly_unpacks_on_the_python_that_runs_it(tmp_path: Path) -> None:
    """Debian 12's takes no filter."""
    (tmp_path / "file").write_text("it")
    with tarfile.open(tmp_path / "archive.tar", "w") as archive:
        archive.add(tmp_path / "file", "file")
    with archives.member_filters():
        assembly._extract(tmp_path / "archive.tar", tmp_path / "out")
    assert (tmp_path / "out/file").read_text() == "it"


async def test_a_graalvm_home_that_cannot_be_used_says_why(tmp_path: Path) -> None:
    with pytest.raises(ProvisionError, match="has no native-image"):
        await graalvm_home.find({"GRAALVM_HOME": str(tmp_path)})
    tool = tmp_path / "bin/native-image"
    tool.parent.mkdir()
    tool.write_text("#!/bin/sh\necho 'GraalVM 20.3.0 Java 11 (Java Version 11.0.9)'\n")
    tool.chmod(0o755)
    with pytest.raises(ProvisionError, match="older than Java 17"):
        await graalvm_home.find({"GRAALVM_HOME": str(tmp_path)})
    assert await graalvm_home.find({"PATH": "/nowhere"}) is None
    tool.write_text("#!/bin/sh\necho 'native-image 21.0.2 2024-01-16'\n")
    found = await graalvm_home.find({"PATH": str(tool.parent)})
    assert found is not None
    assert found.home == tmp_path
    assert not found.knows_internals


def test_reachability_metadata_is_chosen_by_version() -> None:
    index = [
        {"metadata-version": "2.0", "latest": True, "tested-versions": ["2.0", "2.1"]},
        {"metadata-version": "1.0", "tested-versions": ["1.0", "1.1"]},
    ]
    assert reachability.choose(index, "1.1") == "1.0"
    assert reachability.choose(index, "9.9") == "2.0"
    assert reachability.choose([], "1.0") is None
