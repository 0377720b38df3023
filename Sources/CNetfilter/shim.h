#pragma once

/* libnftnl/expr.h uses FILE without declaring it. */
#include <stdio.h>

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include <linux/fib_rules.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <linux/netfilter/xt_connmark.h>
#include <linux/netfilter/xt_mark.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include <libmnl/libmnl.h>
#include <libnftnl/batch.h>
#include <libnftnl/chain.h>
#include <libnftnl/common.h>
#include <libnftnl/expr.h>
#include <libnftnl/flowtable.h>
#include <libnftnl/gen.h>
#include <libnftnl/object.h>
#include <libnftnl/rule.h>
#include <libnftnl/set.h>
#include <libnftnl/table.h>
#include <libnftnl/udata.h>

/* Kernel ABI that the headers of Debian 12 (Linux 6.1) do not have yet: an owned table outlives its owner since 6.9. */
static inline uint32_t reeve_nft_table_owner(void) { return 0x2; }
static inline uint32_t reeve_nft_table_persist(void) { return 0x4; }

/* The message type of a subsystem of nfnetlink. */
static inline uint16_t reeve_nfnl_type(uint8_t subsystem, uint8_t message) {
    return (uint16_t)(subsystem << 8 | message);
}
