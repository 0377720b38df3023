"""Policies for the tests that exercise them over the wire, and a daemon that runs them in front of a scripted backend."""
import json
import os

import daemon
import harness
import scripted

# One of every feature of the language. Clients are told apart by their loopback address.
EVERYTHING = """\
version: 1
policy: everything
description: one of each
lists:
  blocked:  { type: cidr, file: lists/blocked.txt }
  partners: { type: domain, items: [.partner.example, partner.example] }
  owners:   { type: map, items: { info@example.org: [alice, bob@example.org] } }
  vips:     { type: address, items: ['"VIP"@Example.ORG.'] }
  words:    { type: string, items: [Viagra, Casino] }
limits:
  rcpts:   { key: client.net, rate: 6/min, burst: 2 }
  pair:    { key: [sender.address, rcpt.address], rate: 1/h, burst: 1, count: accepted }
  bytes:   { key: client.net, rate: 1000000/d, burst: 1000, cost: sender.size }
  guesses: { key: client.net, rate: 1/h, burst: 2 }
rules:
  - { id: blocked, at: connect, when: client.ip in lists.blocked, action: reject, reply: "554 5.7.1 {client.ip} is blocked" }
  - { id: dropped, at: connect, when: 'client.ip in [127.9.2.0/24]', action: drop, reply: "421 4.3.2 Not from {client.net}" }
  - { id: localhost, at: helo, when: 'helo.name matches "(?i)^localhost[.]?$"', action: reject, reply: "550 5.7.1 You are not {helo.name}" }
  - { id: literal, at: helo, when: helo.is_ip_literal and listener.name == "mx", tag: odd }
  - { id: no-upgrade, at: starttls, when: helo.name startsWith "old", action: reject, reply: "554 5.7.0 No TLS for {helo.name}" }
  - { id: clear, at: auth, when: not tls.active, action: reject, reply: "538 5.7.11 TLS first" }
  - { id: mallory, at: login, when: 'auth.login == "MALLORY@example.org"', action: defer, reply: "454 4.7.0 Not now" }
  - { id: guessing, at: login, over: guesses, action: defer, reply: "454 4.7.0 Too many logins, retry in {limit.retry_after}" }
  - { id: wrong, at: auth_reply, when: 'auth.result == "bad_credentials" and auth.failures >= 2', action: drop, reply: "421 4.7.0 Enough, {auth.login}", ban: { for: 30min } }
  - { id: big, at: mail, when: has(sender.size) and sender.size > 1MB, action: reject, reply: "552 5.3.4 {sender.size} is too much" }
  - { id: partner-tls, at: mail, when: sender.domain in lists.partners and not tls.active, action: reject, reply: "530 5.7.0 {sender.domain} uses TLS" }
  - { id: old-tls, at: mail, when: tls.active and tls.version < TLS1.3, unless: "client.ip in [127.9.9.9]", action: reject, reply: "530 5.7.10 {tls.version} is too old" }
  - id: not-yours
    at: mail
    when: auth.ok and not sender.is_null and sender.address != "alice@example.org"
    unless: auth.user in lists.owners[sender.address]
    action: reject
    reply: "553 5.7.1 <{sender.address}> is not {auth.user}'s"
  - { id: volume, at: mail, when: has(sender.size), over: bytes, action: defer, reply: "452 4.3.1 Too much, retry in {limit.retry_after}" }
  - { id: odd, at: rcpt, when: '"odd" in session.tags', action: reject, reply: "550 5.7.1 Odd" }
  - { id: routing, at: rcpt, when: rcpt.has_routing, action: reject, reply: "554 5.7.1 <{rcpt.address}>: no routing" }
  - { id: vip, at: rcpt, when: rcpt.address in lists.vips, action: accept }
  - { id: second, at: rcpt, when: 'rcpt.local in ["postmaster", "abuse"]', action: skip }
  - { id: left, at: rcpt, when: 'rcpt.local == "meter" and limits.rcpts.remaining < 1', action: defer, reply: "450 4.7.1 None left" }
  - { id: burst, at: rcpt, when: 'rcpt.local startsWith "meter"', over: [rcpts, pair], action: defer, reply: "450 4.7.1 Retry in {limit.retry_after}" }
  - { id: watched, at: rcpt, mode: monitor, when: 'rcpt.local == "watched"', action: reject, reply: "550 5.7.1 Would go" }
  - { id: slow, at: rcpt, when: 'rcpt.local == "slow"', delay: 1s, tag: slowed }
  - { id: tar, at: rcpt, when: 'rcpt.local == "tar"', tarpit: 1s }
  - { id: hopeless, at: rcpt_reply, when: backend.code == 554 and rcpt.rejected >= 2, action: drop, reply: "421 4.7.1 {rcpt.rejected} unknown" }
  - { id: one-message, at: data, when: session.messages >= 2, action: reject, reply: "554 5.7.1 Only two" }
  - { id: one-from, at: message, when: message.from_header.count != 1, action: reject, reply: "550 5.7.1 {message.from_header.count} From fields" }
  - id: own-from
    at: message
    when: has(message.from_header.domain) and auth.ok and message.from_header.domain != "example.org"
    action: reject
    reply: "550 5.7.1 From <{message.from_header.address}>"
  - { id: spam, at: message, when: has(message.subject) and message.subject in lists.words, action: defer, reply: "451 4.7.1 Not this" }
  - { id: never, at: message, mode: disabled, action: reject, reply: "554 5.7.1 Never" }
default: accept
"""

# Asked behind it.
BEHIND = """\
version: 1
policy: behind
lists:
  mine: { type: string, items: [abuse] }
rules:
  - { id: abuse, at: rcpt, when: rcpt.local in lists.mine, action: reject, reply: "550 5.7.1 Behind" }
  - { id: ours, at: rcpt, when: not rcpt.has_routing and rcpt.domain in lists.our_domains, action: accept }
  - { id: others, at: rcpt, action: reject, reply: "554 5.7.1 Not ours", when: 'client.ip not in [127.9.7.0/24]' }
default: accept
allow_open_relay: "I understand"
allow_unauthenticated: "I understand"
"""

BLOCKED = "# who and until when\n127.9.1.1\n127.9.1.2 until 2099-12-31\n127.9.1.3 until 2020-01-31\n"

CONFIGURATION = """\
version: 1
hostname: mail.example.org
domains: [example.org]
user: nobody
listeners:
  mx:          {{ bind: ["127.0.0.1:{mx}"], backend: mx, policies: {names} }}
  submission:  {{ bind: ["127.0.0.1:{submission}"], backend: submit, policies: {names} }}
  submissions: {{ bind: ["127.0.0.1:{submissions}"], tls: implicit, backend: submit, policies: {names} }}
certificates:
  - {{ names: [mail.example.org], chain: fullchain.pem, key: privkey.pem }}
backends:
  mx:     {{ servers: ["127.0.0.1:{backend_mx}"], identity: proxy-v2 }}
  submit: {{ servers: ["127.0.0.1:{backend_submit}"], identity: xclient, auth: relay, realm: example.org }}
policies: {folders}
admin: {{ socket: {root}/control.sock }}
log:   {{ format: json, to: {root}/portreeve.log }}
protocol: {protocol}
"""


def write(path, text):
    """Replaces a file at once, so that nobody reads half of it; its folders are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name("." + path.name)
    new.write_text(text)
    new.chmod(0o644)
    os.replace(new, path)


class Site:
    """A daemon with policy folders of its own (name to files) in front of a scripted backend."""

    def __init__(self, policies, protocol=None, script=None, arguments=()):
        self.backend = scripted.Backend(script)
        protocol = daemon.block(daemon.ROOMY | {"auth_fail_delay": "0s"} | (protocol or {}))

        def configure(root, ports):
            for name, files in policies.items():
                for file, text in files.items():
                    write(root / name / file, text)
            names = "[" + ", ".join(policies) + "]"
            return CONFIGURATION.format(
                **ports, root=root, names=names, folders=names, protocol=protocol, backend_mx=self.backend.mx,
                backend_submit=self.backend.submit)

        try:
            self.portreeve = daemon.Portreeve(configure, arguments)
        except BaseException:
            self.backend.stop()
            raise
        self.root = self.portreeve.root

    def stop(self):
        try:
            return self.portreeve.stop()
        finally:
            self.backend.stop()

    def write(self, path, text):
        write(self.root / path, text)

    def said(self):
        """What the daemon has told its operator."""
        return self.portreeve.child.said()

    def until_said(self, text, count=1):
        harness.until(f"{count} x {text!r}", lambda: self.said().count(text) >= count)

    def status(self):
        done = harness.run(daemon.PROGRAM, "status", "-c", self.portreeve.file)
        if done.returncode:
            raise AssertionError(done.stdout)
        return done.stdout

    def logged(self, **wanted):
        """The objects of the log in which these members have these values; a dot is written __."""
        wanted = {key.replace("__", "."): value for key, value in wanted.items()}
        found = (json.loads(line) for line in self.portreeve.log.text().splitlines() if line.endswith("}"))
        return [one for one in found if all(one.get(key) == value for key, value in wanted.items())]
