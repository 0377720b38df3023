"""Policies that change while sessions run: swapped whole, at the next MAIL, and never for worse.

Which policy decided is told by two letters in its replies: one from policy.yaml, one from a list file beside it.
"""
import collections
import itertools
import signal
import threading
import time
import unittest

import daemon
import harness
import policies
import wire

POLICY = """\
version: 1
policy: swapped
lists:
  letters: {{ type: string, file: letters.txt }}
rules:
  - {{ id: rcpt-a, at: rcpt, when: 'rcpt.local == "probe" and "a" in lists.letters', action: reject, reply: "550 5.7.1 {0}a" }}
  - {{ id: rcpt-b, at: rcpt, when: 'rcpt.local == "probe" and "b" in lists.letters', action: reject, reply: "550 5.7.1 {0}b" }}
  - {{ id: routing, at: rcpt, when: rcpt.has_routing, action: reject, reply: "554 5.7.1 No routing" }}
  - {{ id: ours, at: rcpt, when: rcpt.domain not in lists.our_domains, action: reject, reply: "554 5.7.1 Not ours" }}
  - {{ id: data-a, at: data, when: 'rcpt.count > 3 and "a" in lists.letters', action: reject, reply: "554 5.7.1 {0}a" }}
  - {{ id: data-b, at: data, when: 'rcpt.count > 3 and "b" in lists.letters', action: reject, reply: "554 5.7.1 {0}b" }}
  - {{ id: message-a, at: message, when: 'message.size > 0B and "a" in lists.letters', action: reject, reply: "554 5.7.1 {0}a" }}
  - {{ id: message-b, at: message, when: 'message.size > 0B and "b" in lists.letters', action: reject, reply: "554 5.7.1 {0}b" }}
  - {{ id: clear, at: auth, when: not tls.active, action: reject, reply: "538 5.7.11 TLS first" }}
default: accept
allow_unauthenticated: "I understand"
"""

SWAPS = 100
# Of them so many by a changed list file, which is read after half a second of quiet.
BY_LIST = 30
# Sessions a second, begun by so many threads.
RATE, THREADS = 50, 12


def site():
    return policies.Site({"swapped": {"policy.yaml": POLICY.format("P"), "letters.txt": "a\n"}})


class Swapper:
    """Changes the policy of a site and knows when the daemon has taken it."""

    def __init__(self, one):
        self.site, self.policy, self.letter, self.taken = one, "P", "a", 0

    def swap(self, by_list):
        if by_list:
            self.letter = "b" if self.letter == "a" else "a"
            self.site.write("swapped/letters.txt", self.letter + "\n")
        else:
            self.policy = "Q" if self.policy == "P" else "P"
            self.site.write("swapped/policy.yaml", POLICY.format(self.policy))
            self.site.portreeve.child.process.send_signal(signal.SIGHUP)
        self.taken += 1
        harness.until(
            "the policy to be swapped", lambda: self.count("portreeve: reloaded") + self.count("policies read again") >= self.taken)

    def count(self, text):
        return self.site.said().count(text)

    @property
    def mark(self):
        return self.policy + self.letter


def marks(client, size):
    """One transaction, refused at each stage where the policy shows its letters; the letters in order."""
    found = []

    def refusal(command):
        code, lines = client.command(command) if isinstance(command, str) else client.data(command)
        if code // 100 != 5:
            raise AssertionError(f"{command!r}: {code} {lines}")
        found.append(lines[-1].split()[1])

    client.expect(250, "MAIL FROM:<someone@example.net>")
    refusal("RCPT TO:<probe@example.org>")
    client.expect(250, "RCPT TO:<bob@example.org>")
    refusal("RCPT TO:<probe@example.org>")
    if size:
        refusal(wire.message(b"x\r\n" * size))
    else:
        client.expect(250, "RCPT TO:<alice@example.org>")
        refusal("DATA")
        client.expect(250, "RSET")
    return found


@daemon.needed
class ReloadUnderLoad(unittest.TestCase):
    def test_sessions_never_break_and_no_transaction_sees_two_policies(self):
        one = site()
        self.addCleanup(one.stop)
        swapper, faults, seen = Swapper(one), [], collections.Counter()
        ending, lock = threading.Event(), threading.Lock()

        def session(number):
            try:
                with wire.Client(one.portreeve.mx, f"127.8.{number // 250 % 250}.{number % 250 + 1}", timeout=60) as client:
                    client.greet()
                    for size in (0, 100):
                        found = marks(client, size)
                        with lock:
                            seen[found[0]] += 1
                        if len(set(found)) != 1:
                            faults.append(f"session {number}: {found} in one transaction")
                    client.expect(221, "QUIT")
            except Exception as error:  # whatever it was, it broke a session
                faults.append(f"session {number}: {error!r}")

        def load(share):
            # A session takes much less than its share of time, so that together they keep the rate.
            start = time.monotonic()
            for number in itertools.count():
                if ending.is_set() or faults:
                    return
                session(THREADS * number + share)
                with lock:
                    sessions[0] += 1
                ending.wait(max(0.0, start + (number + 1) * THREADS / RATE - time.monotonic()))

        sessions = [0]
        threads = [threading.Thread(target=load, args=(share,)) for share in range(THREADS)]
        begun = time.monotonic()
        for thread in threads:
            thread.start()
        try:
            for number in range(SWAPS):
                swapper.swap(by_list=number % (SWAPS // BY_LIST) == 0 and number < BY_LIST * (SWAPS // BY_LIST))
                if faults:
                    break
                # So that every policy gets sessions: it stays until another few have begun.
                until = sessions[0] + 4
                harness.until("sessions under this policy", lambda: sessions[0] >= until or faults)
        finally:
            ending.set()
            for thread in threads:
                thread.join()
        self.assertEqual(faults, [])
        self.assertEqual(swapper.taken, SWAPS)
        self.assertEqual(set(seen), {"Pa", "Pb", "Qa", "Qb"}, "every policy decided")
        print(f"[{sessions[0]} sessions, {sessions[0] / (time.monotonic() - begun):.0f} a second, {SWAPS} swaps] ", end="")
        self.hashes_agree(one, sessions[0])

    def hashes_agree(self, one, sessions):
        """Each policy text has one hash in the log, and one transaction has one hash."""
        harness.until("the last session's end", lambda: len(one.logged(event__action="session-end")) >= sessions)
        texts = collections.defaultdict(set)
        for refusal in one.logged(event__action="refused"):
            texts[refusal["rule.version"]].add(refusal["smtp.reply.text"].split()[1])
        self.assertEqual(sorted(sorted(found) for found in texts.values()), [["Pa"], ["Pb"], ["Qa"], ["Qb"]])
        hashes = collections.defaultdict(list)
        for decision in one.logged():
            if decision["event.action"] in ("accepted", "refused"):
                hashes[decision["smtp.sid"]].append((decision["smtp.stage"], decision["rule.version"]))
        for sid, decisions in hashes.items():
            current = None
            for stage, version in decisions:
                current = version if stage == "mail" or current is None else current
                self.assertEqual(version, current, f"session {sid}: {decisions}")


@daemon.needed
class Reload(unittest.TestCase):
    def setUp(self):
        self.site = site()
        self.addCleanup(self.site.stop)
        self.swapper = Swapper(self.site)

    def client(self):
        client = wire.Client(self.site.portreeve.mx, harness.source())
        self.addCleanup(client.close)
        client.greet()
        return client

    def probe(self, client, mark):
        self.assertEqual(client.expect(550, "RCPT TO:<probe@example.org>")[-1].split()[1], mark)

    def test_a_session_in_flight_takes_the_new_policy_at_its_next_mail(self):
        for by_list in (False, True):
            client, old = self.client(), self.swapper.mark
            client.expect(250, "MAIL FROM:<someone@example.net>")
            self.probe(client, old)
            self.swapper.swap(by_list)
            self.probe(client, old)
            client.expect(250, "RSET")
            client.expect(250, "MAIL FROM:<someone@example.net>")
            self.probe(client, self.swapper.mark)

    def test_changed_files_are_read_without_a_signal(self):
        self.site.write("swapped/policy.yaml", POLICY.format("Q"))
        self.site.until_said("policies read again: swapped (")
        self.site.write("swapped/letters.txt", "# none of the others\nb\n")
        self.site.until_said("policies read again", 2)
        client = self.client()
        client.expect(250, "MAIL FROM:<someone@example.net>")
        self.probe(client, "Qb")

    def test_a_bad_file_leaves_the_old_policy_and_says_so(self):
        good = POLICY.format("Q")
        for file, text, complaint in (
                ("policy.yaml", good.replace("rcpt.count", "rcpt.cuont"), "E201"),
                ("policy.yaml", good.replace("default: accept\n", ""), "E302"),
                ("policy.yaml", good.replace("rcpt.domain not in lists.our_domains", "false"), "E401")):
            with self.subTest(complaint):
                before = self.swapper.count("policies changed, but have errors. The old ones stay.")
                self.site.write(f"swapped/{file}", text)
                self.site.until_said("policies changed, but have errors. The old ones stay.", before + 1)
                self.assertIn(f"[{complaint}]", self.site.said())
                self.assertIn("FAILED, the old configuration stays in use", self.site.status())
                client = self.client()
                client.expect(250, "MAIL FROM:<someone@example.net>")
                self.probe(client, "Pa")
        # A signal finds the same.
        self.site.portreeve.child.process.send_signal(signal.SIGHUP)
        self.site.until_said("not reloaded: the configuration has errors. The old configuration stays.")
        self.site.write("swapped/policy.yaml", good)
        self.site.until_said("policies read again: swapped (")
        self.assertNotIn("FAILED", self.site.status())
        client = self.client()
        client.expect(250, "MAIL FROM:<someone@example.net>")
        self.probe(client, "Qa")

    def test_a_bad_list_file_leaves_the_old_list(self):
        self.site.write("swapped/letters.txt", "b until tomorrow\n")
        self.site.until_said("The old ones stay.")
        self.assertIn("letters.txt:1:", self.site.said())
        client = self.client()
        client.expect(250, "MAIL FROM:<someone@example.net>")
        self.probe(client, "Pa")


if __name__ == "__main__":
    unittest.main()
