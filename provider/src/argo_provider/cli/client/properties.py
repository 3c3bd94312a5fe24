"""Which service, which key: a flag, else the environment, else the property file, which is `wsk`'s own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from argo_provider.cli.client.failures import Misused

DEFAULT_FILE = "~/.wskprops"
DEFAULT_NAMESPACE = "_"
DEFAULT_VERSION = "v1"
# Key in the file: the variables that may say the same, the first that is set counts. `__OW_…` are those that a
# function finds in its own environment, so that argofn works inside one.
VARIABLES: Mapping[str, tuple[str, ...]] = {
    "APIHOST": ("WHISK_APIHOST", "__OW_API_HOST"),
    "AUTH": ("WHISK_AUTH", "__OW_API_KEY"),
    "NAMESPACE": ("WHISK_NAMESPACE", "__OW_NAMESPACE"),
    "APIVERSION": ("WHISK_APIVERSION",),
    "CERT": (),
    "KEY": (),
    "APIGW_ACCESS_TOKEN": ("APIGW_ACCESS_TOKEN",),
    "APIGW_TENANT_ID": (),
}


@dataclass(frozen=True, slots=True)
class Properties:
    """How to reach a service. `apihost` as it was given, "" if nothing says one; `cert` and `key`: a client's own."""

    apihost: str = ""
    auth: str = field(default="", repr=False)
    namespace: str = DEFAULT_NAMESPACE
    apiversion: str = DEFAULT_VERSION
    cert: str = ""
    key: str = ""
    apigw_access_token: str = field(default="", repr=False)
    apigw_tenant_id: str = ""
    insecure: bool = False

    @property
    def url(self) -> str:
        """Base URL without a slash at its end; https, as with `wsk`, where the host says no scheme."""
        host = self.apihost.rstrip("/")
        return host if host.startswith(("http://", "https://")) else f"https://{host}"


def file_path(environ: Mapping[str, str]) -> Path:
    """The property file in use; it need not exist."""
    return Path(environ.get("WSK_CONFIG_FILE") or DEFAULT_FILE).expanduser()


def parse(text: str) -> dict[str, str]:
    """Lines KEY=VALUE; anything else is a comment. The value may hold `=` itself."""
    found = {}
    for line in text.splitlines():
        key, equals, value = line.strip().partition("=")
        if equals and key and not key.startswith("#"):
            found[key.strip()] = value.strip()
    return found


def render(values: Mapping[str, str]) -> str:
    return "".join(f"{key}={value}\n" for key, value in values.items())


def read(path: Path) -> dict[str, str]:
    """What the file says; nothing if there is none."""
    try:
        return parse(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise Misused(f"cannot read the property file {path}: {error}", f"ls -l {path}") from error


def write(path: Path, values: Mapping[str, str]) -> None:
    """Replace the file, readable by its owner only: it holds a key."""
    try:
        path.touch(mode=0o600, exist_ok=True)
        path.write_text(render(values), encoding="utf-8")
    except OSError as error:
        raise Misused(f"cannot write the property file {path}: {error}", f"ls -ld {path.parent}") from error


def resolve(
    flags: Mapping[str, str | None], environ: Mapping[str, str], file: Mapping[str, str], *, insecure: bool = False
) -> Properties:
    """The properties in effect; `flags` by the file's keys."""
    found = {}
    for name, variables in VARIABLES.items():
        from_environment = next((environ[v] for v in variables if environ.get(v)), None)
        found[name] = flags.get(name) or from_environment or file.get(name) or ""
    return Properties(
        apihost=found["APIHOST"],
        auth=found["AUTH"],
        namespace=found["NAMESPACE"] or DEFAULT_NAMESPACE,
        apiversion=found["APIVERSION"] or DEFAULT_VERSION,
        cert=found["CERT"],
        key=found["KEY"],
        apigw_access_token=found["APIGW_ACCESS_TOKEN"],
        apigw_tenant_id=found["APIGW_TENANT_ID"],
        insecure=insecure,
    )
