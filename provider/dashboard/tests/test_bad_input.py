"""Text that would do harm, and lists that are long."""

import json
import re

from playwright.sync_api import expect

from .driving import PATIENCE_MS

expect.set_options(timeout=PATIENCE_MS)
HOSTILE = "<img src=x onerror=window.harmed=1>\u202egnp.exe\u0007\u001b[31m<script>window.harmed=1</script>"
LINE = 1024 * 1024


def test_logs_and_results_are_text_and_nothing_else(dashboard, client):
    long_line = f"console.log('x'.repeat({LINE}));"
    code = "function main(args) { console.log(args.text); " + long_line + " return { text: args.text } }"
    client.put_action("hostile", {"kind": "nodejs:20", "code": code})
    record = client.invoke("hostile", {"text": HOSTILE})
    page = dashboard.page
    dashboard.open(f"activations/{record['activationId']}")
    logs = page.get_by_role("log", name="Logs")
    expect(logs).to_contain_text("<img src=x onerror=window.harmed=1>")
    expect(logs.locator(".hidden-mark", has_text="U+202E")).to_be_visible()
    expect(logs.locator("[title='U+001B']")).to_be_visible()
    expect(page.get_by_label("Result").first).to_contain_text("<script>")
    assert page.evaluate("window.harmed") is None
    assert page.locator("main img, main script").count() == 0
    assert len(logs.inner_text()) < LINE / 2  # the rest on demand
    logs.get_by_role("button", name=re.compile("more characters")).first.click()


def test_an_error_of_a_function_is_text(dashboard, client):
    code = "function main(args) { return { error: args.text } }"
    client.put_action("hostile-error", {"kind": "nodejs:20", "code": code})
    page = dashboard.page
    dashboard.open_function("hostile-error")
    page.get_by_label("Payload", exact=True).fill(json.dumps({"text": HOSTILE}))
    page.get_by_role("button", name="Run", exact=True).click()
    expect(dashboard.outcome()).to_contain_text("onerror")
    expect(dashboard.outcome()).to_contain_text("app error")
    assert page.evaluate("window.harmed") is None


def row(number):
    return {
        "name": f"shop/function-{number:05}" if number % 3 else f"function-{number:05}",
        "kind": ("nodejs:20", "python:3.11", "java:17")[number % 3],
        "version": "0.0.1",
        "updated": 1,
        "memoryMb": 256,
        "timeoutMs": 60000,
        "web": False,
        "tier": ("cold", "warm", "hot", "native")[number % 4],
        "state": "ordinary",
        "ratePerMinute": number % 70,
        "p50": 1.5,
        "p99": 30,
        "errorShare": 0,
        "invocations": 1,
        "coldShare": 0,
        "lastInvoked": None,
        "warmSandboxes": 0,
    }


def test_ten_thousand_functions(dashboard):
    """First rows at once, a filter within a frame or two: as the page itself measures it, without the network's share."""
    rows = [row(number) for number in range(10_000)]

    def answer(route):
        query = dict(part.split("=") for part in route.request.url.partition("?")[2].split("&"))
        skip, limit = int(query["skip"]), int(query["limit"])
        route.fulfill(json={"functions": rows[skip : skip + limit], "total": len(rows)})

    page = dashboard.page
    page.route("**/api/v1/argo/functions?*", answer)
    dashboard.open("functions")
    expect(page.locator(".vrow").first).to_be_visible()
    expect(page.get_by_role("status").filter(has_text="10,000")).to_be_visible()
    assert page.locator(".vrow").count() < 60
    page.get_by_label("Search functions").fill("function-07777")
    expect(page.locator(".vrow")).to_have_count(1)
    expect(page).to_have_url(re.compile("search=function-07777"))
    page.get_by_label("Search functions").fill("")
    page.get_by_role("group", name="Tier").get_by_role("button", name="native").click()
    expect(page.get_by_role("status").filter(has_text="2,500 of 10,000")).to_be_visible()
    page.locator(".vlist").press("End")
    expect(page.get_by_role("link", name="shop/function-09995")).to_be_visible()
