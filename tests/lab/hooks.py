# SPDX-License-Identifier: Apache-2.0
"""hooks.py list|detach DEVICE, or attach DEVICE OBJECT SECTION, in a network namespace: the BPF programs at the ingress of a device,
at tcx or as tc filters. No command of Debian 12 knows tcx."""

import ctypes
import json
import os
import socket
import struct
import subprocess
import sys

BPF = 321  # the system call, on x86-64
PROG_ATTACH, PROG_DETACH, PROG_GET_FD_BY_ID, PROG_QUERY = 8, 9, 13, 16
TCX_INGRESS = 46
MOST = 64


def bpf(command, attributes):
    answer = ctypes.CDLL(None, use_errno=True).syscall(BPF, command, attributes, len(attributes))
    if answer < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return answer


def change(command, index, program):
    fd = bpf(PROG_GET_FD_BY_ID, ctypes.create_string_buffer(struct.pack("=3I", program, 0, 0), 12))
    try:
        bpf(command, ctypes.create_string_buffer(struct.pack("=5I", index, fd, TCX_INGRESS, 0, 0), 20))
    finally:
        os.close(fd)


def tcx(index):
    """Ids of the programs; None where the kernel has no tcx."""
    ids = (ctypes.c_uint32 * MOST)()
    attributes = ctypes.create_string_buffer(struct.pack("=4IQ2I4Q", index, TCX_INGRESS, 0, 0, ctypes.addressof(ids), MOST,
                                                         0, 0, 0, 0, 0), 64)
    try:
        bpf(PROG_QUERY, attributes)
    except OSError as error:
        if error.errno != 22:
            raise
        return None
    return ids[:struct.unpack_from("=I", attributes, 24)[0]]


def answer(*words):
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


def filters(device):
    listed = json.loads(answer("tc", "-j", "filter", "show", "dev", device, "ingress") or "[]")
    return [f["options"]["prog"]["id"] for f in listed if "prog" in f.get("options", {})]


def listed(device):
    programs = [*(tcx(socket.if_nametoindex(device)) or []), *filters(device)]
    return [json.loads(answer("bpftool", "-j", "prog", "show", "id", str(program))) for program in programs]


def detach(device):
    index = socket.if_nametoindex(device)
    for program in tcx(index) or []:
        change(PROG_DETACH, index, program)
    if filters(device):
        answer("tc", "filter", "del", "dev", device, "ingress")


def attach(device, path, section):
    """By tc, which loads it; to tcx from there, if the kernel has it."""
    index = socket.if_nametoindex(device)
    answer("tc", "qdisc", "add", "dev", device, "clsact")
    answer("tc", "filter", "add", "dev", device, "ingress", "bpf", "direct-action", "object-file", path, "section", section)
    if tcx(index) is not None:
        (program,) = filters(device)
        change(PROG_ATTACH, index, program)
        answer("tc", "qdisc", "del", "dev", device, "clsact")


def main():
    what, device, *more = sys.argv[1:]
    if what == "list":
        print(json.dumps(listed(device)))
    else:
        {"attach": attach, "detach": detach}[what](device, *more)


main()
