"""Graal.js as a function library: any JavaScript function runs on it, so it is built once."""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import replace
from pathlib import Path

from argo_proxy.builder.cache import content_hash
from argo_proxy.builder.port import ImageRequest
from argo_proxy.builder.progress import Progress
from argo_proxy.builder.sources import niuk_runtime
from argo_proxy.builder.workshop import INTERNAL_PACKAGES, Workshop

PART = "javascript-engine"
_LONGEST_SECONDS = 5400.0  # 6 to 11 minutes on two free cores; most of an hour has been seen on two busy ones
_JARS = ("js", "regex", "icu4j")
_BUILD_TIME = (
    "com.oracle.truffle",
    "com.oracle.js",
    "com.ibm.icu",
    "org.graalvm.collections",
    "org.graalvm.options",
    "org.graalvm.polyglot",
    "org.graalvm.home",
)
_NOT_OURS = ("-H:ThrowMissingRegistrationErrors", "-R:MaxNewSize")  # of what every other function library has
_OPTIONS = (
    "-H:IncludeResources=com/ibm/icu/ICUConfig.properties|com/ibm/icu/impl/data/icudt[0-9]+b/(?!rbnf|translit).*",
    "-H:MaxRuntimeCompileMethods=9000",
    "-H:AlignedHeapChunkSize=262144",  # a quarter of the usual: an isolate holds several chunks that are hardly filled
    "-R:MaxNewSize=12m",
    f"-H:ClassInitialization={','.join(f'{package}:build_time' for package in _BUILD_TIME)}",
)


async def build(workshop: Workshop) -> Path:
    """The engine (`engine.so`), 6 to 11 minutes when it is not in the cache. Raises BuildError."""
    jars = await workshop.jars(*_JARS)
    engine = niuk_runtime() / "engine"
    roots = [*workshop.isolate_sources(), engine / "java"]
    classes = await workshop.compiled("javascript-adapter", roots, [], await _resources(workshop, engine / "js"))
    common = [option for option in workshop.isolate_options() if not option.startswith(_NOT_OURS)]
    options = [*common, *_OPTIONS]
    key = content_hash([workshop.builder.identity, classes.name, *(jar.name for jar in jars), *options])

    async def make(folder: Path, log: Path, progress: Progress) -> None:
        request = ImageRequest(
            name="engine",
            classpath=[classes, *jars],
            folder=folder,
            features=[
                "com.oracle.svm.truffle.TruffleFeature",
                "org.graalvm.home.HomeFinderFeature",
                "argo.javascript.EngineFeature",
                *workshop.isolate_features(),
            ],
            options=options,
            builder_packages=INTERNAL_PACKAGES if workshop.builder.knows_internals else (),
            polyglot=True,
            limits=replace(workshop.limits, seconds=max(workshop.limits.seconds, _LONGEST_SECONDS)),
        )
        await workshop.builder.build(request, log=log, progress=progress)

    return await workshop.build(PART, key, make) / "engine.so"


async def _resources(workshop: Workshop, scripts: Path) -> Path:
    """The engine's JavaScript, laid out as its Java side looks for it."""

    async def make(folder: Path) -> None:
        await asyncio.to_thread(shutil.copytree, scripts, folder / "argo/javascript/js")

    return await workshop.cache.obtain("javascript-sources", content_hash([scripts]), make)
