"""A user's jar → a function library."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from pathlib import Path

from argo_proxy.builder import reachability
from argo_proxy.builder.cache import content_hash
from argo_proxy.builder.errors import BuildError, LimitError, UserCodeError
from argo_proxy.builder.jar import JarFacts, examine
from argo_proxy.builder.port import ImageRequest
from argo_proxy.builder.progress import Progress
from argo_proxy.builder.sources import niuk_runtime
from argo_proxy.builder.workshop import INTERNAL_PACKAGES, Workshop

PART = "java-function"
_USERS_FAULT = re.compile(r"argo: (java\.lang\.\S+: .*|the jar.*)")


async def build(workshop: Workshop, jar: Path, main: str, metadata: Sequence[Path] = ()) -> Path:
    """The function library (`function.so`) of a jar.

    `main` is `Class` or `Class#method`; `metadata` are folders of native-image's JSON files, as the agent writes them.
    Raises UserCodeError for a jar that can never run, BuildError for a build that failed; its log is kept.
    """
    facts = await asyncio.to_thread(examine, jar, main)
    gson = await workshop.jars("gson")
    roots = [*workshop.isolate_sources(), niuk_runtime() / "adapter/java"]
    adapter = await workshop.compiled("java-adapter", roots, gson)
    known = await reachability.folders(workshop, facts.libraries)
    configuration = [*metadata, *known]
    options = workshop.isolate_options()
    key = content_hash([workshop.builder.identity, *options, adapter.name, jar, facts.main, *configuration])

    async def make(folder: Path, log: Path, progress: Progress) -> None:
        classpath = [jar, adapter, *([] if facts.has_gson else gson)]
        request = _request(workshop, folder, classpath, jar, facts, configuration)
        try:
            await workshop.builder.build(request, log=log, progress=progress)
        except LimitError:
            raise
        except BuildError as failed:
            raise _explained(failed, log) from failed

    return await workshop.build(PART, key, make) / "function.so"


def _request(
    workshop: Workshop,
    folder: Path,
    classpath: Sequence[Path],
    jar: Path,
    facts: JarFacts,
    configuration: Sequence[Path],
) -> ImageRequest:
    options = [*workshop.isolate_options(), "-H:+ReportExceptionStackTraces"]  # a feature's refusal is in its message
    if facts.calls_out:
        options.append("-H:EnableURLProtocols=http,https")
    if configuration:
        options.append(f"-H:ConfigurationFileDirectories={','.join(str(path) for path in configuration)}")
    return ImageRequest(
        name="function",
        classpath=classpath,
        folder=folder,
        features=["argo.function.FunctionFeature", *workshop.isolate_features()],
        options=options,
        properties={
            "argo.jar": str(jar),
            "argo.main": facts.main,
            "argo.runtime": workshop.builder.identity.split(" jdk ")[0],
        },
        builder_packages=INTERNAL_PACKAGES if workshop.builder.knows_internals else (),
        limits=workshop.limits,
    )


def _explained(failed: BuildError, log: Path) -> BuildError:
    if found := _USERS_FAULT.search(log.read_text(errors="replace")):
        return UserCodeError(found[1].strip(), log=log)
    return failed
