# A network of three machines in namespaces, for the examples beside this file: `. ../firewall-lab.sh`.
#
#   customers                     router                          outside
#   c0 10.60.1.10  plain host     lan0 10.60.1.1 | wan0 10.60.2.1   s0 10.60.2.2   some mail server
#      10.60.1.25  mail host      lan0 fd60:1::1 | wan0 fd60:2::1      fd60:2::2
#      fd60:1::10, fd60:1::25                                          10.60.2.6   the provider's relay
#
# Everything is made in namespaces of its own and gone when the script ends. Root is not needed where the kernel lets
# users make namespaces. Needs iproute2, python3 and the two programs (PORTREEVE_FIREWALL names the one that is run).

# The first call runs the script again inside new namespaces; there it is process 1, and its end ends the rest.
lab_enter() {
    [ -n "${LAB_INSIDE:-}" ] && return
    rights=-r
    [ "$(id -u)" -eq 0 ] && rights=
    # shellcheck disable=SC2086 # no word for root
    LAB_INSIDE=1 exec unshare $rights -nmpf --kill-child --mount-proc bash "$PWD/${0##*/}" "$@"
}

lab_up() {
    mount -t tmpfs tmpfs /run
    mkdir -p /run/netns /run/state
    for name in customers router outside; do ip netns add "$name"; done
    ip link add c0 netns customers type veth peer name lan0 netns router
    ip link add s0 netns outside type veth peer name wan0 netns router
    for name in customers router outside; do in_ns "$name" ip link set lo up; done
    address customers c0 10.60.1.10/24 10.60.1.25/24 fd60:1::10/64 fd60:1::25/64 fd60:1:0:9::10/64
    address router lan0 10.60.1.1/24 fd60:1::1/64 fd60:1:0:9::1/64
    address router wan0 10.60.2.1/24 fd60:2::1/64
    address outside s0 10.60.2.2/24 10.60.2.6/24 fd60:2::2/64
    in_ns customers ip route add default via 10.60.1.1
    in_ns customers ip -6 route add default via fd60:1::1
    in_ns outside ip route add default via 10.60.2.1
    in_ns outside ip -6 route add default via fd60:2::1
    in_ns router sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
    in_ns outside python3 -c "$LAB_SERVER" 25 465 587 >/run/server.log 2>&1 &
    # A neighbour that is not known yet costs a repeated SYN, which would be counted as an attempt of its own.
    reach 10.60.1.25 10.60.2.2
    reach 10.60.1.10 10.60.2.2
    reach fd60:1::10 fd60:2::2
    reach fd60:1:0:9::10 fd60:2::2
}

# Waits until FROM can talk to TO.
reach() {
    for _ in $(seq 100); do
        [ "$(connect "$@" 587)" = connected ] && return
    done
    echo "the lab's mail server does not answer $1: $(cat /run/server.log)" >&2
    exit 1
}

in_ns() {
    namespace=$1
    shift
    nsenter --net="/run/netns/$namespace" "$@"
}

address() {
    namespace=$1 device=$2
    shift 2
    for item in "$@"; do
        case $item in
        *:*) in_ns "$namespace" ip address add "$item" dev "$device" nodad ;;
        *) in_ns "$namespace" ip address add "$item" dev "$device" ;;
        esac
    done
    in_ns "$namespace" ip link set "$device" up
}

# The program under test, in the router.
firewall() {
    in_ns router "${PORTREEVE_FIREWALL:-portreeve-firewall}" "$@" --socket /run/none.sock --state /run/state
}

# connect FROM TO PORT: prints connected, refused or silent.
connect() {
    in_ns customers python3 -c "$LAB_CLIENT" "$@"
}

# expect WHAT-IT-SHOULD-BE WHAT-IT-IS-ABOUT COMMAND…
expect() {
    wanted=$1 about=$2
    shift 2
    got=$("$@")
    if [ "$got" = "$wanted" ]; then
        echo "  ok    $about: $got"
    else
        echo "  WRONG $about: $got, and not $wanted"
        LAB_STATUS=1
    fi
}

LAB_STATUS=0

LAB_SERVER='
import socket, socketserver, sys, threading
class Greet(socketserver.StreamRequestHandler):
    def handle(self):
        self.wfile.write(b"220 mail.lab ESMTP\r\n")
class Server(socketserver.ThreadingTCPServer):
    address_family = socket.AF_INET6
    allow_reuse_address = True
    daemon_threads = True
    def server_bind(self):
        self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        super().server_bind()
for port in sys.argv[1:]:
    threading.Thread(target=Server(("::", int(port)), Greet).serve_forever).start()
'

LAB_CLIENT='
import socket, sys
source, target, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
family = socket.AF_INET6 if ":" in target else socket.AF_INET
with socket.socket(family) as client:
    client.settimeout(3)
    try:
        client.bind((source, 0))
        client.connect((target, port))
        print("connected" if client.recv(100).startswith(b"220") else "silent")
    except ConnectionRefusedError:
        print("refused")
    except OSError:
        print("silent")
'
