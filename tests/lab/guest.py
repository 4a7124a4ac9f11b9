# SPDX-License-Identifier: Apache-2.0
"""Virtual machines: QEMU with software emulation, a Debian cloud kernel, and a console that runs commands."""

import base64
import importlib.util
import pathlib
import select
import socket
import subprocess
import time

from .shell import LabError

_BUILD = pathlib.Path(__file__).resolve().parents[1] / "guest/build.py"
_spec = importlib.util.spec_from_file_location("guest_build", _BUILD)
build = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(build)

BOOT_SECONDS = 180  # 3 on an idle machine


class Reply:
    """What a command inside a guest answers."""

    def __init__(self, guest, command):
        self._guest, self._command = guest, command

    def ready(self):
        return bool(select.select([self._guest.socket], [], [], 0)[0])

    def result(self, timeout=180):
        """(exit code, output)"""
        self._guest.socket.settimeout(timeout)
        try:
            code, size = map(int, self._guest.stream.readline().split())
            return code, self._guest.stream.read(size).decode(errors="replace")
        except TimeoutError:
            raise LabError(f"guest {self._guest.name}: {self._command}: no end after {timeout} s") from None

    def output(self, timeout=180):
        code, output = self.result(timeout)
        if code:
            raise LabError(f"guest {self._guest.name}: {self._command}: exit code {code}\n{output}")
        return output


class Guest:
    """A running guest. `nic` is {tap, mac, addresses, mtu}, or None for no network card; with one it answers on `port`
    by the name `answer`.

    `launch` starts a process where the tap is: it takes what subprocess.Popen takes, and answers one.
    """

    def __init__(self, name, folder, launch=subprocess.Popen, *, series="6.1", nic=None, answer=None, port=7777,
                 programs=(), files=None, modules=(), memory=256, machine=()):
        self.name = name
        kernel = build.fetch_kernel(series)
        image = build.build_initramfs(kernel, programs, files, modules)
        console = pathlib.Path(folder) / f"{name}.console"
        self.log = pathlib.Path(folder) / f"{name}.log"
        words = ["console=ttyS0", "quiet", "panic=-1", "mitigations=off", "no_timer_check", "tsc=reliable",
                 f"weft.name={answer or name}"]
        devices = []
        if nic:
            words += [f"weft.mtu={nic['mtu']}", f"weft.addresses={','.join(nic['addresses'])}", f"weft.port={port}"]
            devices = ["-netdev", f"tap,id=net,ifname={nic['tap']},script=no,downscript=no",
                       "-device", f"virtio-net-pci,netdev=net,mac={nic['mac']},romfile="]
        self._said = pathlib.Path(folder) / f"{name}.qemu"
        # A session of its own, with none of our files: it may outlive us.
        with open(self._said, "wb") as said:
            self.process = launch([
                "qemu-system-x86_64", "-machine", "q35", "-accel", "tcg", "-cpu", "max", "-m", str(memory),
                "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
                "-kernel", str(kernel.image), "-initrd", str(image), "-append", " ".join(words),
                "-serial", f"file:{self.log}",
                "-device", "virtio-serial-pci", "-chardev", f"socket,id=console,path={console},server=on,wait=off",
                "-device", "virtserialport,chardev=console,name=weft", *devices, *machine],
                stdin=subprocess.DEVNULL, stdout=said, stderr=said, start_new_session=True)
        self._connect(console)

    def _connect(self, console):
        deadline = time.monotonic() + BOOT_SECONDS
        self.socket = socket.socket(socket.AF_UNIX)
        while True:
            try:
                self.socket.connect(str(console))
                break
            except (FileNotFoundError, ConnectionRefusedError):
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise LabError(f"guest {self.name}: QEMU did not start: {self._said.read_text()}") from None
                time.sleep(0.02)
        self.stream = self.socket.makefile("rb")
        self._ready = False

    def wait_ready(self):
        """Until the guest has booted and its console answers."""
        if self._ready:
            return self
        self.socket.settimeout(BOOT_SECONDS)
        try:
            line = self.stream.readline()
        except TimeoutError:
            line = b""
        if line != b"ready\n":
            raise LabError(f"guest {self.name} did not boot:\n{self.log.read_text(errors='replace')[-2000:]}")
        self._ready = True
        return self

    def start(self, command):
        """Start a shell command inside; the Reply to read. One at a time."""
        self.wait_ready()
        self.socket.sendall(base64.b64encode(command.encode()) + b"\n")
        return Reply(self, command)

    def run(self, command, timeout=180):
        """Run a shell command inside; its output."""
        return self.start(command).output(timeout)

    def stop(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.stream.close()
        self.socket.close()


def run_binary(series, command, programs, files=None, *, folder, memory=1024, timeout=1800):
    """Boot a kernel of this series with host programs inside, run one command: (exit code, output)."""
    guest = Guest(f"kernel-{series}", folder, series=series, programs=programs, files=files, memory=memory)
    try:
        return guest.start(command).result(timeout)
    finally:
        guest.stop()
