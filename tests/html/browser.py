"""A browser without a window, driven over WebDriver (W3C Recommendation): the few commands that the tests need."""

import base64
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

KEYS = {"Enter": "\ue007", "Escape": "\ue00c", "Down": "\ue015", "Up": "\ue013"}
DEADLINE = 60


def missing():
    """The reason why there is no browser to test with, or None."""
    for program in ("chromedriver", "chromium"):
        if not shutil.which(program):
            return f"{program} is not there"
    return None


class Browser:
    def __init__(self, width=1300, height=900, dark=False):
        self.folder = tempfile.TemporaryDirectory(prefix="sockrun-html-", ignore_cleanup_errors=True)
        home = dict(os.environ, HOME=self.folder.name, TMPDIR=self.folder.name, DBUS_SESSION_BUS_ADDRESS="disabled:")
        self.driver = subprocess.Popen(["chromedriver", "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                       text=True, env=home)
        self.session = ""
        try:
            self.base = f"http://127.0.0.1:{self._port()}"
            self.session = self._begin(width, height, dark)
        except BaseException:
            self.close()
            raise

    def _port(self):
        for line in self.driver.stdout:
            found = re.search(r"started successfully on port (\d+)", line)
            if found:
                return int(found[1])
        raise RuntimeError("chromedriver has not started")

    def _begin(self, width, height, dark):
        arguments = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
                     f"--window-size={width},{height}", f"--user-data-dir={self.folder.name}/profile"]
        if dark:
            arguments.append("--force-dark-mode")
        wanted = {"browserName": "chrome", "goog:loggingPrefs": {"browser": "ALL"},
                  "goog:chromeOptions": {"binary": shutil.which("chromium"), "args": arguments}}
        answer = self._ask("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        return f"/session/{answer['sessionId']}"

    def _ask(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, data, {"Content-Type": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=DEADLINE) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise RuntimeError(json.load(error)["value"]["message"].splitlines()[0]) from None

    def open(self, path, fragment=""):
        self._ask("POST", self.session + "/url", {"url": "about:blank"})
        self._ask("POST", self.session + "/url", {"url": f"file://{os.path.abspath(path)}{fragment}"})
        self.wait("document.documentElement.dataset.ready === 'yes'")

    def run(self, script, *arguments):
        return self._ask("POST", self.session + "/execute/sync", {"script": script, "args": list(arguments)})

    def value(self, expression):
        return self.run(f"return {expression}")

    def wait(self, expression):
        """Until it holds; each time the page is asked, it has had time to draw."""
        end = time.monotonic() + DEADLINE
        ask = "const done = arguments[0]; requestAnimationFrame(() => setTimeout(() => done(!!(%s))))" % expression
        while not self._ask("POST", self.session + "/execute/async", {"script": ask, "args": []}):
            if time.monotonic() > end:
                raise RuntimeError(f"it never became true: {expression}")

    def text(self, selector):
        return self.run("return Array.from(document.querySelectorAll(arguments[0]), n => n.textContent)", selector)

    def click(self, selector):
        node = self._ask("POST", self.session + "/element", {"using": "css selector", "value": selector})
        self._ask("POST", f"{self.session}/element/{next(iter(node.values()))}/click", {})

    def keys(self, *keys):
        """Each is a name of KEYS, or text."""
        actions = []
        for key in keys:
            for c in KEYS.get(key, key):
                actions += [{"type": "keyDown", "value": c}, {"type": "keyUp", "value": c}]
        self._ask("POST", self.session + "/actions", {"actions": [{"type": "key", "id": "keys", "actions": actions}]})

    def complaints(self):
        """What the page has said on its console."""
        log = self._ask("POST", self.session + "/se/log", {"type": "browser"})
        return [entry["message"] for entry in log if entry["level"] in ("SEVERE", "WARNING")]

    def screenshot(self, path):
        with open(path, "wb") as out:
            out.write(base64.b64decode(self._ask("GET", self.session + "/screenshot")))

    def pdf(self, path):
        with open(path, "wb") as out:
            out.write(base64.b64decode(self._ask("POST", self.session + "/print", {"background": True})))

    def close(self):
        if self.session:
            try:
                self._ask("DELETE", self.session)
            except (RuntimeError, OSError):
                pass
        self.driver.terminate()
        self.driver.wait()
        self.driver.stdout.close()
        self.folder.cleanup()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
