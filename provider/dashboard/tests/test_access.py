"""Each page, light and dark, wide and narrow: what axe finds wrong; and the page by keyboard alone."""

import re

import pytest
from argo_dev.client import Client
from playwright.sync_api import expect

from .driving import PATIENCE_MS, Dashboard

expect.set_options(timeout=PATIENCE_MS)
ALL = {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
CONTRAST = {"type": "rule", "values": ["color-contrast"]}  # colours are all that differs in the dark
PAGES = {
    "functions": ("functions", ".vrow"),
    "code": ("functions/looked-at", ".cm-content"),
    "settings": ("functions/looked-at?tab=settings", ".kv"),
    "versions": ("functions/looked-at?tab=versions", ".cm-content >> nth=0"),
    "tier": ("functions/looked-at?tab=why", ".ladder"),
    "activity": ("functions/looked-at?tab=activity", ".run-line"),
    "new": ("new?template=python", ".cm-content"),
    "activations": ("activations", ".vrow"),
    "activation": ("activations/{id}", ".phases"),
    "machine": ("machine", ".histogram"),
    "missing": ("functions/nowhere-to-be-found", ".empty"),
}


@pytest.fixture(scope="module")
def record(service):
    client = Client(service)
    for code in ("function main() { return {} }", "function main() { console.log('hello'); return { a: 1 } }"):
        parameters = [{"key": "greeting", "value": "hi"}]
        client.put_action("looked-at", {"kind": "nodejs:20", "code": code}, parameters=parameters)
    return client.invoke("looked-at")["activationId"]


def violations(page, axe, rules):
    page.add_script_tag(content=axe)
    found = page.evaluate("(rules) => axe.run(document, { runOnly: rules, resultTypes: ['violations'] })", rules)
    return [
        f"{each['id']}: {each['help']}: {[node['html'][:160] for node in each['nodes']][:3]}"
        for each in found["violations"]
    ]


@pytest.mark.parametrize(("colours", "rules"), [("light", ALL), ("dark", CONTRAST)], ids=["light", "dark"])
def test_axe_finds_nothing(browser, service, record, axe, colours, rules):
    context = browser.new_context(viewport={"width": 1280, "height": 900}, color_scheme=colours, bypass_csp=True)
    context.set_default_timeout(PATIENCE_MS)
    dashboard = Dashboard(context, service.url, service.auth)
    dashboard.page.goto(f"{service.url}/dashboard")
    dashboard.page.get_by_label("API key").wait_for()
    found = {"sign-in": violations(dashboard.page, axe, rules)}
    dashboard.sign_in()
    for name, (path, ready) in PAGES.items():
        dashboard.open(path.replace("{id}", record))
        dashboard.page.locator(ready).first.wait_for()
        found[name] = violations(dashboard.page, axe, rules)
    dashboard.page.keyboard.press("Control+k")
    dashboard.page.get_by_role("combobox", name="What to open").wait_for()
    found["palette"] = violations(dashboard.page, axe, rules)
    context.close()
    assert {name: wrong for name, wrong in found.items() if wrong} == {}


def test_nothing_is_cut_off_at_360_pixels(browser, service, record):
    context = browser.new_context(viewport={"width": 360, "height": 740})
    context.set_default_timeout(PATIENCE_MS)
    dashboard = Dashboard(context, service.url, service.auth)
    dashboard.sign_in()
    wide = {}
    for name, (path, ready) in PAGES.items():
        dashboard.open(path.replace("{id}", record))
        dashboard.page.locator(ready).first.wait_for()
        wide[name] = dashboard.page.evaluate("document.documentElement.scrollWidth")
    context.close()
    assert {name: width for name, width in wide.items() if width > 360} == {}


def test_by_keyboard_alone(dashboard, record):
    page = dashboard.page
    page.keyboard.press("Control+k")
    page.get_by_role("combobox", name="What to open").wait_for()
    page.keyboard.type("looked")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/functions/looked-at"))
    page.get_by_role("tab", name="Code").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name="Settings")).to_be_focused()
    page.get_by_role("tab", name="Settings").blur()
    page.keyboard.press("g")
    page.keyboard.press("m")
    expect(page.get_by_role("heading", name="Machine")).to_be_visible()
    page.keyboard.press("g")
    page.keyboard.press("f")
    expect(page.get_by_role("heading", name="Functions", exact=True)).to_be_visible()
    page.keyboard.press("/")
    expect(page.get_by_label("Search functions")).to_be_focused()
    page.keyboard.type("looked")
    expect(page).to_have_url(re.compile("search=looked"))


def test_enter_in_the_palette_waits_for_the_list_of_functions(dashboard, record):
    page = dashboard.page
    functions, held = "**/api/v1/argo/functions*", []
    page.route(functions, lambda route: held.append(route))  # noqa: PLW0108 — a builtin takes no marks of Playwright's
    page.reload()
    page.get_by_role("heading", name="Functions", exact=True).wait_for()
    page.keyboard.press("Control+k")
    page.get_by_role("combobox", name="What to open").wait_for()
    page.keyboard.type("looked")
    page.keyboard.press("Enter")
    expect(page.get_by_text("The functions are being read")).to_be_visible()
    page.unroute(functions)  # and what was held goes on
    expect(page).to_have_url(re.compile("/functions/looked-at"))


def test_enter_in_the_palette_loses_nothing_that_was_typed(dashboard, record):
    page = dashboard.page
    page.get_by_role("link", name="looked-at").wait_for()
    page.keyboard.press("Control+k")
    page.get_by_role("combobox", name="What to open").wait_for()
    page.keyboard.type("no such name")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Nothing has that name.")).to_be_visible()
    expect(page.get_by_role("combobox", name="What to open")).to_have_value("no such name")


def test_the_colours_are_kept(dashboard):
    page = dashboard.page
    assert page.evaluate("document.documentElement.dataset.theme") == "light"
    page.get_by_role("button", name="Dark colours").click()
    page.reload()
    page.get_by_role("button", name="Light colours").wait_for()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
