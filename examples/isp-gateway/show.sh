#!/bin/bash
# Shows the policy beside it at work between three namespaces: who is refused, who passes, and how one is let through.
set -u
cd "$(dirname "$0")" || exit 2
. ../firewall-lab.sh
lab_enter "$@"
lab_up

echo "Before: everybody sends"
expect connected "plain host to port 25" connect 10.60.1.10 10.60.2.2 25

echo "The policy, taken back by itself unless it is confirmed"
echo yes | firewall apply --policy policy --confirm 30 2>/run/apply.log || cat /run/apply.log

echo "After: only mail hosts send"
for pair in "10.60.1.10 10.60.1.25 10.60.2.2" "fd60:1::10 fd60:1::25 fd60:2::2"; do
    read -r plain mail outside <<<"$pair"
    expect refused "$plain to port 25" connect "$plain" "$outside" 25
    expect connected "$plain to port 587" connect "$plain" "$outside" 587
    expect connected "$plain to port 465" connect "$plain" "$outside" 465
    expect connected "mail host $mail to port 25" connect "$mail" "$outside" 25
done
expect connected "plain host to the provider's relay" connect 10.60.1.10 10.60.2.6 25

echo "A customer moves a server and calls"
firewall allow 10.60.1.10 for 2h moving house, ticket 4711
expect connected "the same host" connect 10.60.1.10 10.60.2.2 25
firewall forget 10.60.1.10
expect refused "and when that is over" connect 10.60.1.10 10.60.2.2 25

echo "A mail host was broken into"
firewall deny 10.60.1.25 for 1d sends spam
expect refused "the mail host" connect 10.60.1.25 10.60.2.2 25

echo "Why"
firewall explain 10.60.1.25 10.60.2.2 | head -1
firewall who

echo "Off: nothing of it stays"
firewall off
expect connected "plain host to port 25" connect 10.60.1.10 10.60.2.2 25
exit "$LAB_STATUS"
