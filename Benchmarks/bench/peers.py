"""The proxies that are compared, each started with a configuration of its own on ports that the kernel chose.

A proxy has `ports`, by what a client meets there: plain (25 without TLS), starttls, implicit, submission (STARTTLS and
AUTH asked for). Everything runs with one worker and in front of the same backend.
"""
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent.parent
REPOSITORY = HERE.parent
PORTREEVE = pathlib.Path(os.environ.get("PORTREEVE") or REPOSITORY / ".build/release/portreeve")
LOAD = HERE / ".build/release/reeve-load"
NIO = HERE / "NIOPipe/.build/release/nio-pipe"


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def await_port(port, child, log):
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if child is not None and child.poll() is not None:
                break
            time.sleep(0.05)
    raise RuntimeError(f"nothing listens on {port}: {pathlib.Path(log).read_text(errors='replace')[-2000:]}")


class Proxy:
    """One running program. Subclasses say how it is configured and started."""

    name = ""
    #: What a client can meet at it.
    kinds = ()

    def __init__(self, root, backend_port, workers=1):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix=self.name.replace(" ", "-") + "-", dir=root))
        self.root.chmod(0o755)
        self.backend, self.workers = backend_port, workers
        self.ports = dict(zip(self.kinds, free_ports(len(self.kinds))))
        self.log = self.root / "output"
        self.certificate = self.root.parent / "cert.pem"
        self.key = self.root.parent / "key.pem"
        with open(self.log, "wb") as output:
            self.child = subprocess.Popen(self.command(), stdout=output, stderr=output, cwd=self.root)
        try:
            for port in self.ports.values():
                await_port(port, self.child, self.log)
        except RuntimeError:
            self.stop()
            raise

    @property
    def roots(self):
        return [self.child.pid]

    @classmethod
    def missing(cls):
        """Why it cannot run here; None if it can."""
        return None

    def command(self):
        raise NotImplementedError

    def write(self, name, text):
        path = self.root / name
        path.write_text(text)
        return str(path)

    def stop(self):
        self.child.send_signal(signal.SIGTERM)
        try:
            self.child.wait(5)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()


class Sink(Proxy):
    """The backend itself, which clients also reach directly."""

    name = "direct"
    kinds = ("plain",)
    arguments = ()

    def command(self):
        return [str(LOAD), "sink", str(self.ports["plain"]), *self.arguments]

    def seen(self):
        """Connections and transactions (MAIL) so far."""
        with socket.create_connection(("127.0.0.1", self.ports["plain"]), 10) as connection:
            file = connection.makefile("rw", newline="\r\n")
            file.readline()
            file.write("STAT\r\n")
            file.flush()
            return [int(word) for word in file.readline().split()[1:]]


class StalledSink(Sink):
    name = "stalled"
    arguments = ("--stall",)


class HAProxy(Proxy):
    name = "haproxy"
    kinds = ("plain", "implicit")

    @classmethod
    def missing(cls):
        return None if shutil.which("haproxy") else "no haproxy"

    def command(self):
        (self.root / "pair.pem").write_text(self.certificate.read_text() + self.key.read_text())
        return ["haproxy", "-db", "-f", self.write("haproxy.cfg", f"""\
global
 nbthread {self.workers}
 maxconn 9000
 ssl-default-bind-options ssl-min-ver TLSv1.2
defaults
 mode tcp
 timeout connect 5s
 timeout client 300s
 timeout server 300s
listen plain
 bind 127.0.0.1:{self.ports["plain"]} backlog 4096
 server s 127.0.0.1:{self.backend}
listen tls
 bind 127.0.0.1:{self.ports["implicit"]} ssl crt {self.root}/pair.pem backlog 4096
 server s 127.0.0.1:{self.backend}
""")]


class Nginx(Proxy):
    """What both kinds of nginx share."""

    modules = ()

    @classmethod
    def missing(cls):
        if not shutil.which("nginx"):
            return "no nginx"
        absent = [each for each in cls.modules if not pathlib.Path(f"/usr/lib/nginx/modules/ngx_{each}_module.so").exists()]
        return f"no nginx module {absent[0]}" if absent else None

    def command(self):
        load = "".join(f"load_module /usr/lib/nginx/modules/ngx_{each}_module.so;\n" for each in self.modules)
        path = self.write("nginx.conf", f"""\
{load}daemon off;
user nobody nogroup;
worker_processes {self.workers};
error_log stderr error;
pid {self.root}/pid;
events {{ worker_connections 19000; }}
{self.body()}
""")
        return ["nginx", "-p", str(self.root), "-c", path]


class NginxMail(Nginx):
    name = "nginx mail"
    kinds = ("plain", "starttls", "implicit")
    modules = ("mail",)

    def body(self):
        auth = self.root / "auth.sock"
        paths = " ".join(f"{each}_temp_path {self.root}/{each};" for each in
                         ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        return f"""\
http {{
 {paths}
 access_log off;
 server {{
  listen unix:{auth};
  location / {{
   add_header Auth-Status OK;
   add_header Auth-Server 127.0.0.1;
   add_header Auth-Port {self.backend};
   return 200;
  }}
 }}
}}
mail {{
 server_name mail.example.com;
 auth_http unix:{auth}:/;
 smtp_auth none;
 smtp_capabilities PIPELINING 8BITMIME "SIZE 100000000";
 xclient on;
 timeout 300s;
 ssl_certificate {self.certificate};
 ssl_certificate_key {self.key};
 ssl_protocols TLSv1.2 TLSv1.3;
 server {{ listen 127.0.0.1:{self.ports["plain"]} backlog=4096; protocol smtp; starttls off; }}
 server {{ listen 127.0.0.1:{self.ports["starttls"]} backlog=4096; protocol smtp; starttls on; }}
 server {{ listen 127.0.0.1:{self.ports["implicit"]} ssl backlog=4096; protocol smtp; }}
}}"""


class NginxStream(Nginx):
    name = "nginx stream"
    kinds = ("plain", "implicit")
    modules = ("stream",)

    def body(self):
        return f"""\
stream {{
 ssl_certificate {self.certificate};
 ssl_certificate_key {self.key};
 ssl_protocols TLSv1.2 TLSv1.3;
 tcp_nodelay on;
 server {{ listen 127.0.0.1:{self.ports["plain"]} backlog=4096; proxy_pass 127.0.0.1:{self.backend}; }}
 server {{ listen 127.0.0.1:{self.ports["implicit"]} ssl backlog=4096; proxy_pass 127.0.0.1:{self.backend}; }}
}}"""


class NIOPipe(Proxy):
    name = "swift-nio pipe"
    kinds = ("plain",)

    @classmethod
    def missing(cls):
        return None if NIO.exists() else "nio-pipe is not built"

    def command(self):
        return [str(NIO), str(self.ports["plain"]), str(self.backend)]


class Postfix(Proxy):
    """smtpd that hands every session to the backend before it is queued (smtpd_proxy_filter)."""

    name = "postfix"
    kinds = ("plain", "starttls")

    @classmethod
    def missing(cls):
        if os.geteuid() != 0:
            return "Postfix starts only as root"
        return None if pathlib.Path("/usr/lib/postfix/sbin/master").exists() else "no postfix"

    def command(self):
        for name in ("etc", "queue", "data"):
            (self.root / name).mkdir()
        shutil.chown(self.root / "data", "postfix")
        self.write("etc/main.cf", f"""\
compatibility_level = 3.6
queue_directory = {self.root}/queue
data_directory = {self.root}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
maillog_file = {self.root}/maillog
maillog_file_prefixes = {self.root}
myhostname = mail.example.com
mydestination =
mynetworks =
relay_domains = example.com
inet_interfaces = 127.0.0.1
alias_maps =
disable_dns_lookups = yes
smtpd_peername_lookup = no
message_size_limit = 0
default_process_limit = 2000
smtpd_proxy_filter = 127.0.0.1:{self.backend}
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
smtpd_relay_restrictions = reject_unauth_destination
smtpd_tls_chain_files = {self.key}, {self.certificate}
smtpd_tls_security_level = may
tls_random_source = dev:/dev/urandom
""")
        listeners = "".join(
            f"127.0.0.1:{self.ports[kind]} inet n - n - - smtpd -o smtpd_tls_security_level={level}\n"
            for kind, level in (("plain", "none"), ("starttls", "may")))
        self.write("etc/master.cf", listeners + """\
cleanup   unix  n - n - 0 cleanup
rewrite   unix  - - n - - trivial-rewrite
proxymap  unix  - - n - - proxymap
anvil     unix  - - n - 1 anvil
tlsmgr    unix  - - n 1000? 1 tlsmgr
postlog   unix-dgram n - n - 1 postlogd
""")
        return ["/usr/sbin/postfix", "-c", str(self.root / "etc"), "start-fg"]

    @property
    def roots(self):
        pid = self.root / "queue/pid/master.pid"
        return [int(pid.read_text())] if pid.exists() else [self.child.pid]

    def stop(self):
        subprocess.run(
            ["/usr/sbin/postfix", "-c", str(self.root / "etc"), "abort"], stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, check=False)
        super().stop()


class Portreeve(Proxy):
    """Policies, limits and the log are on; the backend is told the client by PROXY v2, behind `xclient` by XCLIENT."""

    name = "portreeve"
    kinds = ("plain", "xclient", "starttls", "implicit", "submission")
    #: TLS, backend and policy of the listener for each kind.
    listeners = {
        "plain": ("none", "mx", "inbound"), "xclient": ("none", "mxx", "inbound"),
        "starttls": ("starttls", "mx", "inbound"), "implicit": ("implicit", "mx", "inbound"),
        "submission": ("starttls", "submit", "submission"), "limited": ("none", "mx", "limited"),
    }
    #: More lines of portreeve.yaml.
    more = ""

    @classmethod
    def missing(cls):
        return None if PORTREEVE.exists() else f"not built: {PORTREEVE}"

    def command(self):
        for name in ("cert.pem", "key.pem"):
            shutil.copy(self.root.parent / name, self.root / name)
        log = self.root / "log"
        log.touch()
        if os.geteuid() == 0:
            for path in (self.root, log, self.root / "key.pem"):
                shutil.chown(path, "nobody")
        listeners = "\n".join(
            f'  {name}: {{ bind: ["127.0.0.1:{self.ports[name]}"], tls: {tls}, backend: {backend}, policies: [{policy}] }}'
            for name in self.kinds for tls, backend, policy in [self.listeners[name]])
        return [str(PORTREEVE), "run", "--no-selftest", "-c", self.write("portreeve.yaml", f"""\
version: 1
hostname: mail.example.com
domains: [example.com]
user: nobody
workers: {self.workers}
listeners:
{listeners}
certificates:
  - {{ names: [mail.example.com], chain: cert.pem, key: key.pem }}
backends:
  mx: {{ servers: ["127.0.0.1:{self.backend}"], identity: proxy-v2 }}
  mxx: {{ servers: ["127.0.0.1:{self.backend}"], identity: xclient }}
  submit: {{ servers: ["127.0.0.1:{self.backend}"], identity: xclient, auth: relay, realm: example.com }}
admin: {{ socket: {self.root}/control.sock }}
log: {{ to: {log} }}
protocol:
  max_sessions: 40000
  max_sessions_per_client: 40000
  connection_rate: 1000000/s
  max_messages: 1000000
  max_message_size: 100MB
{self.more}""")]


class OwnLimits(Portreeve):
    """Two limits for each recipient, as `submission` has them, in the process's own memory."""

    name = "portreeve limits"
    kinds = ("limited",)
    more = "policies: [limited]\n"

    def command(self):
        folder = self.root / "limited"
        folder.mkdir()
        (folder / "policy.yaml").write_text("""\
version: 1
policy: limited
allow_open_relay: "I understand"
limits:
  hour: { key: client.net, rate: 1000000/s, burst: 1000000, scope: cluster }
  day:  { key: client.net, rate: 100000000/d, burst: 100000000, scope: cluster }
rules:
  - { id: burst, at: rcpt, over: [hour, day], action: defer, reply: "450 4.7.1 Sending limit reached" }
default: accept
""")
        return super().command()


class RedisLimits(OwnLimits):
    """The same in a Redis of its own, whose CPU is not counted."""

    name = "portreeve redis"

    @classmethod
    def missing(cls):
        return super().missing() or (None if shutil.which("redis-server") else "no redis-server")

    def command(self):
        port = free_ports(1)[0]
        log = self.root / "redis"
        with open(log, "wb") as output:
            self.redis = subprocess.Popen(
                ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(self.root)],
                stdout=output, stderr=output, cwd=self.root)
        await_port(port, self.redis, log)
        self.more = f"{OwnLimits.more}state: {{ store: \"redis://127.0.0.1:{port}/0\" }}\n"
        return super().command()

    def stop(self):
        super().stop()
        if lost := self.log.read_text(errors="replace").count("is lost"):
            print(f"{self.name}: Redis did not answer in time {lost} times; what it cost is not all in the figures",
                  file=sys.stderr)
        self.redis.terminate()
        self.redis.wait()


PIPES = [HAProxy, NginxStream, NIOPipe]
ALL = [Sink, HAProxy, NginxMail, NginxStream, NIOPipe, Postfix, Portreeve, OwnLimits, RedisLimits]
