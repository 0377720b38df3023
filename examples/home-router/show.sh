#!/bin/bash
# Shows the policy beside it at work between three namespaces: a host that sends like a bot is caught, its neighbour is not.
set -u
cd "$(dirname "$0")" || exit 2
. ../firewall-lab.sh
lab_enter "$@"
lab_up

firewall apply --policy policy

echo "A household's host may send now and then"
for number in 1 2 3 4 5; do
    expect connected "connection $number" connect 10.60.1.10 10.60.2.2 25
done

echo "The sixth at once is too many, and then port 25 is closed for it"
expect refused "connection 6" connect 10.60.1.10 10.60.2.2 25
expect refused "connection 7" connect 10.60.1.10 10.60.2.2 25
expect connected "the same host on port 587" connect 10.60.1.10 10.60.2.2 587
expect connected "the household's mail host" connect 10.60.1.25 10.60.2.2 25

echo "IPv6 hosts are told apart by their /64: another address in it is the same host"
for number in 1 2 3 4 5; do
    expect connected "connection $number" connect fd60:1:0:9::10 fd60:2::2 25
done
in_ns customers ip address add fd60:1:0:9::11/64 dev c0 nodad
expect refused "connection 6, from another address" connect fd60:1:0:9::11 fd60:2::2 25

echo "The owner has cleaned the machine"
firewall forget 10.60.1.10
firewall allow 10.60.1.10 for 1h cleaned
expect connected "the host" connect 10.60.1.10 10.60.2.2 25

firewall status | head -2
firewall off
exit "$LAB_STATUS"
