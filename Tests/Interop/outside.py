"""A mail server of somebody else: a real Postfix in the outside of a netlab, on port 25 of all its addresses, with TLS.

It trusts nobody and discards what it takes; what it saw is in `.log`.
"""
import harness
import postfix

MAIN = """\
compatibility_level = 3.6
queue_directory = {root}/queue
data_directory = {root}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
maillog_file = {root}/maillog
maillog_file_prefixes = {root}
myhostname = mx.outside.example
mydestination =
mynetworks =
inet_interfaces = all
inet_protocols = all
virtual_mailbox_domains = outside.example
virtual_mailbox_maps = static:ok
virtual_transport = discard:
default_transport = discard:
alias_maps =
disable_dns_lookups = yes
smtpd_peername_lookup = no
smtpd_tls_security_level = may
smtpd_tls_chain_files = {root}/privkey.pem, {root}/fullchain.pem
# A stranger that trusts its peers with XCLIENT: whoever passes sessions on must not use it, nor let clients.
smtpd_authorized_xclient_hosts = 10.60.0.0/16, [fd60::]/16
smtpd_client_connection_rate_limit = 0
smtpd_client_connection_count_limit = 0
"""

MASTER = """\
25     inet n - n - - smtpd
tlsmgr unix - - n 1000? 1 tlsmgr
"""


class Outside:
    """Started at construction; `stop()` or the end of the process ends it."""

    def __init__(self, network):
        self.network = network
        self.root = harness.place("outside")
        self.log = harness.Log(self.root / "maillog")
        for name in ("etc", "queue", "data"):
            (self.root / name).mkdir()
        harness.shutil.chown(self.root / "data", "postfix")
        harness.certificate(self.root, "mx.outside.example")
        (self.root / "etc/main.cf").write_text(MAIN.format(root=self.root))
        (self.root / "etc/master.cf").write_text(MASTER + postfix.MASTER)
        self._command("start")
        harness.atexit.register(self.stop)

    def _command(self, verb):
        done = harness.run(
            *self.network.command("out", harness.program("postfix"), "-c", self.root / "etc", verb))
        if done.returncode:
            raise RuntimeError(f"postfix {verb}: {done.stdout}\n{self.log.text()}")

    def stop(self):
        harness.atexit.unregister(self.stop)
        self._command("stop")
