"""Whether KVM executes guests on this machine: a device that opens proves nothing."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from argo_proxy import jsontext

PROBE_NAME = "niuk-kvm-probe"  # built beside niuk-host
_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class KvmReport:
    """What a probe guest did: `executes` means a countdown at the processor's own pace, `sse` a right sum of floats."""

    opens: bool
    executes: bool
    sse: bool
    ns_per_iteration: float
    error: str = ""

    @property
    def usable(self) -> bool:
        """Whether virtual machines should run on KVM here."""
        return self.executes and self.sse

    @property
    def reason(self) -> str:
        """Why not, in words for people; "" when usable."""
        if self.usable:
            return ""
        if not self.opens or self.error:
            return self.error or "/dev/kvm does not open"
        if not self.executes:
            return f"KVM opens but interprets its guests ({self.ns_per_iteration:.0f} ns for one iteration of a loop)"
        return "KVM does not execute SSE instructions of its guests"


async def probe_kvm(program: Path) -> KvmReport:
    """Run the probe guest; takes at most a fifth of a second of the machine's time. Never raises for what it finds."""
    try:
        process = await asyncio.create_subprocess_exec(
            str(program), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
        )
    except OSError as error:
        return KvmReport(opens=False, executes=False, sse=False, ns_per_iteration=0.0, error=str(error))
    try:
        async with asyncio.timeout(_SECONDS):
            output, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        words = f"the probe guest did not end in {_SECONDS:.0f} s"
        return KvmReport(opens=True, executes=False, sse=False, ns_per_iteration=0.0, error=words)
    return parse_report(output)


def parse_report(output: bytes) -> KvmReport:
    """The probe's JSON; what is none is a report that says so."""
    try:
        found = jsontext.decode(output)
        return KvmReport(
            opens=bool(found["opens"]),
            executes=bool(found["executes"]),
            sse=bool(found["sse"]),
            ns_per_iteration=float(found["ns_per_iteration"]),
            error=str(found["error"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        words = f"the probe said nothing of use: {error}"
        return KvmReport(opens=False, executes=False, sse=False, ns_per_iteration=0.0, error=words)
