"""The page of --report-html in a browser without a window: check_page.py SOCKRUN."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import unittest

from browser import Browser, missing

# Starting one takes longer than all that is asked of it.
browser = None
HERE = os.path.dirname(os.path.abspath(__file__))
SKIPPED = 77
sockrun = ""


def setUpModule():
    global browser
    browser = Browser()


def tearDownModule():
    browser.close()


def report(folder, arguments, codes):
    """Runs it, and gives back the path of its page."""
    page = os.path.join(folder, "page.html")
    done = subprocess.run([sockrun, "run", "-q", "--report-html", page, *arguments], cwd=HERE, timeout=60, check=False,
                          capture_output=True, text=True)
    if done.returncode not in codes:
        raise RuntimeError(f"exit code {done.returncode}: {done.stdout}{done.stderr}")
    return page


class Page(unittest.TestCase):
    """One run: each test opens its page anew."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        cls.page = report(cls.folder.name, ["report.yaml"], (4,))

    def tearDown(self):
        self.assertEqual(browser.complaints(), [])
        self.assertIsNone(browser.value("window.broken"))

    def open(self, fragment=""):
        browser.open(self.page, fragment)

    def cases(self):
        return browser.text(".case .what b")

    def open_case(self, name):
        self.open()
        number = browser.run("return [...document.querySelectorAll('.case')].find(n => "
                                  "n.querySelector('b').textContent === arguments[0])?.dataset.number", name)
        self.assertIsNotNone(number, name)
        self.open(f"#/case/{number}")

    def rows(self):
        """What the diagram says, without its times, ports and folders."""
        words = browser.value("[...document.querySelectorAll('g.row')].map(n => n.getAttribute('aria-label'))")
        return [w.split(" ms: ", 1)[1] for w in words if "listens" not in w]

    def lanes(self):
        return browser.text(".lane-head b")

    def click_row(self, words):
        number = browser.run("return [...document.querySelectorAll('g.row')].find(n => "
                                  "n.getAttribute('aria-label').includes(arguments[0]))?.id", words)
        self.assertIsNotNone(number, words)
        browser.run("document.getElementById(arguments[0]).scrollIntoView()", number)
        browser.click(f"#{number} .time")
        browser.wait("!document.querySelector('.panel').hidden")

    def test_counts(self):
        self.open()
        self.assertEqual(browser.text("#headline"), ["\u27171 of 8 cases did not pass"])
        self.assertTrue(browser.text("#run")[0].startswith("1 failed  \u00b7  1 failed as expected  \u00b7  5 passed"))
        self.assertEqual(browser.text(".chip"), ["\u2717fail1", "\u25c7xfail1", "\u2713pass5", "\u2013skip1"])
        self.assertEqual(self.cases()[0], "a line end is missing")

    def test_the_list_is_filtered(self):
        self.open()
        browser.keys("/", "DATAG")
        browser.wait("document.querySelectorAll('.case').length === 1")
        self.assertEqual(self.cases(), ["datagrams"])
        self.assertEqual(browser.text(".count"), ["1 of 8 cases"])
        self.open()
        browser.keys("/", "tag:hostile")
        browser.wait("document.querySelectorAll('.case').length === 1")
        self.assertIn("</script><img src=x onerror=window.broken=1> \\x1b[31m \\u{202e}evil", self.cases()[0])
        self.open()
        browser.click(".chip:nth-child(4)")
        self.assertEqual(self.cases(), ["too soon"])
        self.assertEqual(browser.text(".case small"), ["not yet <b>"])
        browser.keys("/", "nothing like it")
        browser.wait("document.querySelector('.empty')")

    def test_keys_lead_through_the_list_and_back(self):
        self.open()
        browser.keys("j")
        browser.keys("j")
        browser.keys("Enter")
        browser.wait("document.querySelector('.case-view')")
        self.assertEqual(browser.text("h2"), ["\u25c7xfail known"])
        browser.keys("]")
        browser.wait("document.querySelector('h2').textContent.includes('greeting')")
        browser.keys("j")
        browser.keys("j")
        browser.keys("Enter")
        browser.wait("!document.querySelector('.panel').hidden")
        browser.keys("Escape")
        browser.wait("document.querySelector('.panel').hidden")
        browser.keys("Escape")
        browser.wait("document.querySelector('.cases')")
        self.assertTrue(browser.value("document.activeElement.matches('.case')"))

    def test_the_ladder_of_a_case(self):
        self.open_case("greeting and answer")
        self.assertEqual(sorted(self.lanes()), ["client", "server", "watcher"])
        rows = self.rows()
        for words in ("client connects to server", "server sends to client 21 bytes: 220 mail.test ready\\r\\n",
                      "client receives from server 21 bytes: 220 mail.test ready\\r\\n",
                      "client sends to server 5 bytes: EHLO ", "client sends to server 13 bytes: client.test\\r\\n",
                      "watcher: sync armed",
                      "server: sync armed", "server: sleep 20ms", "watcher: the server is about to answer",
                      "client: closes", "server: sees the end"):
            self.assertIn(words, rows)
        self.assertEqual(rows[0], "client connects to server")
        self.assertIn("220 mail.test ready\\r\\n21 B", browser.text(".row .label"))
        # Whether what was sent in two parts arrives in one or not, each part has an arrow to where it does.
        self.assertEqual(browser.value("shown.view.view.ladder.rows.filter(r => r.direction === 'send' && !r.arrows.length).length"), 0)
        self.assertGreaterEqual(browser.value("document.querySelectorAll('g.message polygon').length"), 4)
        self.assertGreaterEqual(browser.value("(rows => rows.find(r => labelOf(r).startsWith('250')).t - rows.find(r => r.step === 'sleep').t)"
                                              "(shown.view.view.ladder.rows)"), 20e6)
        browser.click(".choice input")
        self.assertIn("client: step 4 expect", self.rows())

    def test_a_message_is_opened(self):
        self.open_case("greeting and answer")
        self.click_row("server sends to client 21 bytes")
        self.assertEqual(browser.text(".panel .text"), ["220 mail.test ready\\r\\n\n"])
        self.assertEqual(browser.text(".panel .hex")[0].splitlines()[0], "0000  32  32  30  20  6d  61  69  6c   220 mail")
        self.assertEqual(browser.text(".panel .source .where"), ["report.yaml:15"])
        self.assertIn('- send: "220 mail.test ready\\r\\n"', browser.text(".panel .source pre")[0])
        facts = dict(zip(browser.text(".panel dt"), browser.text(".panel dd")))
        self.assertEqual((facts["Size"], facts["Step"]), ("21 bytes", "step 1 send"))
        self.assertRegex(facts["Received"], r"^at [\d.]+ ms by client, .+ later$")

    def test_a_failure_stands_out(self):
        self.open_case("a line end is missing")
        self.assertIn("client: failure: first difference at byte 7: expected 0d \"\\r\", got 0a \"\\n\"", self.rows())
        self.assertEqual(browser.text(".failure .message"), ['first difference at byte 7: expected 0d "\\r", got 0a "\\n"'])
        self.assertEqual(browser.text(".failure .source u"), ['"250-one\\r\\n250 two\\r\\n"'])
        self.assertEqual(browser.text(".dump.expected mark.first"), ["[0d]", "\u00b7"])
        self.assertEqual(browser.text(".dump.received mark.first"), ["[0a]", "\u00b7"])
        self.click_row("client: failure")
        self.assertEqual(browser.text(".panel .dump.received mark.first"), ["[0a]", "\u00b7"])

    def test_what_is_hostile_is_text(self):
        self.open()
        case = next(c for c in self.cases() if c.startswith("</script>"))
        self.open_case(case)
        self.assertIn("server sends to client 43 bytes: </script><script>window.broken=1</script>\\r\\n", self.rows())
        self.assertIn("client: </script><script>window.broken=1</script>", self.rows())
        self.assertIn("client sends to server 3 bytes: 00 ff 80", self.rows())
        self.assertEqual(browser.value("document.querySelectorAll('img').length"), 0)

    def test_datagrams_paths_and_resets(self):
        self.open_case("datagrams")
        self.assertEqual(self.lanes(), ["server", "client"])
        self.assertIn("server receives from client 4 bytes: ping", self.rows())
        self.assertEqual(browser.text("text.unread"), [])
        self.open_case("a path")
        self.assertEqual(self.lanes(), ["server", "client"])
        self.assertIn("server receives from client 5 bytes: hello", self.rows())
        self.open_case("a reset, and what nobody reads")
        self.assertIn("client: resets", self.rows())
        self.assertIn("server: sees a reset", self.rows())
        self.assertEqual(browser.text("text.unread"), ["not read"])

    def test_the_matrix(self):
        self.open("#/conformance")
        self.assertEqual(browser.text(".levels tbody tr"), ["must1\u00b712", "should\u00b71\u00b71"])
        self.assertEqual(browser.text(".matrix thead th"), ["Requirement", "Level", "Case", "pass", "xfail", "fail"])
        self.assertEqual(browser.text(".matrix tbody code"), ["mail.3", "mail.2", "mail.10"])
        self.assertEqual(browser.text(".matrix tbody b"), ["RFC 5321 3.1", "RFC 5321 4.1.1.1", "RFC 5321 4.1.1.1"])
        self.assertEqual(browser.text(".matrix tbody .cell"),
                         ["", "\u25c7xfail", "", "\u2713pass", "", "", "", "", "\u2717fail"])
        self.assertEqual(browser.text(".matrix q"), ["A server MUST answer <EHLO> & more."])

    def test_durations(self):
        self.open("#/durations")
        slowest = browser.value("entries.filter(e => e.took).sort((a, b) => b.took - a.took).map(e => `${e.title} ${e.where}`)")
        self.assertEqual(browser.text(".bars .name"), [browser.run("return flat(arguments[0])", name) for name in slowest])
        self.assertEqual(browser.value("document.querySelector('.bar').style.width"), "100%")

    def test_light_and_dark(self):
        self.open()
        grounds = {}
        for _ in range(3):
            theme = browser.value("document.documentElement.dataset.theme")
            grounds[theme] = browser.value("getComputedStyle(document.body).color")
            browser.click("#theme")
        self.assertEqual(set(grounds), {"auto", "light", "dark"})
        self.assertNotEqual(grounds["light"], grounds["dark"])

    def test_it_can_be_printed(self):
        self.open_case("greeting and answer")
        path = os.path.join(self.folder.name, "page.pdf")
        browser.pdf(path)
        with open(path, "rb") as pdf:
            self.assertEqual(pdf.read(5), b"%PDF-")


class Ends(unittest.TestCase):
    """Runs that do not come to their end leave a page that is whole."""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def file(self, text):
        path = os.path.join(self.folder.name, "case.yaml")
        with open(path, "w", encoding="utf-8") as out:
            out.write(text)
        return path

    def look(self, page):
        browser.open(page)
        found = browser.text("#headline"), browser.text("#run")[0], browser.text(".case .badge")
        browser.click(".case")
        browser.wait("document.querySelector('.row')")
        rows = browser.value("[...document.querySelectorAll('g.row')].map(n => n.getAttribute('aria-label'))")
        self.assertEqual(browser.complaints(), [])
        return *found, " ".join(rows)

    def test_interrupted(self):
        page = os.path.join(self.folder.name, "page.html")
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            path = self.file("sockrun: 1\nactors:\n  client:\n    connect: tcp://127.0.0.1:%d\n"
                             "    steps: [{send: here}, {expect: never}]\n" % port)
            run = subprocess.Popen([sockrun, "run", "-q", "--report-html", page, path], stdout=subprocess.DEVNULL)
            server.settimeout(60)
            peer, _ = server.accept()
            with peer:
                self.assertEqual(peer.recv(4), b"here")
                run.send_signal(signal.SIGINT)
                self.assertEqual(run.wait(60), 130)
        headline, about, badges, rows = self.look(page)
        self.assertEqual(headline, ["\u27171 of 1 case did not pass"])
        self.assertIn("interrupted", about)
        self.assertEqual(badges, ["\u2026unfinished"])
        self.assertIn("client sends to 127.0.0.1:%d 4 bytes: here" % port, rows)

    def test_tries(self):
        path = self.file("sockrun: 1\nactors: {one: {steps: [{log: hello}, {check: 'false'}]}}\n")
        page = report(self.folder.name, ["--retry", "1", path], (4,))
        *_, rows = self.look(page)
        self.assertEqual(rows.count("one: hello"), 2)
        self.assertEqual(rows.count("try 1 has failed: it is run again"), 1)
        self.assertLess(rows.index("one: hello"), rows.index("try 1"))
        self.assertLess(rows.index("try 1"), rows.rindex("one: hello"))

    def test_a_child_that_died(self):
        path = self.file("sockrun: 1\nactors:\n  one:\n    steps:\n      - log: before\n      - run: [sh, -c, 'kill -9 $PPID']\n")
        page = report(self.folder.name, ["--allow-run", path], (3,))
        headline, _, badges, rows = self.look(page)
        self.assertEqual(headline, ["\u27171 of 1 case did not pass"])
        self.assertEqual(badges, ["\u2298error"])
        self.assertIn("one: before", rows)
        self.assertIn("failure", rows)


if __name__ == "__main__":
    sockrun = sys.argv.pop(1)
    why = missing()
    if why:
        print(f"skipped: {why}")
        sys.exit(SKIPPED)
    unittest.main()
