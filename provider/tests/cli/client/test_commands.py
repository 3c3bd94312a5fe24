"""The client commands against a running service: what wsk's users know, and what scripts depend on."""

import json
import re
from pathlib import Path

import pytest
import yaml
from argo_dev.service import free_port

pytestmark = pytest.mark.end_to_end


@pytest.fixture
def inside(argofn, monkeypatch):
    """Commands find their files here."""
    monkeypatch.chdir(argofn.folder)
    return argofn


def test_the_life_of_an_action(inside, hello):
    argofn = inside
    assert argofn("action", "create", "one", "hello.js", "-p", "name", "Argo", "-m", "256", "-t", "5000") == (
        "ok: created action one\n"
    )
    assert json.loads(argofn("action", "invoke", "one", "-r")) == {"greeting": "Hello Argo"}
    record = argofn.json("action", "invoke", "one", "-b", "-p", "name", "X")
    assert record["response"]["result"] == {"greeting": "Hello X"}
    assert argofn("action", "update", "one", "--kind", "nodejs:default", "-a", "note", "mine").startswith("ok: updated")
    shown = argofn("action", "get", "one")
    assert shown.startswith("ok: got action one\n{")
    assert json.loads(shown.partition("\n")[2])["limits"]["timeout"] == 5000
    assert "displaying field limits" in argofn("action", "get", "one", "limits")
    argofn("action", "get", "one", "--save-as", "saved.js")
    assert Path("saved.js").read_text() == Path("hello.js").read_text()
    assert re.search(r"^/guest/one +private nodejs", argofn("action", "list"), re.MULTILINE)
    assert argofn("action", "delete", "one") == "ok: deleted action one\n"


def test_an_invocation_that_is_not_waited_for_tells_its_id(argofn, hello):
    said = argofn("action", "invoke", hello)
    assert re.fullmatch(r"ok: invoked /_/hello with id [0-9a-f]{32}\n", said)


def test_a_function_that_fails_prints_its_answer_and_ends_with_246(argofn, hello):
    done = argofn.run("action", "invoke", hello, "-r", "-p", "fail", "true")
    assert done.exit_code == 246
    assert json.loads(done.stdout) == {"error": "as asked"}
    assert "argofn activation logs " in done.stderr


def test_copies_sequences_and_web_actions(inside, hello):
    argofn = inside
    argofn("action", "create", "copied", "--copy", hello)
    argofn("action", "create", "chain", "--sequence", "hello,copied")
    assert argofn.json("action", "get", "chain")["exec"]["components"] == ["/guest/hello", "/guest/copied"]
    argofn("action", "update", "copied", "--web", "yes", "--web-secure", "s3cret")
    annotations = {a["key"]: a["value"] for a in argofn.json("action", "get", "copied")["annotations"]}
    assert (annotations["web-export"], annotations["require-whisk-auth"]) == (True, "s3cret")
    argofn("action", "update", "copied", "-a", "note", "x", "-a", "other", "y")
    argofn("action", "update", "copied", "--del-annotation", "note")
    annotations = {a["key"]: a["value"] for a in argofn.json("action", "get", "copied")["annotations"]}
    assert ("note" in annotations, annotations["other"], annotations["web-export"]) == (False, "y", True)
    assert "/api/v1/web/guest/default/copied" in argofn("action", "get", "copied", "--url")
    for name in ("chain", "copied"):
        argofn("action", "delete", name)


def test_records(argofn, hello):
    activation = argofn.json("action", "invoke", hello, "-b", "-p", "name", "Z")["activationId"]
    assert argofn("activation", "list", hello, "-l", "1").splitlines()[0].startswith("Datetime")
    assert argofn("activation", "get", activation).startswith(f"ok: got activation {activation}")
    assert "stdout: called by Z" in argofn("activation", "logs", activation)
    assert argofn("activation", "logs", activation, "--strip") == "called by Z\n"
    assert json.loads(argofn("activation", "result", activation)) == {"greeting": "Hello Z"}
    assert argofn("activation", "list", "-l", "1", "-o", "name").strip() in argofn("activation", "get", "--last")


def test_packages_and_bindings(inside, hello):
    argofn = inside
    argofn("package", "create", "tools", "-p", "name", "Tool", "--shared", "yes")
    argofn("action", "create", "tools/greet", "hello.js")
    assert json.loads(argofn("action", "invoke", "tools/greet", "-r")) == {"greeting": "Hello Tool"}
    argofn("package", "bind", "/_/tools", "mine", "-p", "name", "Bound")
    assert json.loads(argofn("action", "invoke", "mine/greet", "-r")) == {"greeting": "Hello Bound"}
    assert "/guest/tools" in argofn("package", "list")
    assert "/guest/tools/greet" in argofn("action", "list", "/_/tools")
    argofn("package", "delete", "mine")
    argofn("package", "delete", "tools", "--recursive")


def test_triggers_and_rules(argofn, hello):
    argofn("trigger", "create", "bell", "-p", "name", "Bell")
    argofn("rule", "create", "ring", "bell", hello)
    assert argofn("rule", "status", "ring") == "ok: rule ring is active\n"
    assert re.fullmatch(r"ok: triggered /_/bell with id [0-9a-f]{32}\n", argofn("trigger", "fire", "bell"))
    argofn("rule", "disable", "ring")
    assert "inactive" in argofn("rule", "list")
    argofn("rule", "enable", "ring")
    assert argofn.json("list")["rules"][0]["status"] == "active"
    argofn("rule", "delete", "ring", "--disable")
    argofn("trigger", "delete", "bell")


def test_a_feed_is_told_of_the_life_of_its_trigger(argofn):
    alarm = ("--feed", "/whisk.system/alarms/alarm", "-p", "cron", "0 0 1 1 *")
    assert argofn("trigger", "create", "yearly", *alarm) == "ok: created trigger yearly\n"
    assert "0 0 1 1 *" in argofn("trigger", "get", "yearly")
    assert argofn("trigger", "delete", "yearly") == "ok: deleted trigger yearly\n"


def test_a_trigger_whose_feed_refuses_is_taken_back(argofn):
    argofn.fail(246, "trigger", "create", "never", "--feed", "/whisk.system/alarms/alarm", "-p", "cron", "nonsense")
    argofn.fail(148, "trigger", "get", "never")


def test_routes(inside, hello):
    argofn = inside
    argofn("action", "create", "page", "hello.js", "--web", "yes")
    created = argofn("api", "create", "/shop", "/hello", "get", "page", "--response-type", "json")
    assert created.startswith("ok: created API /shop/hello get for action /_/page\nhttp")
    assert re.search(r"/guest/page +get +/shop +http\S+/hello", argofn("api", "list", "/shop"))
    assert argofn.json("api", "get", "/shop")["basePath"] == "/shop"
    assert argofn("api", "delete", "/shop") == "ok: deleted API /shop\n"
    argofn("action", "delete", "page")


def test_formats_for_programs(argofn, hello):
    assert hello in argofn("action", "list", "-o", "name").split()
    assert yaml.safe_load(argofn("action", "get", hello, "-o", "yaml"))["name"] == hello
    assert argofn.json("namespace", "get", "--limits")["invocationsPerMinute"] > 0
    assert argofn("namespace", "get").startswith("Entities in namespace: guest\n")


def test_names_are_completed_live(argofn, hello, monkeypatch):
    from argo_provider.cli.client.options import names_of

    for name, value in argofn.environ.items():
        monkeypatch.setenv(name, value)
    assert names_of("actions")("hel") == [hello]
    monkeypatch.setenv("WHISK_APIHOST", f"http://127.0.0.1:{free_port()}")
    assert names_of("actions")("hel") == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(argofn, shell):
    assert "_ARGOFN_COMPLETE" in argofn("completion", shell)


def test_the_properties_are_wsks_file(argofn, service):
    text = (argofn.folder / "wskprops").read_text()
    assert f"APIHOST={service.url}\n" in text
    assert argofn("property", "get", "--apihost", "-o", "raw") == f"{service.url}\n"
    assert "whisk API build" in argofn("property", "get", "--all")
    told = argofn("property", "get", "--apibuild", "--apihost", service.url, "--auth", service.auth, "-i")
    assert told.startswith("whisk API build")
    assert "Unknown" not in told


# ---------------------------------------------------------------- what goes wrong


def test_an_unknown_action_names_what_is_near(argofn, hello):
    assert "did you mean hello?" in argofn.fail(148, "action", "get", "helo")


def test_a_wrong_key(argofn):
    said = argofn.fail(145, "action", "list", "--auth", "00000000-0000-0000-0000-000000000000:wrong")
    assert "argofn property set --auth" in said


def test_a_dead_service(argofn):
    assert "argofn serve" in argofn.fail(3, "action", "list", "--apihost", f"http://127.0.0.1:{free_port()}")


def test_a_wrong_host(argofn):
    assert "there is no host" in argofn.fail(3, "action", "list", "--apihost", "http://nowhere.invalid")


def test_tls_where_there_is_none(argofn, service):
    host = service.url.removeprefix("http://")
    assert f"--apihost http://{host}" in argofn.fail(3, "action", "list", "--apihost", host)


def test_what_exists_already(argofn, hello):
    assert "update" in argofn.fail(153, "action", "create", hello, str(argofn.folder / "hello.js"))


def test_what_is_out_of_range(argofn, hello):
    argofn.fail(144, "action", "update", hello, "--memory", "99999999")


def test_nothing_configured(argofn, tmp_path):
    empty = {"WSK_CONFIG_FILE": str(tmp_path / "none")}
    from typer.testing import CliRunner

    from argo_provider.cli.main import app

    done = CliRunner().invoke(app, ["action", "list"], env=empty)
    assert done.exit_code == 2
    assert "argofn property set --apihost" in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("action", "create", "x"),
        ("action", "create", "x", "/nowhere.js"),
        ("action", "get", "a/b/c"),
        ("activation", "get"),
        ("api", "create", "hello", "get", "x"),
        ("property", "set"),
        ("property", "set", "--auth", "no-colon"),
        ("trigger", "create", "x", "-F", "a", "b"),
    ],
)
def test_misuse_ends_with_2_and_a_way_out(argofn, words):
    argofn.fail(2, *words)
