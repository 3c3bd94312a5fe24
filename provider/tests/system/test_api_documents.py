import pytest

from argo_provider.errors import BadRequest
from argo_provider.system import api_documents as apis

pytestmark = pytest.mark.unit

URL = "https://host/api/v1/web/me/default/hello.http"


def document(**paths):
    return {"swagger": "2.0", "basePath": "/b", "info": {"title": "t"}, "paths": paths}


def endpoint(path="/x", verb="get", **action):
    target = {"name": "hello", "namespace": "me", "backendMethod": "GET", "backendUrl": URL, "authkey": "k", **action}
    return {"gatewayBasePath": "/b", "gatewayPath": path, "gatewayMethod": verb, "action": target}


def test_an_endpoint_becomes_a_route():
    made = apis.add_endpoint(apis.base_document("/b", None), endpoint(secureKey="s"), "json")
    (route,) = apis.routes(made, "me")
    assert (route.segments, route.verb, route.action, route.extension) == (("x",), "get", "hello", ".json")
    assert route.secure_key == "s"
    assert "s" not in apis.shown(made)["paths"]["/x"]["get"].values(), "keys are never shown"


def test_a_route_to_anothers_action_is_left_out():
    described = {"namespace": "you", "package": "default", "action": "hello", "url": URL}
    assert apis.routes(document(**{"/x": {"get": {"x-openwhisk": described}}}), "me") == []


def test_the_assembly_of_the_serverless_framework():
    assembly = {
        "execute": [
            {
                "operation-switch": {
                    "case": [
                        {
                            "operations": ["get-x"],
                            "execute": [
                                {
                                    "set-variable": {
                                        "actions": [{"set": "message.headers.X-Require-Whisk-Auth", "value": "s"}]
                                    }
                                },
                                {"invoke": {"target-url": "https://http://127.0.0.1:1/api/v1/web/me/p/hello.http"}},
                            ],
                        }
                    ]
                }
            }
        ]
    }
    swagger = document(**{"/x": {"get": {"operationId": "get-x"}}}) | {"x-ibm-configuration": {"assembly": assembly}}
    (route,) = apis.routes(swagger, "me")
    assert (route.package, route.action, route.extension, route.secure_key) == ("p", "hello", ".http", "s")


def routes(*templates):
    return [apis.Route(tuple(t.strip("/").split("/")), "get", "me", "default", t, ".http") for t in templates]


def test_literal_segments_win():
    found, parameters, _ = apis.match(routes("/books/{id}", "/books/new"), "/books/new", "get")
    assert (found.action, parameters) == ("/books/new", {})


def test_path_parameters_are_decoded():
    found, parameters, _ = apis.match(routes("/books/{id}"), "/books/a%20b", "get")
    assert (found.action, parameters) == ("/books/{id}", {"id": "a b"})


def test_another_verb_is_told_from_another_path():
    assert apis.match(routes("/a"), "/a", "post") == (None, {}, True)
    assert apis.match(routes("/a"), "/b", "get") == (None, {}, False)


def test_removing_the_last_verb_removes_the_path():
    made = apis.add_endpoint(apis.base_document("/b", None), endpoint(), "json")
    assert apis.remove_endpoint(made, "/x", "get")["paths"] == {}
    with pytest.raises(BadRequest, match="does not have the operation"):
        apis.remove_endpoint(made, "/x", "post")


@pytest.mark.parametrize(
    ("swagger", "text"),
    [
        ("{", "cannot be parsed"),
        (5, "should be an object"),
        ({"basePath": "/b", "paths": {"/x": {}}}, "missing the info"),
        ({"basePath": "b", "paths": {"/x": {}}, "info": {"a": 1}}, "not valid at basePath"),
        ({"basePath": "/b", "paths": {"x": {}}, "info": {"a": 1}}, "not valid at paths"),
    ],
)
def test_what_is_no_swagger(swagger, text):
    with pytest.raises(BadRequest, match=text):
        apis.validate_swagger(swagger)
