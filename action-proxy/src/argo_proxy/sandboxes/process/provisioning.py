"""Makes a runtime usable on this machine: runs the recipe that comes with the launchers and passes its steps on."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from pathlib import Path

from argo_proxy.builder import command
from argo_proxy.runtimes import Runtime, probe_runtime
from argo_proxy.sandboxes.port import Provision
from argo_proxy.sandboxes.process.spawning import Child

PROVISION_SECONDS = 1800.0
_KEPT_LINES = 8

Progress = Callable[[Provision], Awaitable[None]]


async def provision_host(runtime: Runtime, tools: Path, progress: Progress) -> Provision:
    """Ready when the runtime answers its probe from its folder below `tools`; the recipe installs what is missing."""
    trouble = ""
    recipe = runtime.directory.parent / "provision"
    if runtime.probe and recipe.is_file():
        argv = [str(recipe), "--tools", str(tools), runtime.kind]
        trouble = await run_steps(argv, runtime.kind, progress)
    if not trouble:
        probed = await probe_runtime(runtime, tools)
        trouble = "" if probed.available else probed.reason
    done = Provision(runtime.kind, ready=not trouble, step="" if trouble else "ready", error=trouble)
    await progress(done)
    return done


async def run_steps(argv: list[str], kind: str, progress: Progress) -> str:
    """Run a recipe, each line of its output a step; its last lines if it fails, else ""."""
    last: deque[str] = deque(maxlen=_KEPT_LINES)
    try:
        async with asyncio.timeout(PROVISION_SECONDS), command.aside(*argv, environment={}) as process:
            await _follow(process, kind, last, progress)
            status = await process.wait()
    except TimeoutError:
        return f"`{' '.join(argv)}` did not end within {PROVISION_SECONDS:.0f} s"
    except OSError as error:
        return f"`{' '.join(argv)}` cannot be run: {error}"
    return "" if status == 0 else f"`{' '.join(argv)}` failed: {' / '.join(last) or f'exit status {status}'}"


async def _follow(process: Child, kind: str, last: deque[str], progress: Progress) -> None:
    assert process.stdout is not None  # noqa: S101 — asked for above
    while True:
        try:
            line = await process.stdout.readline()
        except ValueError:  # a line longer than the reader's buffer
            continue
        if not line:
            return
        step = line.decode(errors="replace").strip().removeprefix(f"{kind}: ")
        if step:
            last.append(step)
            await progress(Provision(kind, ready=False, step=step))
