"""A node says how it is, four times a lease, and what it is, whenever that changes and now and then."""

from __future__ import annotations

import asyncio
import os
import time
import uuid
from collections import Counter
from collections.abc import Callable, Sequence

import structlog
from nats.errors import Error as NatsError

from argo_provider.cluster.messages import PROTOCOL, About, Beat, artefact_name
from argo_provider.cluster.state import MOST_SKEW_MS, StateBuckets
from argo_provider.placement.local import LocalPlacement
from argo_provider.placement.nodes import key_name
from argo_provider.placement.provisioning import Provisioner
from argo_proxy.sandboxes.port import SandboxKind

log = structlog.get_logger(__name__)

_MOST_SLOTS = 1000  # keys in a beat
_MOST_ARTEFACTS = 500  # said to be here
_ABOUT_EVERY = 8  # beats
_CLOCK_EVERY = 120  # beats


class Beats:
    """`drain`: no new work from now on; what was accepted is finished."""

    def __init__(
        self,
        state: StateBuckets,
        name: str,
        version: str,
        placement: LocalPlacement,
        provisioner: Provisioner,
        *,
        lease: float,
        queue_limit: int,
        at_hand: Callable[[int], Sequence[str]] = lambda _: (),
    ) -> None:
        """`at_hand`: digests of so much code, at most, as need not be fetched."""
        self._state = state
        self._name = name
        self._version = version
        self._placement = placement
        self._provisioner = provisioner
        self._every = lease / 4
        self._queue_limit = queue_limit
        self._at_hand = at_hand
        self._incarnation = uuid.uuid4().hex
        self._since_ms = time.time_ns() // 1_000_000
        self._number = 0
        self._about: About | None = None
        self._clock_ahead_ms = 0
        self.draining = False

    async def run(self) -> None:
        """Ended by cancelling it."""
        while True:
            self.say()
            await asyncio.sleep(self._every)

    async def watch_clock(self) -> None:
        """Beside `run`: the bus may take its time to answer, and a beat must not wait. Ended by cancelling it."""
        while True:
            await asyncio.sleep(self._every * _CLOCK_EVERY)
            try:
                await self._look_at_the_clock()
            except (NatsError, TimeoutError) as error:  # it restarts: the next look will tell
                log.info("clock_not_compared", reason=str(error) or type(error).__name__)

    def say(self) -> None:
        """Now; what changed is known to all replicas in a moment."""
        about = self._make_about()
        if about != self._about or self._number % _ABOUT_EVERY == 0:
            self._about = about
            self._state.say_about(about)
        self._number += 1
        self._state.say_beat(self._make_beat())

    def _make_beat(self) -> Beat:
        snapshot = self._placement.snapshot()
        slots = Counter[str]()
        for key, places in self._placement.slots():
            slots[key_name(key)] += places
        return Beat(
            self._name,
            self._incarnation,
            self._number,
            memory_mb=snapshot.memory_limit_mb,
            memory_used_mb=snapshot.memory_used_mb,
            idle_mb=snapshot.idle_mb,
            starting=snapshot.starting,
            in_flight=self._placement.in_flight,
            draining=self.draining or snapshot.draining,
            waiting=dict(snapshot.waiting),
            by_state=dict(snapshot.by_state),
            slots=dict(slots.most_common(_MOST_SLOTS)),
        )

    def _make_about(self) -> About:
        states = self._provisioner.states
        ready = {state.kind for state in states if state.ready}
        reports = self._provisioner.reports
        return About(
            self._name,
            self._incarnation,
            self._version,
            PROTOCOL,
            cores=os.cpu_count() or 1,
            queue_limit=self._queue_limit,
            sandbox_memory_mb=self._placement.snapshot().memory_limit_mb,
            since_ms=self._since_ms,
            clock_ahead_ms=self._clock_ahead_ms,
            kinds=sorted(ready),
            coming=sorted({s.kind for s in states if not s.ready and not s.error} - ready),
            images=any(report.kind is SandboxKind.CONTAINER and report.available for report in reports),
            artefacts=sorted(map(artefact_name, self._at_hand(_MOST_ARTEFACTS))),
            reports=reports,
            runtimes=states,
        )

    async def _look_at_the_clock(self) -> None:
        self._clock_ahead_ms = await self._state.clock_ahead_ms(self._name)
        if abs(self._clock_ahead_ms) > MOST_SKEW_MS and not self.draining:
            self.draining = True
            log.error(
                "clock_is_off", ahead_ms=self._clock_ahead_ms, fix="timedatectl set-ntp true, then start the node again"
            )
