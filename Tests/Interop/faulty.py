"""Runs a program in a kernel that lacks something, or that ends it at a chosen call: by a seccomp filter of our own.

    python3 faulty.py no-netfilter PROGRAM …        sockets of NETLINK_NETFILTER: EPROTONOSUPPORT
    python3 faulty.py dies-before-answer PROGRAM …  SIGSYS at the first receive that does not wait: the helper receives so
                                                    after it has sent the kernel a change, to read what became of it
"""
import ctypes
import os
import platform
import struct
import sys

NUMBERS = {"x86_64": (0xC000003E, 41, 45), "aarch64": (0xC00000B7, 198, 207)}
ALLOW, ERRNO, KILL = 0x7FFF0000, 0x00050000, 0x80000000
LOAD, EQUAL, BITS, ANSWER = 0x20, 0x15, 0x45, 0x06
EPROTONOSUPPORT, AF_NETLINK, NETLINK_NETFILTER, MSG_DONTWAIT = 93, 16, 12, 0x40


def argument(number):
    """Where the low half of an argument stands in struct seccomp_data, on a little-endian machine."""
    return 16 + 8 * number


def is_possible():
    return platform.machine() in NUMBERS


def program(fault):
    """struct sock_filter by struct sock_filter: (code, jump if true, jump if false, value)."""
    _, socket, receive = NUMBERS[platform.machine()]
    asks = {
        "no-netfilter": [
            (EQUAL, 0, 5, socket), (LOAD, 0, 0, argument(0)), (EQUAL, 0, 3, AF_NETLINK),
            (LOAD, 0, 0, argument(2)), (EQUAL, 0, 1, NETLINK_NETFILTER), (ANSWER, 0, 0, ERRNO | EPROTONOSUPPORT)],
        "dies-before-answer": [
            (EQUAL, 0, 3, receive), (LOAD, 0, 0, argument(3)), (BITS, 0, 1, MSG_DONTWAIT), (ANSWER, 0, 0, KILL)],
    }
    return [(LOAD, 0, 0, 0), *asks[fault], (ANSWER, 0, 0, ALLOW)]


def confine(fault):
    octets = b"".join(struct.pack("HBBI", *one) for one in program(fault))
    room = ctypes.create_string_buffer(octets)
    filters = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(octets) // 8, ctypes.addressof(room)))
    libc = ctypes.CDLL(None, use_errno=True)
    # PR_SET_NO_NEW_PRIVS, then PR_SET_SECCOMP with SECCOMP_MODE_FILTER.
    for words in ((38, 1, 0, 0, 0), (22, 2, ctypes.byref(filters), 0, 0)):
        if libc.prctl(*words):
            raise OSError(ctypes.get_errno(), "prctl")


if __name__ == "__main__":
    confine(sys.argv[1])
    os.execv(sys.argv[2], sys.argv[2:])
