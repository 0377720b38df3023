"""The systemd unit is valid and tight, and sync-certs never leaves a key without its certificate."""
import os
import re
import unittest

import harness

SYSTEMD = harness.REPOSITORY / "packaging" / "systemd"

# The most that systemd-analyze may count, in tenths; haproxy's unit on Debian 12 has 88. The firewall's helper is root,
# has network privileges and netlink, which is what it is for.
UNITS = {"portreeve.service": 20, "portreeve-firewall.service": 26}


class Unit(unittest.TestCase):
    @harness.needs("systemd-analyze")
    def test_systemd_finds_no_fault_in_the_units(self):
        for name in UNITS:
            with self.subTest(unit=name):
                root = harness.place("unit")
                text = (SYSTEMD / name).read_text()
                for path in sorted(set(re.findall(r"(/usr/(?:sbin|libexec)/\S+)", text))):
                    there = root / path.lstrip("/")
                    there.parent.mkdir(parents=True, exist_ok=True)
                    there.write_text("#!/bin/sh\n")
                    there.chmod(0o755)
                    text = text.replace(path, str(there))
                text = re.sub(r"^Documentation=.*\n", "", text, flags=re.M)
                (root / name).write_text(text)
                done = harness.run("systemd-analyze", "verify", "--man=no", "--recursive-errors=no", root / name)
                self.assertEqual((done.returncode, done.stdout), (0, ""))

    @harness.needs("systemd-analyze")
    def test_the_units_are_hardened(self):
        for name, exposure in UNITS.items():
            with self.subTest(unit=name):
                done = harness.run(
                    "systemd-analyze", "security", "--offline=yes", f"--threshold={exposure}", "--no-pager",
                    SYSTEMD / name)
                self.assertEqual(done.returncode, 0, done.stdout[-500:])

    def test_the_gateways_unit_holds_one_capability(self):
        text = (SYSTEMD / "portreeve.service").read_text()
        self.assertEqual(set(re.findall(r"CAP_\w+", text)), {"CAP_NET_BIND_SERVICE"})

    def test_the_firewalls_unit_comes_before_the_network_and_after_other_rules(self):
        text = (SYSTEMD / "portreeve-firewall.service").read_text()
        self.assertRegex(text, r"(?m)^After=.*\bnftables\.service\b")
        self.assertRegex(text, r"(?m)^Before=.*\bnetwork-pre\.target\b")
        self.assertRegex(text, r"(?m)^Wants=.*\bnetwork-pre\.target\b")
        bounds = re.search(r"(?m)^CapabilityBoundingSet=(.*)$", text).group(1).split()
        self.assertEqual(set(bounds), {"CAP_NET_ADMIN", "CAP_CHOWN"})

    def test_the_firewalls_unit_confines_what_its_own_filter_does_not(self):
        text = (SYSTEMD / "portreeve-firewall.service").read_text()
        for line in ("NoNewPrivileges=yes", "SystemCallFilter=@system-service", "SystemCallArchitectures=native",
                     "MemoryDenyWriteExecute=yes", "ProtectSystem=strict", "RestrictNamespaces=yes",
                     "RestrictAddressFamilies=AF_UNIX AF_NETLINK AF_INET AF_INET6", "ExecReload=/bin/kill -HUP $MAINPID"):
            self.assertIn(f"\n{line}\n", text)


@harness.needs_root
class SyncCerts(unittest.TestCase):
    def setUp(self):
        self.root = harness.place("certs")
        self.target = self.root / "tls"
        self.first, self.second = self.root / "mail.example.org", self.root / "example.net"
        for folder in (self.first, self.second):
            folder.mkdir()
            harness.certificate(folder, folder.name)

    def sync(self, *folders):
        words = " ".join(str(folder) for folder in folders)
        return harness.run(SYSTEMD / "sync-certs", env=os.environ | {
            "CERTIFICATES": words, "TLS_DIRECTORY": str(self.target), "TLS_GROUP": "nogroup"})

    def same(self, folder, copy):
        return all((folder / name).read_bytes() == (copy / name).read_bytes() for name in ("fullchain.pem", "privkey.pem"))

    def test_every_pair_is_copied_and_the_first_is_the_default(self):
        done = self.sync(self.first, self.second)
        self.assertEqual((done.returncode, done.stdout), (0, ""))
        self.assertTrue(self.same(self.first, self.target))
        self.assertTrue(self.same(self.second, self.target / "example.net"))

    def test_only_root_writes_and_the_group_reads(self):
        self.sync(self.first)
        key = self.target / "privkey.pem"
        self.assertEqual((key.stat().st_mode & 0o777, key.owner(), key.group()), (0o640, "root", "nogroup"))
        self.assertEqual(self.target.stat().st_mode & 0o777, 0o750)

    def test_symbolic_links_are_followed(self):
        live = self.root / "live"
        live.mkdir()
        for name in ("fullchain.pem", "privkey.pem"):
            (live / name).symlink_to(self.first / name)
        self.assertEqual(self.sync(live).returncode, 0)
        self.assertFalse((self.target / "privkey.pem").is_symlink())

    def test_a_key_of_another_certificate_leaves_the_old_pair(self):
        self.sync(self.first)
        before = (self.target / "privkey.pem").read_bytes()
        (self.first / "privkey.pem").write_bytes((self.second / "privkey.pem").read_bytes())
        done = self.sync(self.first, self.second)
        self.assertEqual(done.returncode, 1)
        self.assertIn("do not belong together", done.stdout)
        self.assertEqual((self.target / "privkey.pem").read_bytes(), before)
        self.assertTrue(self.same(self.second, self.target / "example.net"))

    def test_nothing_to_copy_is_no_error(self):
        self.assertEqual(self.sync().returncode, 0)


class Fragments(unittest.TestCase):
    @harness.needs("systemd-sysusers", "systemd-tmpfiles")
    def test_user_and_directories_are_understood_by_systemd(self):
        root = harness.place("sysroot")
        (root / "etc").mkdir()
        users = harness.run("systemd-sysusers", f"--root={root}", SYSTEMD / "portreeve.sysusers.conf")
        self.assertEqual(users.returncode, 0, users.stdout)
        self.assertRegex((root / "etc/passwd").read_text(), r"(?m)^_portreeve:.*:/usr/sbin/nologin$")
        made = harness.run("systemd-tmpfiles", f"--root={root}", "--create", SYSTEMD / "portreeve.tmpfiles.conf")
        self.assertEqual(made.returncode, 0, made.stdout)
        self.assertTrue((root / "run/portreeve-tls").is_dir())
        self.assertTrue((root / "var/lib/portreeve").is_dir())


class Setup(unittest.TestCase):
    """scripts/setup on a machine that lacks packages: what it says and how it ends, with a stand-in for dpkg-query."""

    def setUp(self):
        self.bin = harness.place("setup")
        self.fake("id", "echo 1000")
        self.fake("swift", "echo 'Swift version 6.3.1 (swift-6.3.1-RELEASE)'")

    def fake(self, name, script):
        file = self.bin / name
        file.write_text(f"#!/bin/sh\n{script}\n")
        file.chmod(0o755)

    def setup(self, *arguments):
        return harness.run(
            harness.REPOSITORY / "scripts/setup", *arguments, env=os.environ | {"PATH": f"{self.bin}:{os.environ['PATH']}"})

    def lacking(self, package):
        self.fake("dpkg-query", f'case "$*" in *" {package}") exit 1 ;; *) echo installed ;; esac')

    def test_a_build_package_that_is_missing_ends_it(self):
        self.lacking("libssl-dev")
        done = self.setup()
        self.assertEqual(done.returncode, 1)
        self.assertIn("apt-get install libssl-dev", done.stdout)

    def test_a_test_package_that_is_missing_is_only_said(self):
        self.lacking("swaks")
        done = self.setup()
        self.assertEqual(done.returncode, 0)
        self.assertIn("apt-get install swaks", done.stdout)
        self.assertEqual(self.setup("--build-only").stdout, "")

    def test_an_old_swift_ends_it(self):
        self.fake("swift", "echo 'Swift version 6.2.4 (swift-6.2.4-RELEASE)'")
        done = self.setup("--build-only")
        self.assertEqual(done.returncode, 1)
        self.assertIn("needs 6.3", done.stdout)


if __name__ == "__main__":
    unittest.main()
