"""`./dev screenshots`: every page of the dashboard, light, dark and narrow, over a small service that is at work."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from argo_dev.browser import launched, page_environment
from argo_dev.client import Client
from argo_dev.service import Service, fresh_service
from playwright.sync_api import Browser, Page, sync_playwright

FOLDER = Path(__file__).resolve().parents[3] / "docs" / "screenshots"
READY_SECONDS = 300
MOVE_SECONDS = 1500  # the engine is built first, on a machine that has none
QUICK_CANARY = {"enabled": "true", "canary_invocations": 4, "canary_share": 0.5, "canary_slower": 20}
KINDS = ("nodejs:20", "python:3.11")
LOOKS = {
    "light": {"viewport": {"width": 1280, "height": 800}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1280, "height": 800}, "color_scheme": "dark"},
    "narrow": {"viewport": {"width": 390, "height": 780}, "color_scheme": "light"},
}
PRICE = """// The price of an order, with a discount for many.
function main({ items = [], coupon }) {
    const sum = items.reduce((total, item) => total + item.price * item.count, 0);
    console.log("items", items.length, "sum", sum);
    if (coupon === "expired") return { error: "This coupon is no longer good." };
    return { sum, due: sum >= 100 ? sum * 0.9 : sum };
}
"""
RECEIPT = """def main(args):
    due = args.get("due", 0)
    print("receipt over", due)
    return {"receipt": f"Thank you! {due:.2f} paid."}
"""
SHIPPING = """// Shipping by weight: called at every click in the basket.
function main({ grams = 500 }) {
    return { shipping: grams > 20000 ? null : 4.9 + Math.ceil(grams / 1000) * 0.8 };
}
"""
ORDER = {"items": [{"price": 40, "count": 2}, {"price": 35, "count": 1}]}


def main() -> int:
    FOLDER.mkdir(parents=True, exist_ok=True)
    environment = page_environment()
    options = ["--sandbox", "process", "--set", f"runtimes.kinds={','.join(KINDS)}"]
    options += [word for name, value in QUICK_CANARY.items() for word in ("--set", f"optimizer.{name}={value}")]
    with fresh_service(*options, environment=environment) as service, sync_playwright() as playwright:
        Client(service).wait_for_kinds(KINDS, READY_SECONDS)
        places = at_work(Client(service))
        browser = launched(playwright)
        for look, options in LOOKS.items():
            take(browser, service, places, look, options)
        browser.close()
    return 0


def at_work(client: Client) -> dict[str, tuple[str, str]]:
    """Fills the service; name of each picture → the page's place and what shows that it is there."""
    made(client)
    moved(client, "shop/shipping")
    orders = [client.invoke("checkout")["activationId"]]
    for number in range(24):
        coupon = "expired" if number % 9 == 4 else ""
        client.call("POST", "actions/shop/price", {**ORDER, "coupon": coupon})
        if number % 4 == 0:
            orders.append(client.invoke("checkout", ORDER)["activationId"])
    price = client.invoke("shop/price", ORDER)["activationId"]
    function = "functions/shop/price"
    return {
        "functions": ("functions", ".vrow"),
        "function-code": (function, ".cm-content"),
        "function-settings": (f"{function}?tab=settings", ".kv"),
        "function-versions": (f"{function}?tab=versions", ".cm-content"),
        "function-tier": ("functions/shop/receipt?tab=why", ".story"),
        "function-native": ("functions/shop/shipping?tab=why", ".story"),
        "function-activity": (f"{function}?tab=activity", ".run-line"),
        "new": ("new?template=node", ".cm-content"),
        "activations": ("activations", ".vrow"),
        "activation": (f"activations/{price}", ".phases"),
        "sequence": (f"activations/{orders[-1]}", ".tree li li"),
        "machine": ("machine", ".histogram"),
        "niuk": ("machine", ".niuk"),
    }


def made(client: Client) -> None:
    """Functions of several kinds, versions, a sequence and a schedule."""
    node, python = {"kind": "nodejs:20"}, {"kind": "python:3.11"}
    client.call("PUT", "packages/shop?overwrite=true", {})
    client.put_action("shop/price", {**node, "code": PRICE.replace("0.9", "0.95")})
    client.invoke("shop/price")
    parameters = [{"key": "currency", "value": "EUR"}, {"key": "discount", "value": {"from": 100, "share": 0.1}}]
    client.put_action("shop/price", {**node, "code": PRICE}, parameters=parameters, limits={"memory": 128})
    client.put_action("shop/receipt", {**python, "code": RECEIPT})
    client.invoke("shop/receipt")
    client.call("POST", "/api/v1/argo/tiers/shop/receipt", {"wish": "optimise"})
    client.put_action("checkout", {"kind": "sequence", "components": ["/_/shop/price", "/_/shop/receipt"]})
    page = "function main() { return { body: '<h1>Hello</h1>' } }"
    native = [{"key": "argo.tier", "value": "native"}]
    client.put_action("shop/shipping", {**node, "code": SHIPPING}, annotations=native)
    client.put_action("hello-web", {**node, "code": page}, annotations=[{"key": "web-export", "value": True}])
    client.put_action("nightly-report", {**python, "code": "def main(args):\n    return {'rows': 12}\n"})
    client.put_action("thumbnail", {**node, "code": "function main() { return {} }"}, limits={"memory": 512})
    scheduled(client)


def moved(client: Client, name: str) -> None:
    """Call it until it is native."""
    deadline = time.monotonic() + MOVE_SECONDS
    while (tier := client.call("GET", f"/api/v1/argo/tiers/{name}"))["state"] != "native":
        if tier["state"] == "pinned" or time.monotonic() > deadline:
            raise SystemExit(f"{name} did not move: {tier['reason']}")
        client.invoke(name, {"grams": 1200})
    for _ in range(20):
        client.invoke(name, {"grams": 1200})


def scheduled(client: Client) -> None:
    client.call("PUT", "triggers/nightly?overwrite=true", {})
    client.call("PUT", "triggers/order-placed?overwrite=true", {})
    client.call("PUT", "rules/report-at-night?overwrite=true", {"trigger": "/_/nightly", "action": "/_/nightly-report"})
    client.call("PUT", "rules/on-order?overwrite=true", {"trigger": "/_/order-placed", "action": "/_/checkout"})
    alarm = {"lifecycleEvent": "CREATE", "triggerName": "/_/nightly", "cron": "0 3 * * *", "authKey": ""}
    client.call("POST", "/api/v1/namespaces/whisk.system/actions/alarms/alarm?blocking=true", alarm)


def take(browser: Browser, service: Service, places: dict[str, tuple[str, str]], look: str, options: dict) -> None:  # type: ignore[type-arg]
    context = browser.new_context(**options)
    page = context.new_page()
    page.goto(f"{service.url}/dashboard")
    page.get_by_label("API key").wait_for()
    picture(page, "sign-in", look)
    page.get_by_label("API key").fill(service.auth)
    page.get_by_role("button", name="Sign in").click()
    page.locator(".vrow").first.wait_for()
    for name, (path, ready) in places.items():
        page.goto(f"{service.url}/dashboard/{path}")
        page.locator(ready).first.wait_for()
        if name == "function-code":
            page.get_by_label("Payload", exact=True).fill('{\n  "items": [{ "price": 40, "count": 3 }]\n}')
            page.get_by_role("button", name="Run", exact=True).click()
            page.get_by_test_id("outcome").locator(".logs").wait_for()
        if name == "function-activity":
            page.get_by_text("following").wait_for()
            for count in range(1, 9):
                Client(service).invoke("shop/price", {"items": [{"price": 12 * count, "count": count}]})
            page.get_by_role("log", name="Followed logs").wait_for()
        if name == "niuk":
            page.locator(".niuk").evaluate("box => box.scrollIntoView({ block: 'center' })")
        if name == "machine":
            busy(service, page)
        picture(page, name, look)
    page.keyboard.press("Control+k")
    page.get_by_role("combobox", name="What to open").fill("sh")
    picture(page, "palette", look)
    context.close()


def busy(service: Service, page: Page) -> None:
    """Some load, for as many samples as make a curve."""
    client = Client(service)
    for _ in range(12):
        for _ in range(10):
            client.invoke("shop/price", ORDER)
        client.invoke("shop/shipping")
        page.wait_for_timeout(800)


def picture(page: Page, name: str, look: str) -> None:
    page.evaluate("document.fonts.ready")
    page.wait_for_timeout(400)  # what moves comes to rest
    page.screenshot(path=FOLDER / f"{name}-{look}.png", animations="disabled", caret="hide")
    print(f"{name}-{look}.png", flush=True)


if __name__ == "__main__":
    sys.exit(main())
