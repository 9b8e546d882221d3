"""Reads the events of `go test -json` and prints what a person wants of them: a line per
package, and everything about what failed. A test that skips itself fails here: in the
full run everything that a test may need is there.

usage: go test -json ... | gotest.py COUNTS

Writes "PASSED FAILED" into the file COUNTS, counted test by test, subtests included.
Exits 1 if anything failed.
"""

import collections
import json
import sys


class Run:
    def __init__(self):
        self.output = collections.defaultdict(list)  # (package, test) -> lines
        self.passed = 0
        self.failed = collections.Counter()  # package -> tests that failed or skipped

    def read(self, line):
        try:
            event = json.loads(line)
        except ValueError:  # the go command itself speaks, not a test
            print(line, end="")
            return
        package = event.get("Package") or event.get("ImportPath", "").split(" ")[0]
        test = event.get("Test")
        action = event["Action"]
        if action in ("output", "build-output"):
            self.output[package, test].append(event["Output"])
        elif action == "build-fail":
            self.show(package, None)
        elif test is not None and action in ("pass", "fail", "skip"):
            self.test(package, test, action)
        elif action in ("pass", "fail"):
            self.package(package, action, event)

    def test(self, package, test, action):
        if action == "pass":
            self.passed += 1
        else:
            self.failed[package] += 1
            word = "FAILED" if action == "fail" else "FAILED by skipping"
            print(f"{word}: {package} {test}")
            self.show(package, test)
        self.output.pop((package, test), None)

    def package(self, package, action, event):
        if action == "fail":
            if not self.failed[package]:  # it did not build, crashed, or ran out of time
                self.failed[package] = 1
                for key in [k for k in self.output if k[0] == package]:
                    self.show(*key)
            print(f"FAILED: {package}")
        else:
            print(f"ok {package} ({event.get('Elapsed', 0):.0f} s)", flush=True)

    def show(self, package, test):
        for line in self.output.pop((package, test), []):
            if not line.startswith(("=== ", "--- SKIP", "PASS")):
                print("    " + line, end="" if line.endswith("\n") else "\n")


def main():
    run = Run()
    for line in sys.stdin:
        run.read(line)
    failed = sum(run.failed.values())
    if not run.passed and not failed:
        print("FAILED: no test ran at all")
        failed = 1
    with open(sys.argv[1], "w") as counts:
        print(run.passed, failed, file=counts)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
