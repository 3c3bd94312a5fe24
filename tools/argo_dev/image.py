"""`./dev image`: the service as a container image, from Debian packages of this machine's own mirror and the wheel.

Nothing is pulled: the base is debootstrapped, as that of the functions' images is (`argo_proxy.sandboxes.container`).
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import sys
import tempfile
from pathlib import Path

from argo_proxy.runtimes import default_tools_directory, runtimes_directory
from argo_proxy.sandboxes.container.building import BuildError, build_in_container, fetch
from argo_proxy.sandboxes.container.engine import Engine
from argo_proxy.sandboxes.container.images import Images, split_reference

_ROOT = Path(__file__).resolve().parents[2]
_RECIPE = _ROOT / "packaging" / "image" / "recipe"
_CHANGES = [
    'ENTRYPOINT ["argofn"]',
    'CMD ["serve", "--host", "0.0.0.0", "--data-dir", "/var/lib/argo"]',
    "ENV ARGO_CACHE=/var/cache/argo",
    "VOLUME /var/lib/argo",
    "EXPOSE 3233",
]


async def build(wheel: Path, name: str) -> None:
    """Raises BuildError, and what the engine raises."""
    engine = Engine(None)
    tools = default_tools_directory()
    tools.mkdir(parents=True, exist_ok=True)
    try:
        base = await Images(engine, "service").base(_say)
        fetched = await fetch(runtimes_directory(), "nodejs:20", tools, _say)
        with tempfile.TemporaryDirectory(prefix=".image-", dir=tools) as folder:  # the engine may see another /tmp
            for part in (wheel, _RECIPE, _ROOT / "requirements.lock"):
                shutil.copy(part, folder)
            await build_in_container(
                engine,
                base=base,
                script="exec sh /recipes/recipe",
                recipes=Path(folder),
                fetched=fetched,
                target=split_reference(name),
                changes=_CHANGES,
                labels={},
                step=_say,
            )
    finally:
        await engine.close()


async def _say(text: str) -> None:
    print(f"   {text}", file=sys.stderr, flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(prog="./dev image", description=__doc__)
    parser.add_argument("wheel", type=Path)
    parser.add_argument("--name", default="argo:latest", help="repository and tag of the image")
    options = parser.parse_args()
    try:
        asyncio.run(build(options.wheel, options.name))
    except BuildError as error:
        print(f"the image could not be made: {error}", file=sys.stderr)
        return 1
    print(options.name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
