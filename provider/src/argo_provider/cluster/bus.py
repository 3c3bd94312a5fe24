"""One connection to NATS: sealed messages, requests, and the JetStream parts of a cluster."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.errors import UnexpectedEOF
from nats.js import JetStreamContext

from argo_provider.cluster.client import Outgoing, StraightClient
from argo_provider.cluster.errors import ClusterError
from argo_provider.cluster.seal import Seal, Unsealed

log = structlog.get_logger(__name__)

MB = 1024 * 1024
LEAST_PAYLOAD = 8 * MB  # an invocation has up to 2 MB of parameters and payload; lists of logs are cut to fit
_CONNECT_SECONDS = 5
_PENDING_BYTES = 64 * MB
_REPORT_EVERY = 10.0
_PING_SECONDS = 2  # a bus that answers none of three is gone: a cut cable says nothing by itself
_NOBODY = "503"  # the server's own word: no responders

Handler = Callable[[bytes], None]
Responder = Callable[[bytes], Awaitable[bytes]]


@dataclass(frozen=True, slots=True)
class BusOptions:
    """How to reach the bus, and as whom. `cluster`: its name on that bus."""

    url: str
    cluster: str
    key: str
    credentials: Path | None = None
    tls_ca: Path | None = None
    tls_cert: Path | None = None
    tls_key: Path | None = None


class NoAnswer(Exception):
    """Nobody answered a request in time."""


class Bus:
    """`send` never waits; what cannot go out while the connection is broken goes out when it stands again."""

    def __init__(
        self, client: StraightClient, options: BusOptions, reconnected: list[Callable[[], None]], leaving: asyncio.Event
    ) -> None:
        """`reconnected`: what the client calls each time that it has found the bus again. `leaving`: set at the end."""
        self._leaving = leaving
        self._client = client
        self._seal = Seal(options.key, options.cluster)
        self._loop = asyncio.get_running_loop()
        self._outbox: deque[Outgoing] = deque()
        self._turn: asyncio.Handle | None = None  # at its end what was sent in it goes
        self._wake = asyncio.Event()
        self._written = asyncio.Event()
        self._writer = asyncio.create_task(self._write_in_turn(), name="bus-writer")
        self._reported = 0.0
        self.prefix = f"argo.{options.cluster}"
        self.cluster = options.cluster
        self.js: JetStreamContext = client.jetstream(timeout=10)
        self.reconnected = reconnected

    @classmethod
    async def connect(cls, options: BusOptions, name: str) -> Bus:
        """Raises ClusterError."""
        client, reconnected, leaving = StraightClient(), list[Callable[[], None]](), asyncio.Event()
        arguments = _arguments(options, name, reconnected, leaving)
        try:
            # One that tries again and again would never say that it cannot.
            first = StraightClient()
            async with asyncio.timeout(_CONNECT_SECONDS):
                await first.connect(**{**arguments, "allow_reconnect": False, "disconnected_cb": None})
            await first.close()
            await client.connect(**arguments)
        except (NatsError, OSError, ssl.SSLError, TimeoutError) as error:
            raise _cannot_connect(options, error) from error
        bus = cls(client, options, reconnected, leaving)
        try:
            bus._check()
        except ClusterError:
            await bus.close()
            raise
        return bus

    @property
    def connected(self) -> bool:
        return self._client.is_connected

    @property
    def largest(self) -> int:
        """Bytes of the largest message."""
        return self._client.max_payload

    def subject(self, *parts: str) -> str:
        return ".".join((self.prefix, *parts))

    def seal(self, subject: str, content: bytes) -> bytes:
        return self._seal.close(subject, content)

    def open(self, subject: str, data: bytes, *, fresh: bool = True) -> bytes | None:
        """None, and a warning now and then, for what is not of this cluster."""
        try:
            return self._seal.open(subject, data, fresh=fresh)
        except Unsealed as error:
            self._report(subject, str(error))
            return None

    def send(self, subject: str, content: bytes, *, bounce: str = "") -> None:
        """Seal and send, in the order of the calls. `bounce`: the subject to be told on if nobody listens."""
        self._put((subject, self._seal.close(subject, content), bounce))

    def post(self, subject: str, data: bytes) -> None:
        """Send what is for the bus itself, as it is."""
        self._put((subject, data, ""))

    async def request(self, subject: str, content: bytes, seconds: float) -> bytes:
        """The answer, opened. Raises NoAnswer."""
        try:
            answer = await self._client.request(subject, self._seal.close(subject, content), timeout=seconds)
        except (NatsError, TimeoutError) as error:
            raise NoAnswer(str(error) or type(error).__name__) from error
        opened = self.open(f"{subject}#answer", answer.data)
        if opened is None:
            raise NoAnswer("the answer is not of this cluster")
        return opened

    async def listen(self, subject: str, handler: Handler) -> None:
        """Call `handler` for each message on `subject`."""

        def received(subject: str, data: bytes) -> None:
            content = self.open(subject, data)
            if content is None:
                return
            try:
                handler(content)
            except Exception as error:  # noqa: BLE001  # the guard of the loop that reads: the next one is another's
                log.warning("bus_trouble", reason=str(error) or type(error).__name__)

        await self._client.subscribe_straight(subject, received)

    async def listen_raw(self, subject: str, handler: Callable[[str, bytes], None]) -> None:
        """As they come, unopened: with the subject that each was sent to."""

        async def received(message: Msg) -> None:
            handler(message.subject, message.data)

        await self._client.subscribe(subject, cb=received)

    async def listen_bounces(self, subject: str, handler: Callable[[str], None]) -> None:
        """Call `handler` with the subject of each bounce: nobody listens where that message went."""

        async def received(message: Msg) -> None:
            if (message.headers or {}).get("Status") == _NOBODY:
                handler(message.subject)

        await self._client.subscribe(subject, cb=received)

    async def answer(self, subject: str, responder: Responder, *, queue: str = "") -> None:
        """Answer requests, each in a task of its own; with `queue`, one of those that share it does."""
        tasks: set[asyncio.Task[None]] = set()

        async def respond(message: Msg) -> None:
            content = self.open(message.subject, message.data)
            if content is not None:
                reply = await responder(content)
                await self._client.publish(message.reply, self._seal.close(f"{message.subject}#answer", reply))

        async def received(message: Msg) -> None:
            task = asyncio.create_task(respond(message))
            tasks.add(task)
            task.add_done_callback(tasks.discard)

        await self._client.subscribe(subject, queue=queue, cb=received)

    async def flush(self) -> None:
        """Wait until the server has what was sent so far."""
        self._written.clear()
        if self._outbox:
            self._wake.set()
            await self._written.wait()
        # The client's ping overtakes what it has not written yet, a subscription for example; not so its next one.
        for _ in range(2):
            await self._client.flush(timeout=_CONNECT_SECONDS)

    async def close(self) -> None:
        """Send what is left, if the bus answers, and leave."""
        self._leaving.set()
        with contextlib.suppress(NatsError, TimeoutError, OSError):
            async with asyncio.timeout(_CONNECT_SECONDS):
                if self.connected:
                    await self.flush()
        self._writer.cancel()
        await asyncio.gather(self._writer, return_exceptions=True)
        with contextlib.suppress(NatsError, TimeoutError, OSError):
            await self._client.close()

    def _put(self, message: Outgoing) -> None:
        self._outbox.append(message)
        if self._turn is None:
            self._turn = self._loop.call_soon(self._write)

    def _write(self) -> None:
        self._turn = None
        if self._outbox and self._client.publish_straight(self._outbox):
            self._outbox.clear()
            self._written.set()
        else:
            self._wake.set()

    async def _write_in_turn(self) -> None:
        """What waits for the connection, or behind what does."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._outbox:
                subject, data, bounce = self._outbox.popleft()
                try:
                    await self._client.publish(subject, data, bounce)
                except NatsError as error:
                    self._report(subject, f"not sent: {error}")
            self._written.set()

    def _check(self) -> None:
        if self.largest < LEAST_PAYLOAD:
            raise ClusterError(
                f"the bus takes messages of at most {self.largest} bytes, and invocations need {LEAST_PAYLOAD}",
                "write max_payload: 8MB into nats-server.conf, then nats-server --signal reload",
            )

    def _report(self, subject: str, reason: str) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._reported > _REPORT_EVERY:
            self._reported = now
            log.warning("bus_message_refused", subject=subject, reason=reason)


def _arguments(
    options: BusOptions, name: str, reconnected: list[Callable[[], None]], leaving: asyncio.Event
) -> dict[str, Any]:
    async def found() -> None:
        log.info("bus_reconnected")
        for call in reconnected:
            call()

    async def said(error: Exception) -> None:
        log.warning("bus_trouble", reason=str(error) or type(error).__name__)

    async def lost() -> None:
        if not leaving.is_set():
            log.warning("bus_disconnected")

    arguments: dict[str, Any] = {
        "servers": [part.strip() for part in options.url.split(",")],
        "name": name,
        "error_cb": said,
        "disconnected_cb": lost,
        "reconnected_cb": found,
        "connect_timeout": _CONNECT_SECONDS,
        "max_reconnect_attempts": -1,
        "reconnect_time_wait": 0.2,
        "allow_reconnect": True,
        "pending_size": _PENDING_BYTES,
        "ping_interval": _PING_SECONDS,
        "no_echo": True,  # nobody has to hear what it said itself
        "max_outstanding_pings": 2,
    }
    if options.credentials is not None:
        arguments["user_credentials"] = str(options.credentials)
    if options.tls_ca is not None or options.tls_cert is not None:
        arguments["tls"] = _tls(options)
    return arguments


def _tls(options: BusOptions) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=None if options.tls_ca is None else str(options.tls_ca))
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if options.tls_cert is not None:
        context.load_cert_chain(options.tls_cert, options.tls_key)
    return context


def _cannot_connect(options: BusOptions, error: Exception) -> ClusterError:
    shown = ", ".join(part.rpartition("@")[2].removeprefix("nats://") for part in options.url.split(","))
    said = str(error) or type(error).__name__
    if "Authorization" in said:
        return ClusterError(
            f"the bus at {shown} does not let us in: {said}",
            "give its credentials: ARGO_BUS_CREDENTIALS=FILE, or user and password in --bus",
        )
    if options.tls_ca is not None and options.tls_cert is None and _refused_by_the_other_side(error):
        return ClusterError(
            f"the bus at {shown} broke the secure connection off: {said}",
            "it may want to see a certificate: ARGO_BUS_TLS_CERT=FILE, ARGO_BUS_TLS_KEY=FILE",
        )
    if isinstance(error, ssl.SSLError) or "tls" in said.lower() or "certificate" in said.lower():
        return ClusterError(
            f"no secure connection to the bus at {shown}: {said}",
            "give the certificate authority of the bus: ARGO_BUS_TLS_CA=FILE",
        )
    return ClusterError(
        f"no bus answers at {shown}: {said}", "start it (nats-server -js), or give its address with --bus nats://HOST"
    )


def _refused_by_the_other_side(error: Exception) -> bool:
    """Since TLS 1.3 that may come when the handshake is over, or as a connection that breaks."""
    alerted = isinstance(error, ssl.SSLError) and "ALERT" in (error.reason or "")
    return alerted or isinstance(error, (BrokenPipeError, ConnectionResetError, UnexpectedEOF))


__all__ = ["Bus", "BusOptions", "NoAnswer"]
