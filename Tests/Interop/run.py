#!/usr/bin/env python3
"""Runs the interop tests and counts what was skipped, with the reason.

    run.py [-k PATTERN] [MODULE...]

Each skip is a line "SKIP test: reason", the last line is "RESULT n tests, ..."; exits 1 if a test failed, and if none ran.
"""
import argparse
import collections
import pathlib
import signal
import sys
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent


class Result(unittest.TextTestResult):
    """One line for each test, with its seconds."""

    def startTest(self, test):
        self.started = time.monotonic()
        super().startTest(test)

    def addSuccess(self, test):
        unittest.TestResult.addSuccess(self, test)
        self.stream.writeln(f"ok ({time.monotonic() - self.started:.1f} s)")
        self.stream.flush()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("-k", action="append", dest="patterns")
    parser.add_argument("modules", nargs="*")
    options = parser.parse_args()
    sys.path.insert(0, str(HERE))
    # So that fixtures are ended when we are.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))

    loader = unittest.TestLoader()
    if options.patterns:
        loader.testNamePatterns = [f"*{pattern}*" for pattern in options.patterns]
    names = options.modules or [file.stem for file in sorted(HERE.glob("test_*.py"))]
    suite = loader.loadTestsFromNames([pathlib.Path(name).name.removesuffix(".py") for name in names])
    result = unittest.TextTestRunner(stream=sys.stdout, verbosity=2, resultclass=Result).run(suite)

    # Skips with one reason are one line: a missing program would else hide the rest.
    reasons = collections.defaultdict(list)
    for test, reason in result.skipped:
        reasons[reason].append(test.id() if isinstance(test, unittest.TestCase) else str(test))
    for reason, tests in reasons.items():
        more = f" and {len(tests) - 1} more" if len(tests) > 1 else ""
        print(f"SKIP {tests[0]}{more}: {reason}")
    bad = len(result.failures) + len(result.errors) + len(result.unexpectedSuccesses)
    print(f"RESULT {result.testsRun} tests, {bad} failed, {len(result.skipped)} skipped")
    return 0 if result.wasSuccessful() and result.testsRun else 1


if __name__ == "__main__":
    sys.exit(main())
