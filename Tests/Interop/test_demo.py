"""The command line as people meet it: the demonstration, exit statuses, status and reload of a running daemon."""
import json
import random
import re
import unittest

import daemon
import harness


def demo(*arguments):
    """`portreeve demo` with ports of its own; a base that is taken is no failure of the program's."""
    for base in random.sample(range(20000, 32000), 20):
        done = harness.run(daemon.PROGRAM, "demo", "--port-base", str(base), *arguments)
        if "EADDRINUSE" not in done.stdout:
            return done
    raise harness.Unmet("no free ports for the demonstration")


@daemon.needed
class Demo(unittest.TestCase):
    def test_every_session_goes_as_it_should_and_the_messages_are_kept(self):
        folder = harness.place("demo")
        done = demo("--once", "--folder", str(folder))
        self.assertEqual(done.returncode, 0, done.stdout)
        rows = re.findall(r"^\d+ +(\S.*?)  +(\S.*?)  +(\d{3}) \d", done.stdout, re.M)
        self.assertEqual(
            [(decider, code) for _, decider, code in rows],
            [
                ("submission/tls-required", "530"), ("submission/tls-before-login", "538"),
                ("submission/auth-required", "530"), ("the mail server", "535"), ("the mail server", "250"),
                ("the mail server", "250"), ("protocol/bytes-behind-starttls", "554"), ("inbound/no-relay", "554"),
                ("protocol", "500"), ("protocol/bare-newline", "550"), ("the mail server", "250"),
            ])
        self.assertEqual(len(list((folder / "mail").glob("*.eml"))), 3)
        self.assertIn("X-Login: alice", (folder / "mail" / "0001.eml").read_text())

    def test_no_colours_and_no_password_where_nobody_looks(self):
        folder = harness.place("demo")
        done = demo("--once", "--folder", str(folder))
        self.assertNotIn("\x1b", done.stdout)
        self.assertNotIn("secret", (folder / "decisions.log").read_text())


@daemon.needed
class Commands(unittest.TestCase):
    def test_exit_statuses(self):
        for arguments, status in (
            (["--version"], 0), (["--help"], 0), ([], 2), (["frobnicate"], 2), (["run"], 2), (["doctor"], 2),
            (["check", "/nonexistent"], 1), (["run", "-c", "/nonexistent"], 1),
            (["status", "--socket", "/nonexistent"], 1),
        ):
            self.assertEqual(harness.run(daemon.PROGRAM, *arguments).returncode, status, arguments)

    def test_status_and_reload_of_a_running_daemon(self):
        one = daemon.Portreeve(lambda root, ports: daemon.example(root, 9, 9, ports))
        try:
            socket = str(one.root / "control.sock")
            status = harness.run(daemon.PROGRAM, "status", "--json", "--socket", socket)
            self.assertEqual(status.returncode, 0, status.stdout)
            report = json.loads(status.stdout)
            self.assertEqual(
                sorted(listener["name"] for listener in report["listeners"]), ["mx", "submission", "submissions"])
            text = harness.run(daemon.PROGRAM, "status", "-c", str(one.file)).stdout
            self.assertIn(f"127.0.0.1:{one.submission}", text)
            good = harness.run(daemon.PROGRAM, "reload", "--socket", socket)
            self.assertEqual(good.returncode, 0, good.stdout)
            one.file.write_text(one.file.read_text() + "colour: blue\n")
            bad = harness.run(daemon.PROGRAM, "reload", "--socket", socket)
            self.assertEqual(bad.returncode, 1, bad.stdout)
            self.assertIn("unknown key 'colour'", bad.stdout)
        finally:
            one.stop()


if __name__ == "__main__":
    unittest.main()
