"""JetStream's part: what a 202 promised waits in a node's work queue until it begins or is given up.

A message of the work queue lists what was accepted for a node within a moment. It is acknowledged when all its claims
are decided, so that the queue holds all work that was accepted and has not begun. It is delivered again to a node that
comes back; the claims keep what had begun from running twice.
"""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable
from functools import partial

import structlog
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy, RetentionPolicy, StorageType, StreamConfig
from nats.js.errors import NotFoundError

from argo_provider.cluster.bus import Bus
from argo_provider.cluster.errors import ClusterError

log = structlog.get_logger(__name__)

_KEPT_SECONDS = 3600.0  # what nobody takes for so long is in the journal anyway
_DUPLICATES_SECONDS = 120.0
_ACK_WAIT_SECONDS = 600.0  # longer than an invocation may wait for a sandbox
_MOST_UNDECIDED = 20_000
_PUBLISH_SECONDS = 5.0
_TRIES = 3

Ack = Callable[[], None]


class WorkQueue:
    """The two streams of a cluster: work for nodes, and reports of journaled work for replicas."""

    def __init__(self, bus: Bus, replicas: int = 1) -> None:
        """`replicas`: servers that keep each message."""
        self._bus = bus
        self._replicas = replicas
        self._work = f"argo_{bus.cluster}_work"
        self._reports = f"argo_{bus.cluster}_reports"

    async def open(self) -> None:
        """Make the streams if they are missing. ClusterError."""
        for name, subject in ((self._work, "work"), (self._reports, "reports")):
            config = StreamConfig(
                name=name,
                subjects=[self._bus.subject(subject, "*")],
                retention=RetentionPolicy.WORK_QUEUE,
                storage=StorageType.FILE,
                max_age=_KEPT_SECONDS,
                duplicate_window=_DUPLICATES_SECONDS,
                num_replicas=self._replicas,
            )
            try:
                await self._bus.js.add_stream(config)
            except (NatsError, TimeoutError) as error:
                raise no_jetstream(error) from error

    async def put(self, node: str, work: bytes, message_id: str) -> bool:
        """Queue a list of `Work` for a node; False if the bus did not say that it has it."""
        return await self._publish(self._bus.subject("work", node), work, message_id)

    async def report(self, replica: str, reports: bytes, message_id: str) -> bool:
        return await self._publish(self._bus.subject("reports", replica), reports, message_id)

    async def take_work(self, node: str, handler: Callable[[bytes, Ack], None]) -> None:
        """Call `handler` for each message, from the first that is undecided; it acknowledges."""

        async def received(message: Msg) -> None:
            content = self._bus.open(message.subject, message.data, fresh=False)
            ack = partial(self._bus.post, message.reply, Msg.Ack.Ack)
            if content is None:
                ack()
            else:
                handler(content, ack)

        await self._consume(self._work, self._bus.subject("work", node), node, received)

    async def take_reports(self, replica: str, handler: Callable[[bytes], None]) -> None:
        async def received(message: Msg) -> None:
            content = self._bus.open(message.subject, message.data, fresh=False)
            if content is not None:
                handler(content)
            await message.ack()

        await self._consume(self._reports, self._bus.subject("reports", replica), replica, received)

    async def leave(self, replica: str) -> None:
        """Nobody will take reports by that name any more."""
        with contextlib.suppress(NatsError, TimeoutError):
            await self._bus.js.delete_consumer(self._reports, replica)

    async def _consume(self, stream: str, subject: str, name: str, received: Callable[[Msg], Awaitable[None]]) -> None:
        js = self._bus.js
        with contextlib.suppress(NotFoundError):
            await js.delete_consumer(stream, name)  # of an earlier life: what it had not decided is delivered again
        config = ConsumerConfig(
            durable_name=name,
            deliver_policy=DeliverPolicy.ALL,
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=_ACK_WAIT_SECONDS,
            max_ack_pending=_MOST_UNDECIDED,
            filter_subject=subject,
        )
        await js.subscribe(
            subject,
            durable=name,
            stream=stream,
            config=config,
            cb=received,
            manual_ack=True,
            pending_msgs_limit=0,
            pending_bytes_limit=0,
        )

    async def _publish(self, subject: str, content: bytes, message_id: str) -> bool:
        data = self._bus.seal(subject, content)
        for _ in range(_TRIES):
            try:
                await self._bus.js.publish(subject, data, timeout=_PUBLISH_SECONDS, headers={"Nats-Msg-Id": message_id})
            except (NatsError, TimeoutError) as error:
                log.warning("queue_does_not_answer", subject=subject, reason=str(error) or type(error).__name__)
            else:
                return True
        return False


def no_jetstream(error: Exception) -> ClusterError:
    return ClusterError(
        f"the bus has no JetStream for us: {str(error) or type(error).__name__}",
        "start it with JetStream and a folder on a disk: nats-server -js -sd DIR",
    )
