"""Two daemons on one Redis: one limit, one set of bans; and what happens when Redis dies, freezes or is slow."""
import json
import re
import threading
import time
import unittest

import daemon
import harness
import rediserver
import scripted
import wire

BURST = 20

POLICY = f"""\
version: 1
policy: together
allow_unauthenticated: "I understand"
allow_open_relay: "I understand"
limits:
  shared: {{ key: client.net, rate: 1/h, burst: {BURST}, scope: cluster, on_store_loss: local }}
  roomy:  {{ key: client.net, rate: 1000/s, burst: 100000, scope: cluster, on_store_loss: local }}
  open:   {{ key: client.net, rate: 1/h, burst: 1, scope: cluster, on_store_loss: open }}
  closed: {{ key: client.net, rate: 1000/s, burst: 100000, scope: cluster, on_store_loss: closed }}
rules:
  - {{ id: shared, at: mail, when: 'sender.local == "shared"', over: shared, action: defer, reply: "450 4.7.1 Enough" }}
  - {{ id: roomy, at: mail, when: 'sender.local == "roomy"', over: roomy, action: defer, reply: "450 4.7.1 Enough" }}
  - {{ id: open, at: mail, when: 'sender.local == "open"', over: open, action: defer, reply: "450 4.7.1 Enough" }}
  - {{ id: closed, at: mail, when: 'sender.local == "closed"', over: closed, action: defer, reply: "450 4.7.1 Enough" }}
  - {{ id: body, at: message, when: 'sender.local == "body"', over: closed, action: defer, reply: "450 4.7.1 Enough" }}
default: accept
"""


class Together(unittest.TestCase):
    """Two daemons, one backend, one Redis; clients come from wherever their PROXY header says."""

    store = {}

    @classmethod
    def setUpClass(cls):
        cls.redis = rediserver.Redis(**cls.store)
        cls.addClassCleanup(cls.redis.stop)
        cls.backend = scripted.Backend()
        cls.addClassCleanup(cls.backend.stop)
        cls.daemons = []
        for _ in range(2):
            one = daemon.Portreeve(cls.configuration)
            cls.daemons.append(one)
            cls.addClassCleanup(one.stop)

    @classmethod
    def url(cls):
        return f"redis://127.0.0.1:{cls.redis.port}/0"

    @classmethod
    def configuration(cls, root, ports):
        (root / "together").mkdir(exist_ok=True)
        (root / "together" / "policy.yaml").write_text(POLICY)
        text = daemon.example(
            root, cls.backend.mx, cls.backend.submit, ports,
            protocol={"max_errors": "100000", "max_junk": "100000", "max_messages": "100000"},
            listener=", proxy_from: [127.0.0.0/8]")
        text = text.replace("policies: [inbound]", "policies: [together, inbound]", 1)
        text = re.sub(r"^policies:.*\n", "", text, flags=re.M)
        return f"{text}\npolicies: [together]\nstate: {{ store: \"{cls.url()}\" }}\n{cls.extra(root)}"

    @classmethod
    def extra(cls, root):
        return ""

    addresses = iter(range(1, 250))

    def address(self):
        return f"203.0.113.{next(Together.addresses)}"

    def session(self, number, address):
        client = wire.Client(self.daemons[number].mx)
        self.addCleanup(client.close)
        client.send(wire.proxy_v2(address))
        client.greet()
        return client

    def mail(self, client, kind):
        """The code of the reply to one MAIL."""
        code = client.command(f"MAIL FROM:<{kind}@sender.example>")[0]
        if code == 250:
            client.expect(250, "RSET")
        return code

    def command(self, number, *words, code=0):
        done = harness.run(daemon.PROGRAM, *words, "-c", self.daemons[number].file)
        self.assertEqual(done.returncode, code, done.stdout)
        return done.stdout

    def status(self, number=0):
        return json.loads(self.command(number, "status", "--json"))["store"]

    def await_store(self, state):
        for number in range(2):
            harness.until(f"daemon {number} says {state}", lambda: self.status(number)["state"] == state)


@daemon.needed
@rediserver.needed
class Limits(Together):
    def setUp(self):
        self.await_store("up")

    def test_two_daemons_hold_one_limit_together(self):
        address = self.address()
        clients = [self.session(number % 2, address) for number in range(4)]
        codes = [self.mail(clients[number % 4], "shared") for number in range(3 * BURST)]
        self.assertEqual(codes.count(250), BURST)
        self.assertEqual(codes.count(450), 2 * BURST)

    def test_many_sessions_at_once_hold_it_too(self):
        address = self.address()
        passed, lock = [], threading.Lock()

        def hammer(number):
            client = self.session(number % 2, address)
            codes = [self.mail(client, "shared") for _ in range(BURST)]
            with lock:
                passed.append(codes.count(250))

        threads = [threading.Thread(target=hammer, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(len(passed), 8)
        self.assertEqual(sum(passed), BURST)

    def test_a_flood_does_not_reach_redis(self):
        address = self.address()
        clients = [self.session(number, address) for number in range(2)]
        while self.mail(clients[0], "shared") == 250:
            pass
        self.assertEqual(self.mail(clients[1], "shared"), 450)
        before = self.redis.commands()
        news = time.monotonic()
        for _ in range(300):
            for client in clients:
                self.assertEqual(self.mail(client, "shared"), 450)
        # Each daemon asks for news of bans once a second, and nothing else.
        allowed = 2 * (time.monotonic() - news + 2)
        self.assertLessEqual(self.redis.commands() - before, allowed)

    def test_a_reset_on_one_machine_is_one_on_the_other(self):
        address = self.address()
        clients = [self.session(number, address) for number in range(2)]
        for client in clients:
            while self.mail(client, "shared") == 250:
                pass
        shown = json.loads(self.command(1, "limits", "get", address, "--json"))
        self.assertIn((f"together/shared", 0), [(one["limit"], one["remaining"]) for one in shown["buckets"]])
        self.command(1, "limits", "reset", address)
        harness.until("the first daemon has heard of it", lambda: self.mail(clients[0], "shared") == 250)
        codes = [self.mail(clients[number % 2], "shared") for number in range(2 * BURST)]
        self.assertEqual(codes.count(250), BURST - 1)

    def test_a_message_is_counted_before_its_end_goes_to_the_backend(self):
        client = self.session(0, self.address())
        client.envelope(sender="body@sender.example")
        self.assertEqual(client.data(wire.message(b"one\r\n"))[0], 250)


@daemon.needed
@rediserver.needed
class Bans(Together):
    def test_a_ban_on_one_machine_holds_on_the_other_and_so_does_its_end(self):
        self.await_store("up")
        address = self.address()
        self.command(0, "bans", "add", address, "--for", "1h", "--reason", "test")
        harness.until("banned there too", lambda: address in self.command(1, "bans", "list"))
        with wire.Client(self.daemons[1].mx) as client:
            client.send(wire.proxy_v2(address))
            self.assertEqual(client.reply()[0], 421)
        self.command(1, "bans", "remove", address)
        harness.until("lifted here too", lambda: address not in self.command(0, "bans", "list"))
        self.session(0, address)

    def test_a_ban_made_while_the_store_was_away_is_told_when_it_is_back(self):
        self.await_store("up")
        early, late = self.address(), self.address()
        self.command(0, "bans", "add", early, "--for", "1h", "--reason", "test")
        harness.until("banned there too", lambda: early in self.command(1, "bans", "list"))
        self.redis.kill()
        self.await_store("lost")
        self.command(0, "bans", "add", late, "--for", "1h", "--reason", "test")
        self.redis.start()
        self.await_store("up")
        harness.until("banned there too", lambda: late in self.command(1, "bans", "list"))
        # A store without a memory of its own is told again what every machine remembers.
        self.assertIn(early, self.command(1, "bans", "list"))


@daemon.needed
@rediserver.needed
class Losses(Together):
    def setUp(self):
        self.await_store("up")

    def judge(self, client):
        """What each `on_store_loss` does while the store is away."""
        for _ in range(3):
            self.assertEqual(self.mail(client, "open"), 250)
        self.assertEqual([self.mail(client, "shared") for _ in range(BURST + 2)].count(250), BURST)
        code, lines = client.command("MAIL FROM:<closed@sender.example>")
        self.assertEqual((code, lines[0][:5]), (451, "4.3.2"))

    def said(self, number, text):
        return self.daemons[number].child.said().count(text)

    def test_killing_redis_breaks_no_session_and_it_heals_by_itself(self):
        before = [(self.said(number, "is lost"), self.said(number, "is back")) for number in range(2)]
        going, codes, lock, failures = threading.Event(), [], threading.Lock(), []
        going.set()

        def load(number):
            try:
                client = self.session(number % 2, self.address())
                mine = []
                while going.is_set():
                    mine.append(self.mail(client, "roomy"))
                self.assertEqual(client.command("QUIT")[0], 221)
                with lock:
                    codes.extend(mine)
            except Exception as error:  # shown by the test's own thread
                with lock:
                    failures.append(repr(error))

        threads = [threading.Thread(target=load, args=(number,)) for number in range(6)]
        for thread in threads:
            thread.start()
        try:
            harness.until("mail flows", lambda: self.redis.commands() > 100)
            self.redis.kill()
            self.await_store("lost")
            self.judge(self.session(0, self.address()))
            self.redis.start()
            self.await_store("up")
            harness.until("Redis is asked again", lambda: self.redis.commands() > 100)
        finally:
            going.clear()
            for thread in threads:
                thread.join()
        self.assertEqual(failures, [])
        self.assertEqual(set(codes), {250})
        client = self.session(1, self.address())
        self.assertEqual(self.mail(client, "closed"), 250)
        for number in range(2):
            lost, back = before[number]
            self.assertEqual((self.said(number, "is lost"), self.said(number, "is back")), (lost + 1, back + 1))

    def test_a_frozen_redis_delays_nobody_for_long(self):
        client = self.session(0, self.address())
        self.assertEqual(self.mail(client, "closed"), 250)
        self.redis.freeze()
        self.addCleanup(self.redis.thaw)
        self.judge(client)
        client.envelope(sender="body@sender.example")
        self.assertEqual(client.data(wire.message(b"two\r\n"))[0], 451)
        lost = self.status()
        self.assertEqual(lost["state"], "lost")
        self.assertGreater(lost["losses"], 0)
        self.assertGreater(lost["unanswered"], 0)
        self.redis.thaw()
        self.await_store("up")
        self.assertEqual(self.status()["losses"], lost["losses"])
        harness.until("it is asked again", lambda: self.mail(client, "closed") == 250)

    def test_a_redis_that_is_too_slow_is_one_that_is_lost(self):
        client = self.session(0, self.address())
        self.redis.ask("CLIENT", "PAUSE", "1500", "ALL")
        self.assertEqual(self.mail(client, "closed"), 451)
        self.assertEqual(self.mail(client, "open"), 250)
        self.await_store("up")
        harness.until("it is asked again", lambda: self.mail(client, "closed") == 250)


@daemon.needed
@rediserver.needed
class Password(Together):
    store = {"requirepass": "open-sesame"}

    @classmethod
    def configuration(cls, root, ports):
        secret = root / "password"
        secret.write_text("open-sesame\n" if not cls.daemons else "wrong\n")
        return super().configuration(root, ports).replace('/0" }', f'/0", password_file: "{secret}" }}')

    def test_the_password_comes_from_a_file_and_a_wrong_one_is_told(self):
        harness.until("the first daemon is in", lambda: self.status(0)["state"] == "up")
        self.assertEqual(self.status(1)["state"], "lost")
        self.assertRegex(self.status(1)["reason"], "WRONGPASS")
        self.assertRegex(self.command(1, "status"), r"shared store redis://127\.0\.0\.1:\d+/0: LOST")
        for number in range(2):
            self.assertNotIn("sesame", self.daemons[number].child.said() + self.command(number, "status", "--json"))
        client = self.session(1, self.address())
        self.assertEqual(self.mail(client, "closed"), 451)


if __name__ == "__main__":
    unittest.main()
