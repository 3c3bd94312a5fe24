"""Writing, running and taking back functions, in a real browser against a real service."""

import re

import pytest
from playwright.sync_api import expect

from .driving import PATIENCE_MS

expect.set_options(timeout=PATIENCE_MS)
VERSION_ONE = 'function main(args) { console.log("one"); return { said: "one" } }'
VERSION_TWO = 'function main(args) { console.log("two"); return { said: "two" } }'


def node(client, name, code=VERSION_ONE, **fields):
    client.put_action(name, {"kind": "nodejs:20", "code": code}, **fields)


def test_a_function_runs_in_three_clicks(dashboard):
    page = dashboard.page
    page.get_by_role("link", name="New function").click()
    page.get_by_role("button", name="JavaScript A greeting").click()
    page.get_by_role("button", name="Create and run").click()
    expect(dashboard.outcome()).to_contain_text('"greeting": "Hello, you!"')
    expect(dashboard.outcome()).to_contain_text("greeting you")  # its log
    expect(page.locator(".phases")).to_be_visible()
    expect(page).to_have_url(re.compile("/dashboard/functions/hello-node"))


@pytest.mark.parametrize("title", ["Python", "Java", "Program"])
def test_templates_of_other_kinds_run(dashboard, title):
    dashboard.open("new")
    named = dashboard.page.get_by_text(title, exact=True)
    dashboard.page.locator(".template", has=named).click()
    dashboard.page.get_by_role("button", name="Create and run").click()
    expect(dashboard.outcome()).to_contain_text("Hello", timeout=120_000)


def test_edit_save_compare_and_roll_back(dashboard, client):
    node(client, "edited")
    page = dashboard.page
    dashboard.open_function("edited")
    dashboard.replace_code(VERSION_TWO)
    page.get_by_role("button", name="Save and run").click()
    expect(dashboard.outcome()).to_contain_text('"said": "two"')
    expect(page.get_by_test_id("version")).to_have_text("v0.0.2")
    page.get_by_role("tab", name="Versions").click()
    difference = page.get_by_label("Code of 0.0.2")  # one column where two have no room
    expect(difference.get_by_role("deletion")).to_contain_text("one")
    expect(difference.get_by_role("insertion")).to_contain_text("two")
    page.get_by_role("button", name="Roll back to 0.0.1").click()
    expect(page.get_by_test_id("version")).to_have_text("v0.0.3")
    assert client.invoke("edited")["response"]["result"] == {"said": "one"}


def test_settings_are_saved_with_the_code(dashboard, client):
    node(client, "set-up", parameters=[{"key": "greeting", "value": "hi"}])
    page = dashboard.page
    dashboard.open_function("set-up", "settings")
    page.get_by_label("Value of greeting").fill('{"deep": [1]}')
    page.get_by_label("Memory").fill("128")
    page.get_by_role("switch", name="Web action").check()
    dashboard.save()
    expect(page.get_by_test_id("version")).to_have_text("v0.0.2")
    stored = client.call("GET", "actions/set-up")
    assert stored["parameters"] == [{"key": "greeting", "value": {"deep": [1]}}]
    assert stored["limits"]["memory"] == 128
    assert {"key": "web-export", "value": True} in stored["annotations"]
    link = page.get_by_role("link", name="web URL").get_attribute("href")
    assert link == f"{dashboard.url}/api/v1/web/guest/default/set-up"


def test_two_people_edit_one_function_and_nothing_is_lost(dashboard, client):
    node(client, "shared")
    page = dashboard.page
    dashboard.open_function("shared")
    dashboard.replace_code("// mine\n" + VERSION_TWO)
    node(client, "shared", "// theirs\n" + VERSION_ONE)
    expect(page.get_by_text("saved by somebody else while you edited")).to_be_visible()
    dashboard.save()
    dialog = page.get_by_role("dialog", name="Two versions of one function")
    expect(dialog.get_by_label("Their code")).to_contain_text("// theirs")
    expect(dialog.get_by_label("Your code")).to_contain_text("// mine")
    dialog.get_by_role("button", name="Take theirs").click()
    expect(page.get_by_role("textbox", name="Code of")).to_contain_text("// theirs")
    page.get_by_role("button", name="Bring them back").click()
    expect(page.get_by_role("textbox", name="Code of")).to_contain_text("// mine")
    dashboard.save()
    expect(page.get_by_test_id("version")).to_have_text("v0.0.3")
    theirs = client.call("GET", "/api/v1/argo/versions/shared/0.0.2")
    assert theirs["exec"]["code"].startswith("// theirs")


def test_a_save_over_anothers_is_refused_by_the_service_too(dashboard, client):
    node(client, "raced")
    page = dashboard.page
    dashboard.open_function("raced")
    page.route("**/api/v1/argo/events*", lambda route: route.abort())  # the page learns of nothing
    page.reload()
    dashboard.replace_code("// mine\n" + VERSION_TWO)
    node(client, "raced", "// theirs\n" + VERSION_ONE)
    dashboard.save()
    page.get_by_role("dialog").get_by_role("button", name="Save mine as the next version").click()
    expect(page.get_by_test_id("version")).to_have_text("v0.0.3")
    assert client.call("GET", "actions/raced")["exec"]["code"].startswith("// mine")


def test_a_draft_outlives_a_reload(dashboard, client):
    node(client, "drafted")
    page = dashboard.page
    dashboard.open_function("drafted")
    dashboard.replace_code("// not saved yet")
    expect(page.get_by_role("button", name="Save", exact=True)).to_be_enabled()
    page.on("dialog", lambda dialog: dialog.accept())  # "Leave site?"
    page.reload()
    expect(page.get_by_role("textbox", name="Code of")).to_contain_text("// not saved yet")


def test_a_wish_is_granted_and_told(dashboard, client):
    client.put_action("wished", {"kind": "python:3.11", "code": "def main(args):\n    return {}\n"})
    page = dashboard.page
    dashboard.open_function("wished", "why")
    page.get_by_role("button", name="Make it native").click()
    story = page.get_by_label("Tier history, newest first")
    expect(story).to_contain_text("Its owner asked for a native form.")
    page.get_by_role("button", name="Pin to ordinary").click()
    expect(page.locator(".ladder .now")).to_have_text("pinned")
    page.get_by_role("button", name="Unpin").click()
    expect(page.locator(".ladder .now")).to_have_text("ordinary")


def test_a_wish_that_is_refused_says_why_and_names_the_transaction(dashboard, client):
    client.put_action("unmoved", {"kind": "sequence", "components": ["/_/warm-up"]})
    page = dashboard.page
    dashboard.open_function("unmoved", "why")
    with page.expect_response(lambda response: response.request.method == "POST") as answered:
        page.get_by_role("button", name="Make it native").click()
    expect(page.get_by_role("alert")).to_contain_text("It is a sequence")
    expect(page.get_by_role("alert").locator("code")).to_have_text(answered.value.json()["code"])


def test_copied_commands_name_the_function_and_no_key(dashboard, client):
    node(client, "copied")
    dashboard.open_function("copied")
    dashboard.page.get_by_role("button", name="Copy as").click()
    dialog = dashboard.page.get_by_role("dialog")
    expect(dialog).to_contain_text("wsk action invoke copied --result")
    expect(dialog).to_contain_text('curl -u "$AUTH" -X POST')
    expect(dialog).to_contain_text('runtime: "nodejs:20"')
    assert dashboard.key not in dialog.inner_text()
