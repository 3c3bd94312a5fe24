"""`python -m argo_proxy.builder PART`: makes one part now and prints where it lies."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from argo_proxy.builder import assembled, java_function, javascript_engine, kernel
from argo_proxy.builder.cache import Cache, default_root
from argo_proxy.builder.errors import BuilderError
from argo_proxy.builder.progress import Progress, to_stderr
from argo_proxy.builder.workshop import Workshop, find_builder


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m argo_proxy.builder", description=__doc__)
    parts = parser.add_subparsers(dest="part", required=True)
    parts.add_parser("toolchain", help="assemble a native-image from package registries")
    parts.add_parser("engine", help="build the JavaScript engine")
    parts.add_parser("kernel", help="build the kernel of the NIUk microVM")
    java = parts.add_parser("java", help="build a function library from a jar")
    java.add_argument("jar", type=Path)
    java.add_argument("--main", required=True, help="Class or Class#method")
    java.add_argument("--metadata", type=Path, action="append", default=[], help="folder of native-image JSON files")
    return parser


async def _make(arguments: argparse.Namespace) -> Path:
    cache = Cache(default_root())
    if arguments.part == "kernel":
        return await kernel.build(cache, Progress("kernel", to_stderr))
    if arguments.part == "toolchain":
        return (await assembled.provision(cache, Progress("toolchain", to_stderr))).home
    workshop = Workshop(await find_builder(cache, Progress("toolchain", to_stderr)), cache, to_stderr)
    if arguments.part == "engine":
        return await javascript_engine.build(workshop)
    return await java_function.build(workshop, arguments.jar, arguments.main, arguments.metadata)


def main() -> int:
    """Entry point; 0, or 1 with the reason on standard error."""
    try:
        made = asyncio.run(_make(_parser().parse_args()))
    except BuilderError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    sys.stdout.write(f"{made}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
