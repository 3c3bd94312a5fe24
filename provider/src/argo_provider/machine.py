"""Wires what one machine runs functions with: its technologies, their runtimes, the optimiser, and the placement."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import structlog

from argo_provider import optimizing
from argo_provider.errors import NotFound
from argo_provider.events import EventBus
from argo_provider.model.clock import Clock
from argo_provider.optimizing import Optimizer, PoolListeners
from argo_provider.placement.local import LocalPlacement
from argo_provider.placement.provisioning import Provisioner
from argo_provider.settings import SandboxChoice, Settings
from argo_provider.settings.address import api_url
from argo_provider.storage.port import BlobStore, Stores
from argo_provider.telemetry.metrics import Metrics
from argo_provider.telemetry.pool import PoolMetrics
from argo_proxy.builder.port import Exchange
from argo_proxy.pool.hibernation import Hibernator
from argo_proxy.pool.limits import PoolLimits
from argo_proxy.pool.serving import LoadCode, ServingLimits
from argo_proxy.runtimes import Catalogue
from argo_proxy.sandboxes.container.driver import ContainerDriver, ContainerSettings
from argo_proxy.sandboxes.hibernator import SwapError, SwapHibernator, has_swap, swap_file, why_no_hibernation
from argo_proxy.sandboxes.microvm.driver import MicrovmDriver, MicrovmSettings
from argo_proxy.sandboxes.port import DriverReport, SandboxDriver, SandboxKind
from argo_proxy.sandboxes.process.driver import ProcessDriver, ProcessSettings, default_run_dir

log = structlog.get_logger(__name__)

Spawn = Callable[[Coroutine[Any, Any, None]], object]


@dataclass(frozen=True, slots=True)
class Machine:
    """Its sandboxes, how far its runtimes are, and its optimiser: `start` that once all else stands."""

    placement: LocalPlacement
    provisioner: Provisioner
    optimizer: Optimizer


async def open_machine(  # noqa: PLR0917  # one place where all of it meets
    settings: Settings,
    catalogue: Catalogue,
    stores: Stores,
    blobs: BlobStore,
    events: EventBus,
    metrics: Metrics,
    clock: Clock,
    spawn: Spawn,
    stack: AsyncExitStack,
    exchange: Exchange | None = None,
) -> Machine:
    """`stores` keep what the optimiser learns; the code of functions comes from `blobs`. Closed with `stack`.

    `exchange`: of native libraries with other machines.
    """
    hibernator, why_not = await _hibernator(settings, stack)
    if hibernator is None:
        settings = replace(settings, optimizer=replace(settings.optimizer, hibernated_mb=0.0))
    drivers, reports = await _drivers(settings, stack)
    provisioner = Provisioner(drivers, catalogue, settings.runtimes.kinds)
    provisioner.hibernation = why_not
    provisioner.reports = reports
    load_code = partial(_load_code, blobs)
    optimizer = await optimizing.open_optimizer(
        settings,
        installation_id(settings.data_dir),
        stores,
        events,
        load_code,
        catalogue,
        clock,
        spawn,
        stack,
        exchange,
    )
    placement = _placement(settings, drivers, reports, catalogue, load_code, metrics, optimizer, hibernator)
    return Machine(await stack.enter_async_context(placement), provisioner, optimizer)


def installation_id(data_dir: Path) -> str:
    """What sandboxes are marked with, so that the next start over the same data finds those a crash left."""
    return hashlib.sha256(str(data_dir.resolve()).encode()).hexdigest()[:12]


async def _hibernator(settings: Settings, stack: AsyncExitStack) -> tuple[SwapHibernator | None, str]:
    """None, and why, where idle sandboxes keep their memory."""
    if not settings.hibernation.enabled:
        return None, "hibernation.enabled is false"
    if settings.hibernation.swap_mb and not has_swap():
        try:
            await stack.enter_async_context(swap_file(settings.data_dir / "swap", settings.hibernation.swap_mb))
        except SwapError as error:
            log.warning("no_swap_made", reason=str(error), fix="see hibernation.swap_mb in the settings")
            return None, f"no swap file: {error}"
    reason = why_no_hibernation()
    if reason:
        log.info("no_hibernation", reason=reason)
    return (None, reason) if reason else (SwapHibernator(), "")


async def _drivers(
    settings: Settings, stack: AsyncExitStack
) -> tuple[dict[SandboxKind, SandboxDriver], list[DriverReport]]:
    """Those that the settings allow and this machine has, in order of preference; strays of a crash are swept."""
    installation = installation_id(settings.data_dir)
    candidates: list[SandboxDriver] = []
    if settings.sandbox is not SandboxChoice.PROCESS:
        sockets = default_run_dir(f"{installation}-c")
        candidates.append(ContainerDriver(ContainerSettings(installation, sockets)))
    if settings.sandbox is not SandboxChoice.CONTAINER:
        candidates.append(ProcessDriver(ProcessSettings(installation, default_run_dir(installation))))
    machines = MicrovmSettings(f"{installation}-v", emulate=settings.microvm.emulate, network=settings.microvm.network)
    candidates.append(MicrovmDriver(machines))
    drivers: dict[SandboxKind, SandboxDriver] = {}
    reports = []
    for driver in candidates:
        report = await driver.probe()
        reports.append(report)
        if not report.available:
            tell = log.info if report.kind is SandboxKind.MICROVM else log.warning  # few machines have it, few want it
            tell("sandbox_unavailable", sandbox=report.kind.value, reason=report.reason, fix=report.fix)
            await driver.close()
            continue
        stack.push_async_callback(driver.close)
        for reason in report.degraded:
            log.warning("sandbox_degraded", sandbox=report.kind.value, reason=reason, fix=report.fix)
        strays = await driver.sweep()
        if strays:
            log.warning("strays_removed", sandbox=report.kind.value, count=strays)
        drivers[driver.kind] = driver
    return drivers, reports


def _placement(  # noqa: PLR0917  # the same
    settings: Settings,
    drivers: Mapping[SandboxKind, SandboxDriver],
    reports: Sequence[DriverReport],
    catalogue: Catalogue,
    load_code: LoadCode,
    metrics: Metrics,
    optimizer: Optimizer,
    hibernator: Hibernator | None,
) -> LocalPlacement:
    pipeline, native = optimizer.pipeline, optimizer.native
    placement = LocalPlacement(
        {**drivers, **native.drivers},
        catalogue,
        load_code,
        settings=settings.pool,
        limits=PoolLimits(
            serving=ServingLimits(response_bytes=settings.limits.result_bytes),
            environment={"__OW_API_HOST": api_url(settings.server)},
            memory_mb_most=settings.limits.memory_mb.high,
            recorder=lambda: native.toolchain.recorder,
            hibernator=hibernator,
        ),
        events=PoolListeners(PoolMetrics(metrics.registry), pipeline),
        router=pipeline,
        compared=pipeline,
        why_not={report.kind: f"{report.reason}: {report.fix}" for report in reports if not report.available},
    )
    pipeline.attach(placement)
    metrics.watch_pool(placement.snapshot)
    return placement


async def _load_code(blobs: BlobStore, digest: str) -> bytes:
    try:
        return await blobs.get(digest)
    except NotFound as error:
        raise LookupError(digest) from error
