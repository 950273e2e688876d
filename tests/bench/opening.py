"""How long the page of 5,000 cases with 100,000 messages takes to open: opening.py SOCKRUN PAGE."""

import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "html"))
from browser import Browser, missing  # noqa: E402

FILES, CASES, ROUNDS, TRIES = 50, 100, 5, 5

CASE = """  - name: exchange {case} of file {file}
    id: exchange.{file}.{case}
    ref: RFC {file} {case}
    level: must
    actors:
      server:
        listen: tcp://127.0.0.1:0
        steps:
          - repeat: {rounds}
            steps: [{{expect: "ping {case}\\r\\n"}}, {{send: "pong {case}\\r\\n"}}]
          - expect_close
      client:
        connect: ${{server}}
        steps:
          - repeat: {rounds}
            steps: [{{send: "ping {case}\\r\\n"}}, {{expect: "pong {case}\\r\\n"}}]
          - close
"""


def make(sockrun, page):
    with tempfile.TemporaryDirectory() as folder:
        for file in range(FILES):
            with open(os.path.join(folder, f"file{file:02}.yaml"), "w", encoding="utf-8") as out:
                out.write("sockrun: 1\ncases:\n")
                out.writelines(CASE.format(file=file, case=case, rounds=ROUNDS) for case in range(CASES))
        subprocess.run([sockrun, "run", "-q", "--report-html", page, folder], check=True, stdout=subprocess.DEVNULL)


def main():
    why = missing()
    if why:
        print(f"  opening it was not measured: {why}")
        return
    make(*sys.argv[1:3])
    opened, case = [], []
    with Browser() as browser:
        for _ in range(TRIES):
            browser.open(sys.argv[2])
            opened.append(browser.value("performance.getEntriesByType('navigation')[0].loadEventEnd"))
            case.append(browser.run("const from = performance.now(); location.hash = '#/case/2500'; show();"
                                    "document.body.offsetHeight; return performance.now() - from;"))
        cases, messages = browser.value("[entries.length, entries.reduce((n, e) => n + e.messages, 0)]")
    size = os.path.getsize(sys.argv[2]) / 1e6
    print(f"a page of {cases:,} cases with {messages:,} messages ({size:.0f} MB), best of {TRIES}")
    print(f"  opens in             {min(opened):8.0f} ms         (aim: at most 2000)")
    print(f"  a case opens in      {min(case):8.0f} ms")


main()
