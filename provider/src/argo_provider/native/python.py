"""Python: functions are forked from a warmed interpreter of their namespace; there is nothing to build."""

from __future__ import annotations

from pathlib import Path

from argo_provider.native.failures import told_as_build_failures
from argo_provider.optimizer.model import FailureKind, FunctionId
from argo_provider.optimizer.ports import Artefact, BuildFailed, Desk, Subject
from argo_proxy.runtimes import Catalogue
from argo_proxy.sandboxes.port import Provision, SandboxKind
from argo_proxy.sandboxes.zygote.driver import ZygoteDriver


class PythonFunctions:
    """A `NativeTechnology`."""

    name = SandboxKind.ZYGOTE.value
    records = False

    def __init__(self, driver: ZygoteDriver, catalogue: Catalogue) -> None:
        self._driver = driver
        self._catalogue = catalogue

    async def ready_to_record(self) -> None:
        """Nothing is recorded."""

    async def read(self, subject: Subject) -> tuple[str, ...]:
        del subject
        return ()  # it runs on the interpreter that it has run on

    async def learn(self, subject: Subject, recordings: list[bytes]) -> None:
        """Nothing is recorded."""

    async def missed(self, subject: Subject, reply: str) -> str:
        del subject, reply
        return ""

    async def build(self, subject: Subject, desk: Desk) -> Artefact:
        """Only the interpreter has to be there."""
        runtime = self._catalogue.get(subject.executable.kind)
        if runtime is None:
            raise BuildFailed(FailureKind.BUILDER, f"the kind '{subject.executable.kind}' is not known here")

        async def progress(step: Provision) -> None:
            desk.say(step.step)

        with told_as_build_failures():
            desk.say("preparing the zygote")
            report = await self._driver.probe()
            done = await self._driver.provision(runtime, progress) if report.available else None
        if done is None or not done.ready:
            raise BuildFailed(FailureKind.BUILDER, report.reason or (done.error if done else ""))
        return Artefact(subject.fingerprint, Path(), "", 0)

    def adopt(self, subject: Subject, artefact: Artefact) -> bool:
        del artefact
        return self._driver.ready(self._catalogue.get(subject.executable.kind), None)

    def disown(self, function: FunctionId) -> None:
        """Its children go with its way."""

    async def forget(self, function: FunctionId) -> None:
        """Nothing was learnt."""
