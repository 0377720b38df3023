"""A Postfix and a Dovecot of our own, made of exactly the lines that examples/postfix-single-host tells an admin to add.

Only ports and paths are substituted. What a test site needs besides (paths, a mail store, no DNS) stands in BASE.
Delivered mail goes by LMTP to a thread of this process, which keeps its bytes.
"""
import re
import socket
import threading

import harness

MAIN = """\
compatibility_level = 3.6
queue_directory = {queue}
data_directory = {data}
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
maillog_file = {log}
maillog_file_prefixes = {root}
myhostname = mail.example.org
mydestination =
# Wide on purpose: the example's services must not trust it.
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
virtual_mailbox_domains = example.org
virtual_mailbox_maps = inline:{{ alice@example.org=1, bob@example.org=1, postmaster@example.org=1 }}
virtual_transport = lmtp:inet:127.0.0.1:{lmtp}
default_transport = discard:
lmtp_line_length_limit = 0
alias_maps =
disable_dns_lookups = yes
smtpd_peername_lookup = no
smtpd_client_port_logging = yes
message_size_limit = 60000000
"""

MASTER = """\
pickup    unix  n - n 60 1 pickup
cleanup   unix  n - n - 0 cleanup
qmgr      unix  n - n 300 1 qmgr
rewrite   unix  - - n - - trivial-rewrite
bounce    unix  - - n - 0 bounce
defer     unix  - - n - 0 bounce
trace     unix  - - n - 0 bounce
verify    unix  - - n - 1 verify
flush     unix  n - n 1000? 0 flush
proxymap  unix  - - n - - proxymap
error     unix  - - n - - error
retry     unix  - - n - - error
discard   unix  - - n - - discard
lmtp      unix  - - n - - lmtp
anvil     unix  - - n - 1 anvil
scache    unix  - - n - 1 scache
postlog   unix-dgram n - n - 1 postlogd
"""

DOVECOT = """\
base_dir = {root}/run
log_path = {root}/dovecot.log
protocols =
ssl = no
auth_failure_delay = 0
auth_username_format = %Lu
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%Lu {root}/users
}}
"""

# Logins; a name without a domain gets none, as in a Dovecot without auth_default_realm.
USERS = {"alice@example.org": "secret", "bob@example.org": "hidden", "alice": "secret"}


class Delivered:
    """An LMTP server that keeps every message by its Message-ID, CRLF line ends, dots unstuffed."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        self.messages, self.arrived = {}, threading.Condition()
        threading.Thread(target=self._serve, daemon=True).start()

    def wait(self, ident, patience=harness.PATIENCE):
        """The bytes of the message with this Message-ID."""
        with self.arrived:
            if not self.arrived.wait_for(lambda: ident in self.messages, patience):
                raise harness.Unmet(f"message {ident} was not delivered")
            return self.messages[ident]

    def latest(self, count):
        """Waits until `count` messages are there; the last one's bytes."""
        with self.arrived:
            if not self.arrived.wait_for(lambda: len(self.messages) >= count, harness.PATIENCE):
                raise harness.Unmet(f"{count} messages: only {len(self.messages)} were delivered")
            return list(self.messages.values())[-1]

    def _serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._session, args=(connection,), daemon=True).start()

    def _session(self, connection):
        with connection, connection.makefile("rb") as lines:
            connection.sendall(b"220 sink\r\n")
            recipients = 0
            for line in lines:
                verb = line[:4].upper()
                if verb == b"LHLO":
                    connection.sendall(b"250-sink\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n")
                elif verb == b"DATA":
                    connection.sendall(b"354 go\r\n")
                    self._keep(lines)
                    connection.sendall(b"250 2.0.0 kept\r\n" * recipients)
                    recipients = 0
                elif verb == b"QUIT":
                    connection.sendall(b"221 bye\r\n")
                    return
                else:
                    recipients += verb == b"RCPT"
                    connection.sendall(b"250 ok\r\n")

    def _keep(self, lines):
        kept = []
        for line in lines:
            if line == b".\r\n":
                break
            kept.append(line[1:] if line.startswith(b".") else line)
        data = b"".join(kept)
        found = re.search(rb"^message-id: *<([^>]*)>", data.split(b"\r\n\r\n")[0], re.M | re.I)
        with self.arrived:
            self.messages[found.group(1).decode() if found else f"without {len(self.messages)}"] = data
            self.arrived.notify_all()


class Dovecot:
    """Dovecot's login service alone, on the socket that the example names."""

    def __init__(self, socket_path):
        self.root = harness.place("dovecot")
        (self.root / "users").write_text("".join(f"{user}:{word}::::::\n" for user, word in USERS.items()))
        addition = (harness.EXAMPLE / "dovecot.conf.add").read_text()
        addition = addition.replace("/var/spool/postfix/private/auth", str(socket_path))
        (self.root / "dovecot.conf").write_text(DOVECOT.format(root=self.root) + addition)
        self.child = harness.Child(
            [harness.program("dovecot"), "-F", "-c", self.root / "dovecot.conf"], self.root / "output")
        harness.until("dovecot's socket", lambda: socket_path.is_socket() or not self.child.running)
        if not self.child.running:
            raise RuntimeError(f"dovecot: {self.child.said()}")

    def stop(self):
        self.child.stop()


class Postfix:
    """The backend. `strict` keeps the example's smtpd_forbid_* lines; without it both are off."""

    def __init__(self, strict=True):
        self.root = harness.place("postfix")
        self.mx, self.submit = harness.free_ports(2)
        self.delivered = Delivered()
        self.log = harness.Log(self.root / "maillog")
        for name in ("etc", "queue", "data"):
            (self.root / name).mkdir()
        harness.shutil.chown(self.root / "data", "postfix")
        self._configure(strict)
        self._command("start")
        self.pid = int((self.root / "queue/pid/master.pid").read_text())
        harness.atexit.register(self.stop)
        self.dovecot = Dovecot(self.root / "queue/private/auth")

    def _configure(self, strict):
        main = MAIN.format(
            root=self.root, queue=self.root / "queue", data=self.root / "data", log=self.log.path,
            lmtp=self.delivered.port)
        main += (harness.EXAMPLE / "main.cf.add").read_text()
        if not strict:
            main = re.sub(r"^(smtpd_forbid_\w+) = yes", r"\1 = no", main, flags=re.M)
        master = (harness.EXAMPLE / "master.cf.add").read_text()
        master = master.replace("127.0.0.1:10025", f"127.0.0.1:{self.mx}")
        master = master.replace("127.0.0.1:10587", f"127.0.0.1:{self.submit}")
        (self.root / "etc/main.cf").write_text(main)
        (self.root / "etc/master.cf").write_text(MASTER + master)

    def _command(self, verb):
        done = harness.run(harness.program("postfix"), "-c", self.root / "etc", verb)
        if done.returncode:
            raise RuntimeError(f"postfix {verb}: {done.stdout}\n{self.log.text()}")

    def stop(self):
        harness.atexit.unregister(self.stop)
        self.dovecot.stop()
        self._command("stop")
        self.delivered.listener.close()


strict = harness.Shared(lambda: Postfix(strict=True))
lenient = harness.Shared(lambda: Postfix(strict=False))
