"""Message data reaches Postfix byte for byte, however it is sent."""
import hashlib
import random
import unittest

import daemon
import harness
import postfix
import wire

# name -> body; each ends a line, for what Postfix stores does.
BODIES = {
    "empty": b"",
    "one dot": b".\r\n",
    "dots": b".\r\n..\r\n...\r\n.x\r\n\r\n.\r\n",
    "only line ends": b"\r\n" * 1000,
    "998": b"x" * 998 + b"\r\n",
    "999": b"x" * 999 + b"\r\n",
    "long": b"y" * 100_000 + b"\r\n" + b"." * 70_000 + b"\r\n",
    "8-bit": bytes(range(128, 256)) * 50 + b"\r\n",
    "utf-8": "Grüße, 世界\r\n".encode() * 100,
    "control": bytes(set(range(1, 32)) - {10, 13}) + b"\x7f\r\n",
    "looks like smtp": b"QUIT\r\nMAIL FROM:<>\r\nDATA\r\n250 ok\r\n",
    "looks like proxy": b"\r\n\r\nQUIT\r\n" + b"PROXY UNKNOWN\r\n",
}


def noise(size, seed):
    """`size` bytes of lines of random length from 1 to 1,500, any byte but NUL, CR and LF; dots are frequent at starts."""
    chance = random.Random(seed)
    table = bytes(b if b not in (0, 10, 13) else 46 for b in range(256))
    raw, out, at = chance.randbytes(size).translate(table), bytearray(), 0
    while len(out) < size:
        length = chance.choice((1, 2, 3, 70, 997, 1500))
        out += (b"." if chance.random() < 0.2 else b"") + raw[at:at + length] + b"\r\n"
        at = (at + length) % max(1, size - 1500)
    return bytes(out)


class Messages:
    @classmethod
    def setUpClass(cls):
        cls.postfix = cls.backend()
        cls.portreeve = cls.front()

    def session(self, **options):
        client = wire.Client(self.portreeve.mx, harness.source(), **options)
        self.addCleanup(client.close)
        client.greet()
        return client

    def same(self, sent, ident):
        kept = self.postfix.delivered.wait(ident)
        end = kept[-len(sent):]
        if end != sent:
            self.fail(f"{len(sent)} bytes {hashlib.sha256(sent).hexdigest()[:12]} became {end[:200]!r}...")
        # What Postfix put before it is one Received field and nothing else.
        self.assertRegex(kept[:-len(sent)], rb"\AReceived: [^\r]*\r\n(\t[^\r]*\r\n)*\Z")

    def test_every_body_by_data_on_one_session(self):
        client = self.session()
        for name, body in BODIES.items():
            with self.subTest(name):
                ident = wire.tag()
                sent = wire.message(body, ident)
                client.envelope()
                self.assertEqual(client.data(sent)[0], 250)
                self.same(sent, ident)

    def test_every_body_by_bdat_in_odd_chunks(self):
        client = self.session()
        for name, body in BODIES.items():
            with self.subTest(name):
                ident = wire.tag()
                sent = wire.message(body, ident)
                client.envelope()
                self.assertEqual(client.bdat(sent, 977)[0], 250)
                self.same(sent, ident)

    def test_a_message_byte_by_byte(self):
        client = self.session()
        ident = wire.tag()
        sent = wire.message(b"a\r\n.\r\n..\r\nend\r\n", ident)
        client.envelope()
        client.expect(354, "DATA")
        for byte in wire.stuffed(sent):
            client.send(bytes([byte]))
        self.assertEqual(client.reply()[0], 250)
        self.same(sent, ident)

    def test_a_message_without_a_byte(self):
        client = self.session()
        for send in (client.data, lambda _: client.command("BDAT 0 LAST")):
            before = len(self.postfix.delivered.messages)
            client.envelope()
            self.assertEqual(send(b"")[0], 250)
            head, _, body = self.postfix.delivered.latest(before + 1).partition(b"\r\n\r\n")
            self.assertEqual(body, b"")
            self.assertIn(b"Received: ", head)

    def test_a_message_of_one_byte(self):
        client = self.session()
        before = len(self.postfix.delivered.messages)
        client.envelope()
        client.send(b"BDAT 1 LAST\r\nx")
        self.assertEqual(client.reply()[0], 250)
        self.assertTrue(self.postfix.delivered.latest(before + 1).endswith(b"\r\n\r\nx\r\n"))

    def test_what_follows_the_end_of_data_in_one_write_is_a_command(self):
        client = self.session()
        client.envelope()
        client.expect(354, "DATA")
        client.send(wire.stuffed(wire.message(b"x\r\n")) + b"NOOP\r\nQUIT\r\n")
        self.assertEqual([client.reply()[0] for _ in range(3)], [250, 250, 221])

    def test_bare_line_ends_never_become_an_end_of_data(self):
        for ending in (b"\n.\n", b"\r\n.\n", b"\n.\r\n", b"\r.\r", b"\r\n.\r", b"\r\n\0.\r\n"):
            with self.subTest(ending):
                before = len(self.postfix.delivered.messages)
                client = self.session()
                client.envelope()
                client.expect(354, "DATA")
                client.send(b"Subject: x\r\n\r\nx" + ending + b"MAIL FROM:<smuggled@example.org>\r\n.\r\n")
                self.assertEqual(client.reply()[0], 550)
                client.expect(221, "QUIT")
                self.assertEqual(len(self.postfix.delivered.messages), before)
        self.assertNotIn("smuggled", self.postfix.log.text())

    def test_fifty_megabytes_by_data_and_by_bdat(self):
        body = noise(50_000_000, 25)
        for name in ("data", "bdat"):
            with self.subTest(name):
                client = self.session(timeout=120)
                ident = wire.tag()
                sent = wire.message(body, ident)
                client.envelope()
                self.assertEqual(getattr(client, name)(sent)[0], 250)
                self.same(sent, ident)
        self.assertLess(self.portreeve.child.memory("VmHWM"), daemon.BASE_MEMORY)

    def test_noise_over_tls(self):
        for seed in range(20):
            client = self.session()
            client.secure()
            client.expect(250, "EHLO tls.example.net")
            ident = wire.tag()
            sent = wire.message(noise(20_000 + 997 * seed, seed), ident)
            client.envelope()
            with self.subTest(seed=seed):
                self.assertEqual((client.data(sent) if seed % 2 else client.bdat(sent, 17 + 613 * seed))[0], 250)
                self.same(sent, ident)


@daemon.needed
@harness.needs_root
@harness.needs("postfix", "dovecot")
class ToTheExample(Messages, unittest.TestCase):
    backend, front = staticmethod(postfix.strict), staticmethod(daemon.strict)


@daemon.needed
@harness.needs_root
@harness.needs("postfix", "dovecot")
class ToALenientPostfix(Messages, unittest.TestCase):
    backend, front = staticmethod(postfix.lenient), staticmethod(daemon.lenient)


if __name__ == "__main__":
    unittest.main()
