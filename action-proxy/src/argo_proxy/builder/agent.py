"""The recorder that runs beside a Java function on HotSpot, and the option that puts it there."""

from __future__ import annotations

import asyncio
import zipfile
from pathlib import Path

from argo_proxy.builder import command
from argo_proxy.builder.cache import Cache, content_hash
from argo_proxy.builder.sources import niuk_runtime

PART = "java-agent"
JAR = "argo-agent.jar"  # its manifest names it so
_ASM = "java.base/jdk.internal.org.objectweb.asm"
_LIMITS = command.Limits(seconds=120.0, memory_mb=1024)
_MANIFEST = "META-INF/MANIFEST.MF"


async def build(cache: Cache, java_home: Path) -> Path:
    """The agent's jar, compiled by the javac of a JDK 17. Raises BuildError."""
    sources = niuk_runtime() / "agent"
    key = content_hash([sources / "java", sources / "MANIFEST.MF", Path(__file__)])

    async def make(folder: Path) -> None:
        classes = folder / "classes"
        exports = [f"--add-exports={package}=ALL-UNNAMED" for package in (_ASM, f"{_ASM}.commons")]
        files = [str(file) for file in sorted((sources / "java").rglob("*.java"))]
        javac = [str(java_home / "bin/javac"), "-XDignore.symbol.file", *exports, "-d", str(classes), *files]
        await command.run(command.Command(javac, log=folder / "javac.log", limits=_LIMITS))
        await asyncio.to_thread(_pack, classes, (sources / "MANIFEST.MF").read_text(), folder / JAR)

    return await cache.obtain(PART, key, make) / JAR


def option(jar: Path, java_home: Path, metadata: Path) -> str:
    """The option of `java` that makes it write native-image's JSON files to `metadata`.

    A GraalVM has a tracing agent of its own, which sees more (JNI, and the JDK's own reflection).
    """
    if (java_home / "lib/libnative-image-agent.so").is_file():
        return f"-agentlib:native-image-agent=config-output-dir={metadata},config-write-period-secs=1"
    return f"-javaagent:{jar}={metadata}"


def _pack(classes: Path, manifest: str, jar: Path) -> None:
    with zipfile.ZipFile(jar, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(_MANIFEST, f"Manifest-Version: 1.0\n{manifest.rstrip()}\n\n")
        for file in sorted(classes.rglob("*.class")):
            archive.write(file, str(file.relative_to(classes)))
