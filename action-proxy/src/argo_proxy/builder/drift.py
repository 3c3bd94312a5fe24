"""Bridges between the JDK 17 that Debian ships and the one that native-image 23.0.6 was made for.

Three of the JDK's own classes, compiled again from Debian's sources with what the image generator looks for, are put
over the builder's JDK with --patch-module.
"""

from __future__ import annotations

import re
from pathlib import Path

from argo_proxy.builder.errors import ProvisionError

_IDENTITY_WRAPPER = """    private static final class IdentityWrapper {
        final Provider obj;

        IdentityWrapper(Provider obj) {
            this.obj = obj;
        }

        @Override
        public boolean equals(Object other) {
            return other instanceof IdentityWrapper wrapper && wrapper.obj == obj;
        }

        @Override
        public int hashCode() {
            return System.identityHashCode(obj);
        }
    }
}
"""
_QUEUE_POLL = re.compile(
    r"WeakIdentityWrapper key;\s*while \(\(key = \(WeakIdentityWrapper\) queue\.poll\(\)\) != null\) \{"
    r"\s*verificationResults\.remove\(key\);\s*\}"
)


def write_patched_sources(jdk: Path, target: Path) -> dict[str, list[Path]]:
    """Writes the changed classes of `jdk` (a JDK 17 source tree) under `target`; returns files by module."""
    base = jdk / "src/java.base/share/classes"
    security = _jce_security((base / "javax/crypto/JceSecurity.java.template").read_text())
    provider = _provider((base / "java/security/Provider.java").read_text())
    lock_value = next((jdk / "src/jdk.internal.vm.ci").rglob("StackLockValue.java")).read_text()
    return {
        "java.base": [
            _write(target / "java.base/javax/crypto/JceSecurity.java", security),
            _write(target / "java.base/java/security/Provider.java", provider),
        ],
        "jdk.internal.vm.ci": [
            _write(
                target / "jdk.internal.vm.ci/jdk/vm/ci/code/StackLockValue.java",
                _replaced(lock_value, "public Value getSlot", "public AllocatableValue getSlot"),
            )
        ],
    }


def _jce_security(text: str) -> str:
    """Keys of verified providers are strong again: the generator reads them by that class's name."""
    text = _replaced(text, "@@JCE_DEFAULT_POLICY@@", "unlimited")
    mark = "    private static final class WeakIdentityWrapper"
    if mark not in text:
        raise ProvisionError("this JDK's JceSecurity is not the one that the builder knows how to adapt")
    text = text[: text.index(mark)] + _IDENTITY_WRAPPER
    text = _QUEUE_POLL.sub("", text)
    return text.replace("new WeakIdentityWrapper(p, queue)", "new IdentityWrapper(p)").replace(
        "WeakIdentityWrapper", "IdentityWrapper"
    )


def _provider(text: str) -> str:
    field = "        final Class<?> constructorParameterClass;\n"
    text = _replaced(text, field, f"{field}        final String constructorParameterClassName;\n")
    assignment = "            this.constructorParameterClass = constructorParameterClass;\n"
    by_name = "constructorParameterClass == null ? null : constructorParameterClass.getName()"
    return _replaced(text, assignment, f"{assignment}            this.constructorParameterClassName = {by_name};\n")


def _replaced(text: str, old: str, new: str) -> str:
    if old not in text:
        raise ProvisionError(f"this JDK's sources lack the line {old.strip()!r} that the builder adapts")
    return text.replace(old, new, 1)


def _write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path
