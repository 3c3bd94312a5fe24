"""What is known of the functions that run here: their newest code, what their owners wish, and how far they may go."""

from __future__ import annotations

import hashlib

from argo_provider.optimizer.model import FunctionId, Wishes
from argo_provider.optimizer.ports import Artefact, NativeTechnology, Subject
from argo_proxy.protocol.messages import Executable

_PAST = 8


def fingerprint_of(executable: Executable) -> str:
    """Changes exactly when a native form is void."""
    parts = (executable.code_digest or "", executable.kind, executable.main)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


class Known:
    """One function. `technology`: what its family can become, if anything; `open`: its native way may be taken.

    `recording`: a sandbox with the recorder is ready.
    """

    __slots__ = (
        "artefact",
        "handing_over",
        "inside_ms",
        "open",
        "past",
        "recorded",
        "recorded_at",
        "recording",
        "scaling",
        "subject",
        "technology",
        "wishes",
    )

    def __init__(self, subject: Subject, wishes: Wishes, technology: NativeTechnology | None) -> None:
        self.subject = subject
        self.wishes = wishes
        self.technology = technology
        self.artefact: Artefact | None = None
        self.open = False
        self.recording = False
        self.handing_over = False  # all go to the recorder, until an ordinary sandbox is warm
        self.inside_ms = 0.0  # that user code took natively, the last time
        self.scaling = False  # sandboxes of it are being made ready
        self.recorded = 0  # invocations sent to a recorder since the observation began
        self.recorded_at = 0.0  # monotonic seconds of the last of them that counts
        self.past: tuple[str, ...] = ()

    @property
    def function(self) -> FunctionId:
        return self.subject.function

    def update(self, subject: Subject, wishes: Wishes) -> None:
        """It was deployed again. What was sent off before that may still come by."""
        self.past = (self.subject.executable.revision, *self.past)[:_PAST]
        if subject.fingerprint != self.subject.fingerprint:
            self.close()
            self.artefact = None
        self.subject = subject
        self.wishes = wishes

    def adopt(self) -> bool:
        """Have its technology run it from its artefact; False where there is none (any more)."""
        artefact, technology = self.artefact, self.technology
        return artefact is not None and technology is not None and technology.adopt(self.subject, artefact)

    def close(self) -> None:
        """Only the ordinary way from now on."""
        self.open = False
        self.recording = False
