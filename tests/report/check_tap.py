"""check_tap.py FILE [stopped]: reads a report with a TAP 14 parser (tap-parser of node-tap) and its diagnostics with
PyYAML. Ends with 0 if both understand all of it, 77 if one of them is not installed. A run that was stopped may have
fewer tests than planned, and must bail out."""

import json
import os
import re
import subprocess
import sys

NOT_INSTALLED = 77

try:
    import yaml
except ImportError:
    sys.exit(NOT_INSTALLED)


def parse(path):
    environment = {"NODE_PATH": "/usr/share/nodejs", **os.environ}
    try:
        with open(path, "rb") as report:
            done = subprocess.run(["tap-parser", "--json"], stdin=report, capture_output=True, env=environment)
    except FileNotFoundError:
        sys.exit(NOT_INSTALLED)
    if b"MODULE_NOT_FOUND" in done.stderr:
        sys.exit(NOT_INSTALLED)
    return json.loads(done.stdout)


def complaints(events, stopped, depth=0):
    """Lines that are no TAP, and what does not fit together: a plan and its tests, a subtest and its result."""
    child_ok = None
    for kind, *rest in events:
        if kind == "extra":
            yield f"no TAP: {rest[0]!r}"
        elif kind == "child":
            yield from complaints(rest[0], stopped, depth + 1)
            child_ok = next(r[0]["ok"] for k, *r in rest[0] if k == "complete")
        elif kind == "assert":
            if rest[0].get("tapError"):
                yield f"{rest[0]['tapError']}: {rest[0]}"
            if depth == 0 and child_ok != rest[0]["ok"]:
                yield f"a subtest and its result differ: {rest[0]}"
            child_ok = None
        elif kind == "complete" and not stopped:
            for failure in rest[0]["failures"]:
                if failure.get("tapError"):
                    yield str(failure)
    if depth == 0 and stopped != any(kind == "bailout" for kind, *_ in events):
        yield "it bails out where it should not, or the other way round"


def blocks(text):
    lines = iter(text.split("\n"))
    for line in lines:
        begin = re.fullmatch(r"( +)---", line)
        if not begin:
            continue
        block = []
        for line in lines:
            if line == begin[1] + "...":
                break
            assert line.startswith(begin[1]), f"{line!r} is not part of the block"
            block.append(line[len(begin[1]):])
        yield "\n".join(block) + "\n"


def main():
    path, stopped = sys.argv[1], sys.argv[2:] == ["stopped"]
    wrong = list(complaints(parse(path), stopped))
    with open(path, encoding="utf-8", newline="\n") as report:
        text = report.read()
    if not text.startswith("TAP version 14\n"):
        wrong.append("there is no version")
    for block in blocks(text):
        diagnostics = yaml.safe_load(block)
        if not isinstance(diagnostics["message"], str) or not isinstance(diagnostics["severity"], str):
            wrong.append(f"no message or severity: {diagnostics}")
    print("\n".join(wrong), end="\n" if wrong else "")
    return len(wrong) > 0


if __name__ == "__main__":
    sys.exit(main())
