"""The feed, followed logs, sequences, and what happens when the server goes away."""

import re

from argo_dev.service import free_port
from playwright.sync_api import expect

from .driving import PATIENCE_MS, Dashboard
from .relay import Relay

expect.set_options(timeout=PATIENCE_MS)
ECHO = "function main(args) { console.log('wrote', args.mark); return args }"
FAIL = "function main(args) { return { error: 'no' } }"


def node(client, name, code=ECHO):
    client.put_action(name, {"kind": "nodejs:20", "code": code})


def test_activations_arrive_live_and_are_filtered(dashboard, client):
    node(client, "fine")
    node(client, "failing", FAIL)
    page = dashboard.page
    dashboard.open("activations")
    page.get_by_role("heading", name="Activations").wait_for()
    good = client.invoke("fine", {"mark": 1})["activationId"]
    expect(page.get_by_role("link", name="fine", exact=True).first).to_be_visible()
    client.call("POST", "actions/failing", {})
    expect(page.get_by_role("link", name="failing", exact=True).first).to_be_visible()
    page.get_by_label("Status").select_option("all failures")
    expect(page.get_by_role("link", name="fine", exact=True)).to_have_count(0)
    expect(page.get_by_role("link", name="failing", exact=True).first).to_be_visible()
    expect(page).to_have_url(re.compile("status=failed"))
    page.get_by_label("Status").select_option("")
    page.get_by_label("Search activations").fill(good[:10])
    expect(page.locator(".vrow")).to_have_count(1)
    page.locator(".vlist").press("ArrowDown")
    page.locator(".vlist").press("Enter")
    expect(page).to_have_url(re.compile(good))
    expect(page.get_by_role("log", name="Logs")).to_contain_text("wrote 1")
    expect(page.get_by_label("Result").first).to_contain_text('"mark": 1')


def test_logs_are_followed(dashboard, client):
    node(client, "followed")
    dashboard.open_function("followed", "activity")
    page = dashboard.page
    expect(page.get_by_text("following")).to_be_visible()
    client.invoke("followed", {"mark": "first"})
    expect(page.get_by_role("log", name="Followed logs")).to_contain_text("wrote first")
    client.invoke("followed", {"mark": "second"})
    expect(page.get_by_role("log", name="Followed logs")).to_contain_text("wrote second")


def test_a_sequence_is_a_tree(dashboard, client):
    node(client, "first-step")
    node(client, "second-step")
    inner = {"kind": "sequence", "components": ["/_/first-step", "/_/second-step"]}
    client.put_action("inner-steps", inner)
    client.put_action("all-steps", {"kind": "sequence", "components": ["/_/inner-steps", "/_/second-step"]})
    record = client.invoke("all-steps", {"mark": 3})
    page = dashboard.page
    dashboard.open(f"activations/{record['activationId']}")
    tree = page.get_by_label("Parts of this activation")
    expect(tree.get_by_role("link")).to_have_count(3)
    tree.get_by_role("button", name="Parts of inner-steps").click()
    expect(tree.get_by_role("link")).to_have_count(5)


def test_the_page_reconnects_and_misses_nothing(browser, service, client):
    """The connection breaks while activations end; each is in the feed once it is back."""
    node(client, "through")
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    context.set_default_timeout(PATIENCE_MS)
    with Relay(free_port(), service.url) as relay:
        dashboard = Dashboard(context, relay.url, service.auth)
        dashboard.sign_in()
        page = dashboard.page
        page.get_by_role("link", name="Activations").click()
        page.get_by_role("heading", name="Activations").wait_for()
        before = client.invoke("through", {"mark": 0})["activationId"]
        expect(page.get_by_text(before[:12])).to_be_visible()
        relay.cut()
        expect(page.get_by_text(re.compile("The connection broke off|The server is away"))).to_be_visible()
        missed = [client.invoke("through", {"mark": mark})["activationId"] for mark in range(3)]
        relay.mend()
        page.get_by_role("button", name="Connect now").click()
        for one in missed:
            expect(page.get_by_text(one[:12])).to_be_visible()
        expect(page.get_by_role("button", name="Connect now")).to_have_count(0)
    context.close()


def test_a_key_that_is_no_longer_good_leads_back_to_the_door(dashboard):
    page = dashboard.page
    page.evaluate(
        """sessionStorage.setItem("argo.session", JSON.stringify({ key: "gone:gone", namespace: "guest" }))"""
    )
    page.reload()
    expect(page.get_by_text("The key is no longer accepted")).to_be_visible()
    page.get_by_label("API key").fill("also:wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("does not know this key")
    expect(page.get_by_role("alert").locator("code").last).to_have_text(re.compile("^[0-9a-f]{32}$"))


def test_builds_are_followed_and_niuks_are_drawn(dashboard, client):
    """A build takes minutes: its answers are written here, in the shapes of the API."""
    node(client, "built")
    build = {
        "id": "b1",
        "name": "built",
        "fingerprint": "f",
        "state": "running",
        "started": 1,
        "ended": None,
        "seconds": 61,
        "round": 1,
        "step": "compiling",
        "progress": 0.4,
        "failure": None,
        "detail": "",
        "artefactBytes": None,
    }
    isolates = {"spare": 2, "busy": 1, "total": 3, "shared": 1}
    inside = {"name": "built", "isolates": isolates, "memoryBytes": 9_000_000, "invocations": 1234}
    niuk = {
        "id": "n1",
        "sandbox": "process",
        "pid": 42,
        "started": 1,
        "memoryBytes": 60_000_000,
        "memoryLimitBytes": 512_000_000,
        "restarts": 0,
        "isolates": 3,
        "functions": [inside],
    }
    pieces = iter(["analysing\n", "compiling\n"])
    page = dashboard.page
    page.route("**/api/v1/argo/builds?*", lambda route: route.fulfill(json={"builds": [build]}))
    page.route("**/api/v1/argo/niuks", lambda route: route.fulfill(json={"niuks": [niuk]}))
    page.route(
        "**/api/v1/argo/builds/b1/log?*",
        lambda route: route.fulfill(body=next(pieces, ""), headers={"X-Next-Offset": "10"}),
    )
    dashboard.open_function("built", "why")
    expect(page.get_by_role("progressbar")).to_have_attribute("value", "0.4")
    page.get_by_role("button", name="Log", exact=True).click()
    expect(page.get_by_role("log", name="Build log")).to_contain_text("compiling")
    page.get_by_role("link", name="Machine").click()
    expect(page.get_by_role("img", name="1 busy, 2 spare isolates")).to_be_visible()
    expect(page.get_by_role("progressbar")).to_be_visible()


def test_schedules_say_what_they_call_and_when(dashboard, client):
    node(client, "timed")
    client.call("PUT", "triggers/nightly?overwrite=true", {})
    client.call("PUT", "rules/at-night?overwrite=true", {"trigger": "/_/nightly", "action": "/_/timed"})
    feed = "/api/v1/namespaces/whisk.system/actions/alarms/alarm?blocking=true"
    key = dashboard.key
    client.call(
        "POST", feed, {"lifecycleEvent": "CREATE", "triggerName": "/_/nightly", "cron": "0 3 * * *", "authKey": key}
    )
    dashboard.open("machine")
    row = dashboard.page.get_by_role("row", name="nightly")
    expect(row).to_contain_text("0 3 * * *")
    expect(row).to_contain_text(re.compile(r"in \d+ (s|min|h)"))
    expect(row.get_by_role("link", name="timed")).to_be_visible()
