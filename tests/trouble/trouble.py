"""trouble.py SOCKRUN [TEST...]: what may befall a run, and what its reports are then. They are judged by programs that
know their forms; where one of those is not installed, that is said."""

import contextlib
import json
import os
import pathlib
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
REPORTS = HERE.parent / "report"
SCHEMA = HERE.parent.parent / "docs" / "report.schema.json"
PATIENCE = 60  # seconds; nothing here takes one of them on a machine that is idle
FORMS = ("junit", "tap", "json", "jsonl", "html")
SOCKRUN = ""


def judge(*argv):
    """What a program says that does not like what it reads, or None."""
    try:
        done = subprocess.run([str(a) for a in argv], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=PATIENCE)
    except FileNotFoundError:
        print(f"{argv[0]} is not there: not judged by it", file=sys.stderr)
        return None
    if done.returncode == 77:
        print(f"{argv} lacks something: not judged by it", file=sys.stderr)
        return None
    return done.stdout.decode(errors="replace")[:2000] if done.returncode else None


def validate_json(report):
    try:
        import jsonschema
    except ImportError:
        print("python3-jsonschema is not there: not judged by it", file=sys.stderr)
        return
    jsonschema.validate(report, json.loads(SCHEMA.read_text()), jsonschema.Draft7Validator)


class Trouble(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="sockrun-trouble-"))
        self.addCleanup(shutil.rmtree, self.folder)

    def command(self, *arguments, folder=None):
        reports = [f"--report-{form}={(folder or self.folder) / form}" for form in FORMS]
        return [SOCKRUN, "--results", str(self.folder / "results"), "--allow-run", *reports, *map(str, arguments)]

    def run_it(self, *arguments, code, **more):
        done = subprocess.run(self.command(*arguments), cwd=HERE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=PATIENCE, **more)
        said = done.stdout.decode(errors="surrogateescape")
        self.assertEqual(done.returncode, code, said[-3000:])
        return said

    def start(self, *arguments, **more):
        return subprocess.Popen(self.command(*arguments), cwd=HERE, **more)

    def judge_all(self, stopped=False, folder=None):
        """The JSON report, once all of them are judged; nothing but reports may be there."""
        folder = folder or self.folder
        self.assertIsNone(judge("xmllint", "--nonet", "--noout", "--huge", "--schema", REPORTS / "junit.xsd",
                                folder / "junit"))
        self.assertIsNone(judge(sys.executable, REPORTS / "check_tap.py", folder / "tap", *["stopped"] * stopped))
        lines = (folder / "jsonl").read_text(encoding="utf-8").split("\n")
        self.assertEqual(lines.pop(), "")
        self.assertEqual(json.loads(lines[-1])["event"], "run_end")
        for line in lines:
            json.loads(line)
        self.assertTrue((folder / "html").read_text(encoding="utf-8").endswith("</html>\n"))
        report = json.loads((folder / "json").read_text(encoding="utf-8"))
        validate_json(report)
        self.assertLessEqual({entry.name for entry in folder.iterdir()}, {*FORMS, "results", "mark"})
        return report

    def verdicts(self, report):
        return {case["case"]: case["verdict"] for file in report["files"] for case in file["cases"]}

    # What is in the reports

    def test_every_verdict(self):
        self.run_it("--retry=1", f"--var=mark={self.folder / 'mark'}", "verdicts.yaml", code=3)
        self.assertEqual(self.verdicts(self.judge_all()), {
            "passes": "pass", "fails": "fail", "breaks": "error", "is left out": "skip", "fails as it should": "xfail",
            "does not fail as it should": "xpass", "warns": "warn", "is flaky": "pass"})
        junit = (self.folder / "junit").read_text()
        for part in (' tests="8" failures="2" errors="1" skipped="2" ', "<flakyFailure ", '<skipped type="xfail" ',
                     '<skipped type="skip" ', '<property name="warning" ', '<property name="id" value="v.fail"/>',
                     '<testcase classname="verdicts" name="fails" file="verdicts.yaml" line="9" '):
            self.assertIn(part, junit)

    def test_names_are_unique(self):
        for name in ("a", "b"):
            (self.folder / name).mkdir()
            shutil.copy(HERE / "verdicts.yaml", self.folder / name)
            self.addCleanup(shutil.rmtree, self.folder / name)
        reports = self.folder / "reports"
        reports.mkdir()
        files = [self.folder / name / "verdicts.yaml" for name in ("a", "b")]
        for file in files:
            file.write_text(re.sub(" id: .*", " tags: [x]", file.read_text(), flags=re.M).replace("    tags: [smoke]\n", ""))
        subprocess.run(self.command("--repeat=3", "-q", *files, folder=reports), stdout=subprocess.DEVNULL, timeout=PATIENCE)
        self.judge_all(folder=reports)
        cases = re.findall(r'<testcase classname="([^"]*)" name="([^"]*)"', (reports / "junit").read_text())
        self.assertEqual((len(cases), len(set(cases))), (48, 48))
        shutil.rmtree(reports)

    def test_ten_megabytes(self):
        said = self.run_it("ten_megabytes.yaml", code=4)
        self.assertEqual(set(self.verdicts(self.judge_all()).values()), {"fail"}, said[:3000])
        self.assertLess(len(said), 1 << 20)
        self.assertNotIn("\33", said)
        for form in ("junit", "tap"):
            self.assertLess((self.folder / form).stat().st_size, 1 << 20, form)

    def test_two_cases_of_one_id(self):
        said = self.run_it("twins.yaml", code=2)
        for line in (4, 8):
            self.assertIn(f"twins.yaml:{line}:9: error: two cases have the id `twin`", said)
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_again(self):
        """The line that runs a case again runs that case, whatever it is called."""
        names = ["it's", "$(exit 9) `x` \"y\" \\ !!", "two\nlines", "\33[2J", "日本語 😀 e\u0301", "*", "[a] {b}", "-x", "#",
                 "x [n=1]", "x"]
        # What is written in JSON is YAML too.
        cases = [{"name": name, "actors": {"a": {"steps": [{"fail": f"number {i} ${{vars.odd}}"}]}}}
                 for i, name in enumerate(names)]
        odd = self.folder / "a 'folder'" / "-x.yaml"
        odd.parent.mkdir()
        odd.write_text(json.dumps({"sockrun": 1, "vars": {"odd": ""}, "cases": cases}, ensure_ascii=False), encoding="utf-8")
        command = [SOCKRUN, "--results", str(self.folder / "r"), "--var", "odd=a 'b' $c\t", "--", odd.name]
        said = subprocess.run(command, cwd=odd.parent, stdout=subprocess.PIPE, timeout=PATIENCE).stdout.decode()
        lines = re.findall(r"^   again          (.*)$", said, re.M)
        self.assertEqual(len(lines), len(names), said)
        if not shutil.which("bash"):
            self.skipTest("there is no bash")
        for i, line in enumerate(lines):
            done = subprocess.run(["bash", "-c", line], cwd=odd.parent, capture_output=True, timeout=PATIENCE)
            said = done.stdout.decode()
            self.assertEqual(done.returncode, 4, f"{line}\n{said}{done.stderr.decode()}")
            self.assertIn(f"number {i} a 'b' $c\\t", said, line)
            # A pattern fits more than itself.
            if names[i] not in ("*", "x"):
                self.assertIn("0 passed, 1 failed", said, line)

    def test_github_takes_no_commands(self):
        environment = {**os.environ, "GITHUB_ACTIONS": "true"}
        said = self.run_it("ten_megabytes.yaml", "verdicts.yaml", "-v", code=3, env=environment)
        first, *lines, last = [line for line in said.splitlines() if line.lstrip().startswith("::")]
        token = re.fullmatch("::stop-commands::([0-9a-f]{32})", first)[1]
        self.assertEqual(last, f"::{token}::")
        self.assertGreater(len(lines), 0)
        self.assertEqual(said.splitlines()[0], first)

    # What befalls the run

    def test_interrupted(self):
        for asked in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(asked.name):
                with self.start("waits.yaml", stdout=subprocess.PIPE) as run:
                    line = run.stdout.readline()
                    while not line.startswith(b"pass  "):
                        self.assertNotEqual(line, b"")
                        line = run.stdout.readline()
                    run.send_signal(asked)
                    rest = run.stdout.read()
                    self.assertEqual(run.wait(PATIENCE), 130, rest)
                report = self.judge_all(stopped=True)
                self.assertEqual(report["ended"], "interrupted")
                self.assertEqual(self.verdicts(report), {"is over": "pass"})
                running = {case["case"] for case in report.get("unfinished", [])}
                junit = (self.folder / "junit").read_text()
                self.assertEqual(junit.count('<error type="unfinished" message="interrupted">'), len(running))
                self.assertIn("Bail out! interrupted\n", (self.folder / "tap").read_text())

    def test_its_process_is_killed(self):
        self.run_it("killed.yaml", code=3)
        self.assertEqual(self.verdicts(self.judge_all()), {"before": "pass", "kills": "error", "after": "pass"})

    def test_the_reader_of_stdout_goes_away(self):
        for file, code in (("waits.yaml", 0), ("verdicts.yaml", 3)):
            with self.subTest(file):
                # None of it is read, and what was written into the pipe is lost.
                ends = os.pipe()
                arguments = ["-v", "--case=is over"] if code == 0 else ["-v"]
                os.close(ends[0])
                with self.start(*arguments, file, stdout=ends[1], stderr=subprocess.PIPE) as run:
                    os.close(ends[1])
                    said = run.stderr.read()
                    self.assertEqual(run.wait(PATIENCE), code, said)
                    self.assertEqual(said, b"")
                self.judge_all()

    def test_the_reader_of_a_report_goes_away(self):
        ends = os.pipe()
        os.close(ends[0])
        with self.start("--case=is over", "--report-tap=-", "waits.yaml", stdout=ends[1], stderr=subprocess.PIPE) as run:
            os.close(ends[1])
            said = run.stderr.read().decode()
            self.assertEqual(run.wait(PATIENCE), 3, said)
        self.assertIn("sockrun: cannot write standard output: Broken pipe\n", said)
        json.loads((self.folder / "json").read_text())

    def test_no_descriptor_to_write_to(self):
        for stream in ("stdout", "stderr"):
            with self.subTest(stream):
                closed = {"stdout": 1, "stderr": 2}[stream]
                other = {"stdout": "stderr", "stderr": "stdout"}[stream]
                with self.start("--case=is over", "waits.yaml", **{other: subprocess.PIPE},
                                preexec_fn=lambda: os.close(closed)) as run:
                    said = getattr(run, other).read()
                    self.assertEqual(run.wait(PATIENCE), 0, said)
                self.judge_all()

    # No room

    @contextlib.contextmanager
    def small_disk(self, size):
        if os.geteuid() != 0 or not shutil.which("mount"):
            self.skipTest("only root mounts")
        disk = self.folder / "disk"
        disk.mkdir()
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", disk], capture_output=True)
        if done.returncode:
            self.skipTest(done.stderr.decode())
        try:
            yield disk
        finally:
            subprocess.run(["umount", disk], check=True)
            disk.rmdir()

    def test_no_room_for_a_report(self):
        for form in FORMS:
            with self.subTest(form), self.small_disk("16k") as disk:
                (disk / form).write_text("of the run before\n")
                said = self.run_it(f"--report-{form}={disk / form}", "-q", "--repeat=30", "--case=fails", "--case=v.fail",
                                   "verdicts.yaml", code=3)
                self.assertIn(f"sockrun: cannot write {disk / form}: No space left on device\n", said)
                # What was there stays, and nothing else is left.
                self.assertEqual([entry.name for entry in disk.iterdir()], [form])
                self.assertEqual((disk / form).read_text(), "of the run before\n")
                for other in set(FORMS) - {form}:
                    self.assertGreater((self.folder / other).stat().st_size, 0)

    def test_a_limit_of_the_size_of_files(self):
        said = self.run_it("-q", "--repeat=30", "--case=v.fail", "verdicts.yaml", code=3,
                           preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192)))
        for form in FORMS:
            self.assertIn(f"sockrun: cannot write {self.folder / form}: File too large\n", said)
        self.assertIn("30 failed", said)
        self.assertLessEqual({entry.name for entry in self.folder.iterdir()}, {"results"})

    def test_a_folder_that_is_not_there(self):
        said = self.run_it(f"--report-tap={self.folder}/none/tap", "--case=is over", "waits.yaml", code=3)
        self.assertIn(f"sockrun: cannot write {self.folder}/none/tap: No such file or directory\n", said)
        json.loads((self.folder / "json").read_text())


if __name__ == "__main__":
    SOCKRUN = sys.argv.pop(1)
    unittest.main()
