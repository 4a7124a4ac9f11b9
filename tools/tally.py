#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Sum up a test run: `N passed, N failed`. A skipped test is a failed one, and so is a suite without tests.

tally.py QUICK RESULTS: QUICK is yes or no, RESULTS the folder with system.xml and lint.
"""

import json
import pathlib
import re
import sys
import xml.etree.ElementTree as ElementTree


class Tally:
    def __init__(self):
        self.passed = self.failed = 0

    def count(self, suite, passed, failed):
        if passed + failed == 0:
            print(f"{suite}: no tests ran")
            failed = 1
        self.passed += passed
        self.failed += failed


def meson_suite(path):
    """(passed, failed). A program that says how many of its cases did counts as so many: cmocka, vector-run."""
    passed = failed = 0
    if not path.exists():
        return 0, 0
    for line in path.read_text().splitlines():
        test = json.loads(line)
        output = test.get("stdout", "") + test.get("stderr", "")

        def cases(word):
            return sum(int(n) for n in re.findall(rf"\[ +{word} +\] (\d+) test\(s\)", output))
        good, bad = cases("PASSED"), cases("FAILED") + cases("SKIPPED")
        for said in re.findall(r"^\w+: (\d+) passed, (\d+) failed$", output, re.MULTILINE):
            good, bad = good + int(said[0]), bad + int(said[1])
        if test["result"] != "OK":
            bad = max(bad, 1)
        elif good + bad == 0:
            good = 1
        passed += good
        if bad:
            print(f"{test['name']}: {bad} failed or skipped")
        failed += bad
    return passed, failed


def pytest_suite(path):
    if not path.exists():
        return 0, 0
    total = failed = 0
    for suite in ElementTree.parse(path).getroot().iter("testsuite"):
        total += int(suite.get("tests"))
        failed += sum(int(suite.get(kind)) for kind in ["failures", "errors", "skipped"])
    return max(total - failed, 0), failed


def main(quick, results):
    tally = Tally()
    tally.count("unit", *meson_suite(pathlib.Path("build-asan/meson-logs/unit.json")))
    if quick == "no":
        tally.count("kernel", *meson_suite(pathlib.Path("build/meson-logs/kernel.json")))
        tally.count("system", *pytest_suite(pathlib.Path(results, "system.xml")))
    verdicts = [line.split()[0] for line in pathlib.Path(results, "lint").read_text().splitlines()]
    tally.count("lint", verdicts.count("passed"), verdicts.count("failed"))
    print(f"{tally.passed} passed, {tally.failed} failed")
    return 1 if tally.failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
