"""What a sandbox's container is made of, as the engine's API wants it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from argo_proxy.runtimes import recorder_environment
from argo_proxy.sandboxes.folders import SOCKET_NAME, SandboxFolder
from argo_proxy.sandboxes.port import SandboxSpec

INSTALLATION_LABEL = "argofn.installation"
SANDBOX_LABEL = "argofn.sandbox"
PURPOSE_LABEL = "argofn.for"
SOCKET_FOLDER = "/argo"
STOCK_PORT = 8080
RECORDER = Path("/opt/argo-recorder.jar")  # as seen inside

_OPEN_FILES = 4096
_FILE_BYTES = 512 << 20


@dataclass(frozen=True, slots=True)
class ContainerPlan:
    """`uid`: the user inside; None keeps the image's own. `folder`: on this machine, for the runtime's socket."""

    identity: str
    installation: str
    image: str
    spec: SandboxSpec
    network: str
    uid: int | None = None
    folder: SandboxFolder | None = None  # None: a stock image, spoken to over TCP

    @property
    def name(self) -> str:
        return f"argofn-{self.installation}-{self.identity}"


def creation_arguments(plan: ContainerPlan) -> dict[str, Any]:
    """Keyword arguments of `APIClient.create_container`, but for `host_config`."""
    arguments: dict[str, Any] = {
        "image": plan.image,
        "name": plan.name,
        "hostname": "sandbox",
        "environment": _environment(plan),
        "labels": {
            INSTALLATION_LABEL: plan.installation,
            SANDBOX_LABEL: plan.identity,
            PURPOSE_LABEL: plan.spec.label[:256],
        },
    }
    if plan.uid is not None:
        arguments["user"] = f"{plan.uid}:{plan.uid}"
    return arguments


def host_arguments(plan: ContainerPlan) -> dict[str, Any]:
    """Keyword arguments of `APIClient.create_host_config`: the limits.

    A stock image writes beside its own files, so only our own get a read-only root.
    """
    spec = plan.spec
    memory = spec.memory_mb << 20
    arguments: dict[str, Any] = {
        "network_mode": plan.network if spec.network else "none",
        "mem_limit": memory,
        "memswap_limit": memory,
        "nano_cpus": int(spec.cpus * 1e9),
        "pids_limit": spec.pids,
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges"],
        "log_config": {"type": "none", "config": {}},
        "ulimits": [
            {"Name": "nofile", "Soft": _OPEN_FILES, "Hard": _OPEN_FILES},
            {"Name": "core", "Soft": 0, "Hard": 0},
            {"Name": "fsize", "Soft": _FILE_BYTES, "Hard": _FILE_BYTES},
        ],
    }
    if plan.folder is not None:
        size = min(spec.tmp_mb, max(spec.memory_mb // 2, 1)) << 20  # it counts as memory: leave half to the function
        arguments["read_only"] = True
        arguments["tmpfs"] = {"/tmp": f"rw,exec,nosuid,nodev,size={size},mode=1777"}  # noqa: S108 — the sandbox's own
        arguments["binds"] = {
            str(plan.folder.sockets): {"bind": SOCKET_FOLDER, "mode": "rw"},
            str(plan.folder.passwd): {"bind": "/etc/passwd", "mode": "ro"},
            str(plan.folder.group): {"bind": "/etc/group", "mode": "ro"},
        }
        if spec.recorder is not None:
            arguments["binds"][str(spec.recorder)] = {"bind": str(RECORDER), "mode": "ro"}
    return arguments


def _environment(plan: ContainerPlan) -> Mapping[str, str]:
    environment = dict(plan.spec.environment)
    if plan.folder is not None:
        environment |= {
            "HOME": "/tmp",  # noqa: S108 — the sandbox's own
            "ARGO_MEMORY_MB": str(plan.spec.memory_mb),
            "ARGO_CONCURRENCY": str(plan.spec.concurrency),
            "ARGO_LISTEN": f"unix:{SOCKET_FOLDER}/{SOCKET_NAME}",
            **recorder_environment(RECORDER if plan.spec.recorder else None),
        }
    return environment
