"""Every error the product raises, and what a client sees of it.

ArgoError
├── UserError                 the request is at fault; 4xx
│   ├── MalformedRequest      400  the body or a query parameter does not parse
│   ├── BadRequest            400  it parses and is not allowed
│   ├── Unauthenticated       401
│   ├── Forbidden             403
│   ├── NotFound              404
│   ├── Conflict              409
│   ├── PreconditionFailed    412
│   ├── TooLarge              413
│   ├── UnsupportedMedia      415
│   ├── Unprocessable         422
│   └── Throttled             429
└── PlatformError             we are at fault; 5xx
    ├── InternalError         500
    ├── Overloaded            503
    └── StorageError          500  the store failed; nothing was half-written
        └── StoreUnavailable  503  its disk, lock or connection fails; the same request may succeed later
            └── WriteInDoubt  503  the answer to a commit was lost: it may have been written

Failures of user code are no exceptions: they are an `Outcome` of the activation.
"""

from __future__ import annotations

from typing import ClassVar


class ArgoError(Exception):
    """`status` is the HTTP status, `reason` a short label for metrics, the message the text of the body."""

    status: ClassVar[int] = 500
    reason: ClassVar[str] = "internal"
    default_text: ClassVar[str] = "There was an internal server error."

    def __init__(self, text: str | None = None) -> None:
        super().__init__(text if text is not None else self.default_text)

    @property
    def text(self) -> str:
        return str(self.args[0])


class UserError(ArgoError):
    status = 400
    reason = "bad_request"


class BadRequest(UserError):
    default_text = "The request is not valid."


class MalformedRequest(UserError):
    """The contract wraps what is wrong in a fixed first line."""

    reason = "malformed"

    def __init__(self, detail: str) -> None:
        super().__init__(f"The request content was malformed:\n{detail}")


class MalformedQuery(UserError):
    reason = "malformed"

    def __init__(self, name: str, detail: str) -> None:
        super().__init__(f"The query parameter '{name}' was malformed:\n{detail}")


class Unauthenticated(UserError):
    """Answered with a `WWW-Authenticate` challenge."""

    status = 401
    reason = "unauthenticated"
    default_text = "The supplied authentication is invalid"

    MISSING: ClassVar[str] = "The resource requires authentication, which was not supplied with the request"


class Forbidden(UserError):
    status = 403
    reason = "forbidden"
    default_text = "The supplied authentication is not authorized to access this resource."

    @classmethod
    def of(cls, resource: str) -> Forbidden:
        """`resource`: "<ns>/<name>", as the contract prints it."""
        return cls(f"The supplied authentication is not authorized to access '{resource}'.")


class NotFound(UserError):
    status = 404
    reason = "not_found"
    default_text = "The requested resource does not exist."

    NO_ROUTE: ClassVar[str] = "The requested resource could not be found."


class Conflict(UserError):
    status = 409
    reason = "conflict"
    default_text = "Concurrent modification to resource detected."

    EXISTS: ClassVar[str] = "resource already exists"
    OTHER_COLLECTION: ClassVar[str] = "Resource by this name exists but is not in this collection."


class PreconditionFailed(UserError):
    """What the client has seen is no longer so; nothing was changed."""

    status = 412
    reason = "precondition_failed"


class TooLarge(UserError):
    status = 413
    reason = "too_large"

    @classmethod
    def of(cls, what: str, size: int, limit: int) -> TooLarge:
        """`what`: exec, parameters, annotations or Request; sizes in bytes."""
        return cls(f"{what} larger than allowed: {size} > {limit} bytes.")


class UnsupportedMedia(UserError):
    status = 415
    reason = "unsupported_media"

    @classmethod
    def of(cls, content_type: str) -> UnsupportedMedia:
        return cls(f"The request's Content-Type [{content_type}] is not supported. Expected:\napplication/json")


class Unprocessable(UserError):
    status = 422
    reason = "unprocessable"


class Throttled(UserError):
    status = 429
    reason = "throttled"


class PlatformError(ArgoError):
    pass


class InternalError(PlatformError):
    pass


class StorageError(PlatformError):
    reason = "storage"


class StoreUnavailable(StorageError):
    status = 503
    reason = "storage_unavailable"


class WriteInDoubt(StoreUnavailable):
    pass


class Overloaded(PlatformError):
    status = 503
    reason = "overloaded"
    default_text = "The server is currently unavailable (because it is overloaded or down for maintenance)."
