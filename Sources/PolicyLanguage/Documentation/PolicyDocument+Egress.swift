/// What docs/POLICY.md says of policies of `kind: egress`.
extension PolicyDocument {
    static let egress = """
        ## Egress policies: who may speak port 25

        A policy of `kind: egress` is no set of rules for sessions: it says which hosts may open connections to port 25
        through this machine, and nftables holds them to it. `firewall: { policy: FOLDER }` of portreeve.yaml names it;
        docs/FIREWALL.md describes the rules and the commands.

        * A zone is a set of interfaces. `monitor` counts and lists who would be refused. `adaptive` lets hosts send
          until they begin too many connections or go to too many new destinations, and then refuses them for
          `block_for`. `block` refuses everybody who is on no list. `explain` answers such connections with a text that
          tells why. `relay` passes them through the gateway's policies and onward to where they were going; both need
          a listener with `intercept: true`.
        * `lists.mail_hosts` may send, `lists.relays` may be reached by everybody, `lists.exempt` may send until a day.
          An exemption is one IPv4 host or one IPv6 /64.
        * Ports 465 and 587 stay open: no key names them unless `force` says so.
        * Its tests describe packets, and `portreeve test` sends them through the very rules that the kernel gets:

          ```yaml
          mode: enforce                # as it will be once the policy no longer monitors
          tests:
            - name: a customer's bot is refused
              packet: { interface: lan0, from: 192.0.2.7, to: 203.0.113.9 }    # port 25; spoofed: true, answer: true
              expect: { fate: refused, counter: refused_customers }   # passes, refused, dropped, intercepted
          ```
        * `lists.exempt` with `expires: required` takes no entry without an end. A reason may stand behind the day:
          `192.0.2.7 until 2027-01-31 moving house, ticket 4711`.


        """
}
