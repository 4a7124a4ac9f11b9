# SPDX-License-Identifier: Apache-2.0
"""Network namespaces, entered by the calling thread alone and only for as long as it takes to open a socket."""

import contextlib
import ctypes
import os
import pathlib
import socket
import subprocess

from .shell import run

_libc = ctypes.CDLL(None, use_errno=True)
_CLONE_NEWNET = 0x40000000


def _enter(descriptor):
    """Move this thread into the namespace of this descriptor, and close it."""
    try:
        if _libc.setns(descriptor, _CLONE_NEWNET):
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code))
    finally:
        os.close(descriptor)


class Namespace:
    """A named network namespace. `ip netns exec` would hide the BPF file system, so nsenter is used instead."""

    def __init__(self, name):
        self.name = name
        self.path = f"/run/netns/{name}"

    def create(self, link_local=True):
        """`link_local`: give interfaces IPv6 link-local addresses by themselves, as the kernel does for end systems."""
        run("ip", "netns", "add", self.name)
        # Duplicate address detection would hold every IPv6 address back for a second.
        self.sysctl("net/ipv6/conf/default/accept_dad", 0)
        if not link_local:
            self.sysctl("net/ipv6/conf/default/addr_gen_mode", 1)
        self.ip("link set lo up")
        return self

    @contextlib.contextmanager
    def entered(self):
        own = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            _enter(os.open(self.path, os.O_RDONLY | os.O_CLOEXEC))
            yield
        finally:
            _enter(own)

    def socket(self, family, kind, protocol=0):
        with self.entered():
            return socket.socket(family, kind, protocol)

    def sysctl(self, name, value):
        with self.entered():
            pathlib.Path("/proc/sys", name).write_text(str(value))

    def words(self, *words):
        """The command line that runs these words inside."""
        return ["nsenter", f"--net={self.path}", "--", *map(str, words)]

    def run(self, *words, **options):
        return run(*self.words(*words), **options)

    def popen(self, words, **options):
        return subprocess.Popen(self.words(*words), **options)

    def ip(self, *lines):
        """Run lines of `ip`, as one batch."""
        return run("ip", "-n", self.name, "-batch", "-", text_input="\n".join(lines) + "\n")
