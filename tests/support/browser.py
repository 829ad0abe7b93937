"""Headless Chromium for tests of the explorer's page, with its requests and messages."""

import json
import shutil

import pytest

QUIET = "no-sandbox disable-gpu disable-quic no-first-run disable-background-networking disable-component-update disable-sync"


class Browser:
    """A window; ``driver`` is Selenium's."""

    def __init__(self, folder):
        webdriver = pytest.importorskip(
            "selenium.webdriver", reason="selenium, for tests in a browser, is not installed"
        )
        program, driver = shutil.which("chromium"), shutil.which("chromedriver")
        if not program or not driver:
            pytest.skip("no browser: Chromium and its driver are not installed (Debian: chromium, chromium-driver)")
        options = webdriver.ChromeOptions()
        options.binary_location = program
        options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
        for flag in ("headless=new", "force-prefers-reduced-motion", *QUIET.split(), f"user-data-dir={folder}"):
            options.add_argument(f"--{flag}")
        self.driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))

    def open(self, file, settings="", width=1000, height=900):
        """Load a page anew, with settings in its address, in a window of this size."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        self.driver.get("about:blank")
        self.driver.get(f"{file.as_uri()}#{settings}")

    def run(self, script, *arguments):
        """The value that a script returns, as JSON; numbers that are not finite come as strings."""
        portable = "(name, value) => typeof value === 'number' && !Number.isFinite(value) ? String(value) : value"
        found = self.driver.execute_script(
            f"return JSON.stringify((function() {{{script}}})(...arguments) ?? null, {portable})", *arguments
        )
        return json.loads(found)

    def type(self, **values):
        """Set controls by their ids, as typing and dragging do; returns the milliseconds that the last change took."""
        script = """for (const [id, value] of Object.entries(arguments[0])) {
            const control = document.getElementById(id.replaceAll('_', '-'));
            control.value = value;
            control.dispatchEvent(new Event('input', {bubbles: true}));
            control.dispatchEvent(new Event('change', {bubbles: true}));
        } return explorer.milliseconds"""
        return self.run(script, values)

    def text(self, name):
        """The text of the element with this id."""
        return self.driver.find_element("id", name).text

    def click(self, name):
        self.run("document.getElementById(arguments[0]).click()", name)

    def choose(self, group, value):
        """Choose one of several radio buttons."""
        selector = f"#{group} input[value='{value}']"
        self.run("document.querySelector(arguments[0]).click()", selector)

    def pointer(self, canvas, xy, click=False):
        """Move the pointer to a place on a canvas, in its pixels from the top left corner, and click there."""
        from selenium.webdriver.common.action_chains import ActionChains

        element = self.driver.find_element("id", canvas)
        self.run("document.getElementById(arguments[0]).scrollIntoView({block: 'center'})", canvas)
        middle = element.size["width"] / 2, element.size["height"] / 2
        moves = ActionChains(self.driver, duration=0)
        moves.move_to_element_with_offset(element, round(xy[0] - middle[0]), round(xy[1] - middle[1]))
        (moves.click() if click else moves).perform()

    def press(self, *keys):
        from selenium.webdriver.common.action_chains import ActionChains

        ActionChains(self.driver).send_keys(*keys).perform()

    def messages(self):
        """What the page wrote to the console since the last call: errors and warnings."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def requests(self, file):
        """The addresses that the page asked for since the last call."""
        events = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        sent = [e["params"] for e in events if e["method"] == "Network.requestWillBeSent"]
        # The empty first tab also sends requests.
        return {e["request"]["url"] for e in sent if e["documentURL"].startswith(file.as_uri())}
