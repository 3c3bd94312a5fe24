"""A native-image that was assembled from package registries (see `assembly`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from argo_proxy.builder import archives, assembly, native_image
from argo_proxy.builder.cache import Cache
from argo_proxy.builder.port import ImageRequest
from argo_proxy.builder.progress import Progress
from argo_proxy.builder.sources import niuk_runtime

VERSION = "23.0.6"
_GENERATOR = "org.graalvm.nativeimage.builder/com.oracle.svm.hosted.NativeImageGeneratorRunner"
_JVM = (
    "-XX:+UseParallelGC",
    "-XX:+UnlockExperimentalVMOptions",
    "-XX:+EnableJVMCI",
    "-XX:-UseJVMCICompiler",
    "-Xss10m",
    "-Xshare:off",
    "-Djava.awt.headless=true",
    f"-Dorg.graalvm.version={VERSION}",
    "-Dorg.graalvm.vendor=assembled",
    "-Dcom.oracle.graalvm.isaot=true",
    "-Dsubstratevm.HostLibC=glibc",
    "-Dsubstratevm.IgnoreGraalVersionCheck=true",
    "-Djava.system.class.loader=com.oracle.svm.hosted.NativeImageSystemClassLoader",
    "-Djdk.internal.lambda.disableEagerInitialization=true",
    "-Djdk.internal.lambda.eagerlyInitialize=false",
    "-Djava.lang.invoke.InnerClassLambdaMetafactory.initializeLambdas=false",
    "-Dtruffle.TrustAllTruffleRuntimeProviders=true",
)
_WITH_TRUFFLE = ("-Dtruffle.TruffleRuntime=com.oracle.svm.truffle.api.SubstrateTruffleRuntime",)
_WITHOUT_TRUFFLE = (
    "-Dtruffle.TruffleRuntime=com.oracle.truffle.api.impl.DefaultTruffleRuntime",
    "-Dgraalvm.ForcePolyglotInvalid=true",
)


async def provision(cache: Cache, progress: Progress) -> AssembledBuilder:
    """The assembled builder, made now if it is not there; a run that was cut off is taken up where it ended."""
    toolchain = niuk_runtime() / "toolchain"
    key = assembly.key(toolchain)

    async def make(folder: Path) -> None:
        with archives.member_filters():
            await assembly.Assembly(folder, toolchain, cache, progress).run()

    return AssembledBuilder(await cache.obtain(assembly.PART, key, make, resumable=True))


@dataclass(frozen=True, slots=True)
class AssembledBuilder:
    """A `NativeImageBuilder` in `home`."""

    home: Path

    @property
    def identity(self) -> str:
        return f"assembled {VERSION} {self.home.name} jdk {(self.home / 'jdk-version').read_text()}"

    @property
    def java_home(self) -> Path:
        return self.home / "jdk"

    @property
    def compile_classpath(self) -> Sequence[Path]:
        return (self.home / "builder/svm.jar", self.home / "graal-sdk.jar", self.home / "compiler.jar")

    @property
    def knows_internals(self) -> bool:
        return True

    async def build(self, request: ImageRequest, *, log: Path, progress: Progress) -> Path:
        environment = {"JVMCI_VERSION_CHECK": "ignore"}
        return await native_image.run(self._arguments(request), request, log, progress, environment)

    def _arguments(self, request: ImageRequest) -> list[str]:
        exported = [
            f"--add-exports=org.graalvm.nativeimage.builder/{package}=ALL-UNNAMED"
            for package in request.builder_packages
        ]
        modules = ":".join(str(self.home / name) for name in ("builder", "graal-sdk.jar", "truffle-api.jar"))
        return [
            str(self.home / "jdk/bin/java"),
            *_JVM,
            f"-Xmx{native_image.heap_mb(request)}m",
            *(_WITH_TRUFFLE if request.polyglot else _WITHOUT_TRUFFLE),
            *(f"-D{name}={value}" for name, value in request.properties.items()),
            *(
                f"--patch-module={module}={self.home / 'patch' / module}"
                for module in ("java.base", "jdk.internal.vm.ci")
            ),
            f"@{self.home / 'exports.args'}",
            *exported,
            "--add-modules=ALL-DEFAULT",
            f"--upgrade-module-path={self.home / 'compiler.jar'}",
            f"--module-path={modules}",
            f"--module={_GENERATOR}",
            "-imagecp",
            ":".join(str(path) for path in request.classpath),
            f"-H:CLibraryPath={self.home / 'clib'}",
            f"-H:Path={request.folder}",
            f"-H:Name={request.name}",
            "-H:+SharedLibrary",
            "-H:FallbackThreshold=0",
            f"-H:Features={','.join(request.features)}",
            *request.options,
        ]
