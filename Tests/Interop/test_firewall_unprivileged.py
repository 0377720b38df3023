"""The tests of packets without root: in a user namespace, where whoever made it may make networks."""
import os
import pathlib
import shutil
import sys
import unittest

import firewall
import harness

HERE = pathlib.Path(__file__).resolve().parent
# The running one may stand where nobody may enter.
PYTHON = shutil.which("python3", path="/usr/bin:/bin") or sys.executable
MODULES = ("test_firewall_packets", "test_firewall_interception")
ENTER = ("unshare", "--user", "--map-root-user", "--net", "--mount", "--pid", "--fork", "--mount-proc")


def as_nobody(*words):
    """The words, run by somebody who is not root."""
    if os.geteuid() != 0:
        return list(words)
    return ["setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups", *words]


def why_not():
    if not firewall.PROGRAM.exists():
        return f"not built: {firewall.PROGRAM}"
    if not harness.program("unshare"):
        return "not installed: unshare"
    tried = harness.run(*as_nobody(*ENTER, "true"))
    return f"no user namespaces here: {tried.stdout.strip()}" if tried.returncode else None


class Unprivileged(unittest.TestCase):
    @unittest.skipIf(why_not(), why_not())
    def test_packets_meet_the_same_rules_without_root(self):
        # Programs and tests where nobody may read them.
        place = harness.place("unprivileged")
        programs = place / "bin"
        programs.mkdir()
        for name in ("portreeve", "portreeve-firewall"):
            source = firewall.PROGRAM.with_name(name)
            if source.exists():
                shutil.copy(source, programs)
        tests = place / "repository" / "Tests" / "Interop"
        tests.mkdir(parents=True)
        for file in HERE.glob("*.py"):
            shutil.copy(file, tests)
        temporary = place / "tmp"
        temporary.mkdir(mode=0o777)
        temporary.chmod(0o777)
        script = f"mount -t tmpfs tmpfs /run && mkdir /run/netns && exec {PYTHON} {tests}/run.py {' '.join(MODULES)}"
        done = harness.run(
            *as_nobody(*ENTER, "sh", "-c", script), patience=300,
            env=os.environ | {"PORTREEVE": str(programs / "portreeve"), "TMPDIR": str(temporary), "HOME": "/tmp"})
        self.assertEqual(done.returncode, 0, done.stdout[-4000:])
        self.assertRegex(done.stdout, r"RESULT \d\d+ tests, 0 failed, 0 skipped")


if __name__ == "__main__":
    unittest.main()
