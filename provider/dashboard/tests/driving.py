"""The dashboard as a person uses it."""

from urllib.parse import quote

PATIENCE_MS = 60_000  # the machine may be busy with other suites
# What a broken connection, a wrong key and a conflict look like to the browser: not faults of the page.
EXPECTED = ("Failed to load resource", "net::ERR_")


class Dashboard:
    def __init__(self, context, url, key):
        self.context = context
        self.url = url
        self.key = key
        self.complaints = []
        self.page = self.another_page()

    def another_page(self):
        page = self.context.new_page()
        page.on("console", lambda message: self._said(message.type, message.text))
        page.on("pageerror", lambda error: self.complaints.append(f"uncaught: {error}"))
        page.on("request", lambda request: self._asked(request.url))
        return page

    def _said(self, kind, text):
        if kind == "error" and not text.startswith(EXPECTED):
            self.complaints.append(text)

    def _asked(self, url):
        if not url.startswith(self.url + "/") and not url.startswith("blob:"):
            self.complaints.append(f"a request to another host: {url}")

    def sign_in(self):
        self.page.goto(f"{self.url}/dashboard")
        self.page.get_by_label("API key").fill(self.key)
        self.page.get_by_role("button", name="Sign in").click()
        self.page.get_by_role("heading", name="Functions", exact=True).wait_for()

    def open(self, path, page=None):
        (page or self.page).goto(f"{self.url}/dashboard/{path}")

    def open_function(self, name, tab="code", page=None):
        self.open(f"functions/{quote(name)}" + ("" if tab == "code" else f"?tab={tab}"), page)
        (page or self.page).get_by_role("tab", name="Code").wait_for()

    def replace_code(self, text, page=None):
        editor = (page or self.page).get_by_role("textbox", name="Code of")
        editor.click()
        editor.press("Control+a")
        editor.press("Delete")
        (page or self.page).keyboard.insert_text(text)

    def save(self, page=None):
        (page or self.page).get_by_role("button", name="Save", exact=True).click()

    def outcome(self, page=None):
        return (page or self.page).get_by_test_id("outcome")
