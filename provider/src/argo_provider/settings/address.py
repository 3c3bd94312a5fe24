"""Addresses that follow from the settings."""

from __future__ import annotations

import ipaddress

from argo_provider.settings.tree import ServerSettings

_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104  # what they are reached by from here


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach what listens on `host`; a name counts only if it is `localhost`."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def api_url(server: ServerSettings) -> str:
    """Base URL of the API for clients on this machine, no trailing slash; `server.api_host` if that is set."""
    if server.api_host:
        given = server.api_host.rstrip("/")
        return given if "://" in given else f"https://{given}"
    scheme = "https" if server.tls_cert else "http"
    host = _ANY.get(server.host, server.host)
    shown = f"[{host}]" if ":" in host and not host.startswith("[") else host
    return f"{scheme}://{shown}:{server.port}"
