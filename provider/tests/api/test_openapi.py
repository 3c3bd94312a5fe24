"""The OpenAPI document names every route, and nothing that is none."""

import re
from pathlib import Path

import pytest

from argo_provider.api import openapi
from argo_provider.api.routes import routes
from argo_proxy import jsontext

pytestmark = pytest.mark.unit

SHOWN = Path(__file__).parents[3] / "docs" / "openapi.yaml"
# Other spellings of routes that the document has once.
ALIASES = {"/api/v1/", "/api/v1/namespaces/"}


def route_paths():
    """Paths of all routes, in the document's spelling."""
    found = set()
    for route in routes():
        path = re.sub(r"\{rest:[^}]*\)\?\}$", "", route.path)
        path = path.replace("/api/{namespace}{path:/.*}", "/api/{namespace}/{path}")
        if path in ALIASES or path.endswith(("//", "actions/", "packages/", "triggers/", "rules/", "activations/")):
            continue
        if route.method == "OPTIONS":
            continue
        if path.endswith("/apimgmt/{operation}"):
            found |= {path.replace("{operation}", name) for name in ("createApi", "getApi", "deleteApi")}
        else:
            found.add(path)
    return found


def test_every_route_is_described():
    assert route_paths() == set(openapi.document()["paths"])


def test_verbs_are_those_of_the_routes():
    described = openapi.document()["paths"]
    for route in routes():
        if route.method in {"GET", "PUT", "POST", "DELETE"} and route.path in described:
            assert route.method.lower() in described[route.path], route


def test_every_schema_that_is_named_exists():
    document = openapi.document()
    named = set(re.findall(r"#/components/schemas/(\w+)", jsontext.encode(document).decode()))
    assert named == set(document["components"]["schemas"])


def test_the_committed_document_is_this_one():
    assert jsontext.decode(SHOWN.read_text()) == openapi.document(), "make it anew with ./dev argofn openapi"
