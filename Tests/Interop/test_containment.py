"""Bans, guessed passwords, stolen accounts: over the wire, with clients from everywhere by way of PROXY headers."""
import base64
import http.server
import json
import pathlib
import re
import signal
import threading
import unittest

import daemon
import harness
import postfix
import scripted
import wire

OWNER = "203.0.113.1"


def judge(line):
    """A backend that takes the password `secret` and no other."""
    words = line.split()
    token = base64.b64decode(words[2]) if len(words) > 2 else b""
    return b"235 2.7.0 in\r\n" if token.endswith(b"\0secret") else b"535 5.7.8 no\r\n"


POLICY = """\
version: 1
policy: contain
mode: enforce
allow_unauthenticated: "I understand"
allow_open_relay: "I understand"
rules:
  - id: stolen
    at: mail
    when: auth.ok and auth.distinct_nets > 5
    action: defer
    reply: "450 4.7.1 Too many places at once"
    ban: { for: 1h, what: user }
    notify: true
default: accept
"""


class Contained(unittest.TestCase):
    """A daemon whose clients come from wherever their PROXY header says, with its state in a file."""

    extra = ""

    @classmethod
    def setUpClass(cls):
        cls.backend = scripted.Backend({"AUTH": judge})
        cls.addClassCleanup(cls.backend.stop)
        cls.portreeve = daemon.Portreeve(cls.configuration)

    @classmethod
    def tearDownClass(cls):
        cls.portreeve.stop()

    @classmethod
    def configuration(cls, root, ports):
        (root / "contain").mkdir(exist_ok=True)
        (root / "contain" / "policy.yaml").write_text(POLICY)
        (root / "state").mkdir(exist_ok=True)
        harness.shutil.chown(root / "state", "nobody") if harness.os.geteuid() == 0 else None
        text = daemon.example(
            root, cls.backend.mx, cls.backend.submit, ports, protocol={"auth_fail_delay": "0s"},
            listener=", proxy_from: [127.0.0.0/8]")
        text = text.replace("policies: [submission]", "policies: [contain, submission]")
        text = re.sub(r"^policies:.*\n", "", text, flags=re.M)
        return f"{text}\npolicies: [contain]\nstate: {{ path: state/limits.state }}\n{cls.extra}\n"

    def connect(self, address, port=None):
        client = wire.Client(port or self.portreeve.submissions, "127.0.0.1")
        self.addCleanup(client.close)
        client.send(wire.proxy_v2(address))
        return client

    def session(self, address):
        """A client from there, inside TLS and greeted."""
        client = self.connect(address)
        client.secure(implicit=True)
        client.greet()
        return client

    def login(self, address, user="alice@example.org", password="secret"):
        """The code of the reply to one login in a session of its own."""
        with self.session(address) as client:
            return client.login(user, password)[0]

    def turned_away(self, address):
        """Whether a connection from there gets 421 instead of a greeting."""
        with self.connect(address, self.portreeve.mx) as client:
            return client.reply()[0] == 421

    def command(self, *words, code=0):
        done = harness.run(daemon.PROGRAM, *words, "-c", self.portreeve.file)
        self.assertEqual(done.returncode, code, done.stdout)
        return done.stdout

    def bans(self):
        return {ban["subject"]: ban for ban in json.loads(self.command("bans", "list", "--json"))}


@daemon.needed
class Bans(Contained):
    def test_a_net_that_guesses_is_banned_and_lifted_by_one_command(self):
        guesser, other = "198.51.100.7", "198.51.100.8"
        with self.session(guesser) as client:
            for number in range(10):
                self.assertEqual(client.login(f"user{number}@example.org", "one")[0], 535)
        with self.session(guesser) as client:
            for number in range(10):
                self.assertEqual(client.login(f"user{number}@example.org", "two")[0], 535)
            self.assertEqual(client.login("user0@example.org", "three")[0], 421)
        self.assertTrue(self.turned_away(guesser))
        self.assertFalse(self.turned_away(other))
        self.assertEqual(self.login(other, "bob@example.org"), 235)
        ban = self.bans()[guesser]
        self.assertEqual((ban["kind"], ban["reason"]), ("client", "submission/login-bruteforce"))
        self.assertTrue(1700 < ban["seconds_left"] <= 1800)
        self.assertRegex(self.command("bans"), rf"(?m)^client +{guesser} +29 min.* submission/login-bruteforce$")
        self.portreeve.log.wait(rf"ban: client {guesser}/32 for 1800 s; began, rule=submission/login-bruteforce")
        self.command("bans", "remove", guesser)
        self.assertFalse(self.turned_away(guesser))
        self.command("bans", "remove", guesser, code=1)
        self.portreeve.log.wait(rf"by command: lifted the ban of {guesser}")

    def test_an_operator_bans_a_net_and_holds_an_account(self):
        self.command("bans", "add", "198.19.7.0/24", "--for", "2h", "--reason", "asked by the abuse desk")
        self.assertTrue(self.turned_away("198.19.7.77"))
        self.assertFalse(self.turned_away("198.19.8.77"))
        self.assertTrue(self.bans()["198.19.7.0/24"]["manual"])
        self.command("bans", "add", "carol@example.org")
        before = self.backend.verbs.count("AUTH")
        for password in ("secret", "wrong"):
            self.assertEqual(self.login("203.0.113.50", "carol@example.org", password), 454)
        self.assertEqual(self.backend.verbs.count("AUTH"), before)
        self.command("bans", "remove", "carol@example.org")
        self.assertEqual(self.login("203.0.113.50", "carol@example.org"), 235)
        self.command("bans", "remove", "198.19.7.0/24")

    def test_our_own_addresses_are_never_banned(self):
        for words in (["127.0.0.1"], ["127.3.0.0/16"], ["0.0.0.0/0"], ["::1"]):
            self.assertIn("never banned", self.command("bans", "add", *words, code=1))
        self.assertIn("is nobody", self.command("bans", "add", "", code=1))

    def test_limits_are_shown_and_reset(self):
        guesser = "198.51.100.99"
        with self.session(guesser) as client:
            for number in range(10):
                self.assertEqual(client.login("dave@example.org", f"guess {number}")[0], 535)
            self.assertEqual(client.login("dave@example.org")[0], 454)
        report = json.loads(self.command("limits", "get", "dave@example.org", "--json"))
        found = {bucket["limit"]: bucket for bucket in report["buckets"]}
        self.assertEqual(found["submission/pair_failures"]["remaining"], 0)
        self.assertEqual(found["submission/user_failures"]["remaining"], 50)
        self.assertIn("submission/pair_failures", self.command("limits"))
        self.command("limits", "reset", "dave@example.org")
        self.command("limits", "get", "dave@example.org", code=1)
        self.assertEqual(self.login(guesser, "dave@example.org"), 235)


@daemon.needed
class Guessing(Contained):
    ADDRESSES, EACH = 1000, 10

    def test_ten_thousand_guesses_from_a_thousand_addresses_leave_the_owner_in(self):
        self.assertEqual(self.login(OWNER), 235)
        self.backend.forget()
        owner = 0
        for number in range(self.ADDRESSES):
            with self.session(f"198.18.{number // 250}.{number % 250 + 1}") as client:
                for guess in range(self.EACH):
                    code = client.login(password=f"guess {number} {guess}")[0]
                    self.assertIn(code, (535, 454))
            if number % 50 == 0:
                self.assertEqual(self.login(OWNER), 235)
                owner += 1
        reached = self.backend.verbs.count("AUTH") - owner
        # 60 at once and 30 an hour: the run lasts minutes at most.
        self.assertGreaterEqual(reached, 60)
        self.assertLessEqual(reached, 60 + 15)
        self.assertEqual(self.login(OWNER), 235)
        self.assertEqual(self.login("203.0.113.99", "bob@example.org"), 235)


class Hook(http.server.ThreadingHTTPServer):
    """A web server that remembers what it was posted."""

    def __init__(self):
        self.posted = []
        hook = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                hook.posted.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_):
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()


@daemon.needed
class Stolen(Contained):
    @classmethod
    def setUpClass(cls):
        cls.hook = Hook()
        cls.addClassCleanup(cls.hook.server_close)
        cls.addClassCleanup(cls.hook.shutdown)
        url = f"http://127.0.0.1:{cls.hook.server_address[1]}/alert"
        cls.extra = f'notify: {{ webhook: "{url}", mail: postmaster@example.org, backend: submit }}'
        super().setUpClass()

    def send(self, address):
        """Logs in from there and tries to send; the codes of login and MAIL."""
        with self.session(address) as client:
            login = client.login()[0]
            return login, client.command("MAIL FROM:<alice@example.org>")[0] if login == 235 else None

    def test_an_account_that_is_used_from_fifty_nets_is_held_and_the_operator_told_once(self):
        self.backend.forget()
        results = [self.send(f"198.18.0.{number}") for number in range(1, 51)]
        self.assertEqual(results[:5], [(235, 250)] * 5)
        self.assertEqual(results[5], (235, 450))
        self.assertEqual(results[6:], [(454, None)] * 44)
        harness.until("the webhook is called", lambda: self.hook.posted)
        self.backend.wait("EOD")
        self.assertEqual(len(self.hook.posted), 1)
        told = self.hook.posted[0]
        self.assertEqual(told["rule.name"], "contain/stolen")
        self.assertEqual(told["user.name"], "alice@example.org")
        self.assertEqual(told["release"], "portreeve bans remove alice@example.org")
        self.command(*told["release"].split()[1:])
        self.assertEqual(self.send("198.18.0.1"), (235, 250))
        self.assertEqual(self.backend.verbs.count("EOD"), 1)


@daemon.needed
@harness.needs_root
@harness.needs("postfix", "dovecot")
class Told(unittest.TestCase):
    """The real thing takes the mail, behind its PROXY header."""

    def test_postfix_delivers_the_notice(self):
        server = postfix.strict()

        def configure(root, ports):
            (root / "tell").mkdir()
            (root / "tell" / "policy.yaml").write_text(TELL)
            text = daemon.example(root, server.mx, server.submit, ports)
            text = re.sub(r"^policies:.*\n", "", text.replace("policies: [inbound]", "policies: [tell, inbound]"), flags=re.M)
            return f"{text}\npolicies: [tell]\nnotify: {{ mail: bob@example.org, backend: mx }}\n"

        portreeve = daemon.Portreeve(configure)
        self.addCleanup(portreeve.stop)
        with wire.Client(portreeve.mx, harness.source()) as client:
            client.greet()
            client.expect(550, "MAIL FROM:<tell@example.net>")
            client.expect(550, "MAIL FROM:<tell@example.net>")
        mail = harness.until("the notice is delivered", lambda: next(
            (one for one in list(server.delivered.messages.values()) if b"[portreeve]" in one), None))
        self.assertIn(b"met rule tell/tell", mail)
        self.assertIn(b"Auto-Submitted: auto-generated", mail)


TELL = """\
version: 1
policy: tell
rules:
  - id: tell
    at: mail
    when: sender.local == "tell"
    action: reject
    reply: "550 5.7.1 Told"
    notify: true
default: accept
"""


@daemon.needed
class Restarts(Contained):
    def fill(self, address):
        """Uses up the budget of one net for one account."""
        with self.session(address) as client:
            for number in range(10):
                self.assertEqual(client.login("erin@example.org", f"guess {number}")[0], 535)

    def start_again(self):
        """What the last process said must not be taken for this one's."""
        self.portreeve.child.output.write_text("")
        self.portreeve._start()

    def remaining(self):
        report = json.loads(self.command("limits", "get", "erin@example.org", "--json"))
        return {bucket["limit"]: bucket["remaining"] for bucket in report["buckets"]}

    def test_limits_bans_and_good_nets_outlive_a_restart_and_a_crash(self):
        self.assertEqual(self.login(OWNER, "erin@example.org"), 235)
        self.fill("198.51.100.20")
        self.command("bans", "add", "198.19.7.9", "--for", "1h")
        state = self.portreeve.root / "state" / "limits.state"
        for end in ("restart", "crash"):
            with self.subTest(end):
                if end == "restart":
                    self.assertEqual(self.portreeve.stop(), 0)
                else:
                    saved = state.stat().st_mtime_ns
                    harness.until("the state is saved", lambda: state.stat().st_mtime_ns != saved, 30)
                    self.portreeve.child.stop(signal.SIGKILL)
                self.start_again()
                self.assertEqual(self.remaining()["submission/pair_failures"], 0)
                self.assertEqual(self.login("198.51.100.20", "erin@example.org"), 454)
                self.assertTrue(self.turned_away("198.19.7.9"))
        self.assertEqual(state.stat().st_mode & 0o777, 0o600)
        self.assertEqual(self.portreeve.stop(), 0)
        state.write_bytes(state.read_bytes()[:-3])
        self.start_again()
        self.assertIn("damaged", self.portreeve.child.said())
        self.assertTrue(pathlib.Path(f"{state}.damaged").exists())
        self.assertFalse(self.turned_away("198.19.7.9"))
