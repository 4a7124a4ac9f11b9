# SPDX-License-Identifier: Apache-2.0
"""Virtual machines: QEMU with software emulation, a Debian cloud kernel, and a console that runs commands."""

import base64
import importlib.util
import pathlib
import socket
import subprocess
import time

from .shell import LabError

_BUILD = pathlib.Path(__file__).resolve().parents[1] / "guest/build.py"
_spec = importlib.util.spec_from_file_location("guest_build", _BUILD)
build = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(build)

BOOT_SECONDS = 60  # 3 on an idle machine


class Guest:
    """A running guest. `nic` is {tap, mac, addresses, mtu}, or None for no network card.

    `launch` starts a process where the tap is: it takes the words of the command and answers a Popen.
    """

    def __init__(self, name, folder, launch=subprocess.Popen, *, series="6.1", nic=None, port=7777, programs=(),
                 files=None, memory=256):
        self.name = name
        kernel = build.fetch_kernel(series)
        image = build.build_initramfs(kernel, programs, files)
        console = pathlib.Path(folder) / f"{name}.console"
        self.log = pathlib.Path(folder) / f"{name}.log"
        words = ["console=ttyS0", "quiet", "panic=-1", "mitigations=off", "no_timer_check", "tsc=reliable",
                 f"weft.name={name}"]
        devices = []
        if nic:
            words += [f"weft.mtu={nic['mtu']}", f"weft.addresses={','.join(nic['addresses'])}", f"weft.port={port}"]
            devices = ["-netdev", f"tap,id=net,ifname={nic['tap']},script=no,downscript=no",
                       "-device", f"virtio-net-pci,netdev=net,mac={nic['mac']},romfile="]
        self.process = launch([
            "qemu-system-x86_64", "-machine", "q35", "-accel", "tcg", "-cpu", "max", "-m", str(memory),
            "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
            "-kernel", str(kernel.image), "-initrd", str(image), "-append", " ".join(words),
            "-serial", f"file:{self.log}",
            "-device", "virtio-serial-pci", "-chardev", f"socket,id=console,path={console},server=on,wait=off",
            "-device", "virtserialport,chardev=console,name=weft", *devices])
        self._connect(console)

    def _connect(self, console):
        deadline = time.monotonic() + BOOT_SECONDS
        self._socket = socket.socket(socket.AF_UNIX)
        while True:
            try:
                self._socket.connect(str(console))
                break
            except (FileNotFoundError, ConnectionRefusedError):
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise LabError(f"guest {self.name}: QEMU did not start") from None
                time.sleep(0.02)
        self._stream = self._socket.makefile("rb")
        self._ready = False

    def wait_ready(self):
        """Until the guest has booted and its console answers."""
        if self._ready:
            return self
        self._socket.settimeout(BOOT_SECONDS)
        try:
            line = self._stream.readline()
        except TimeoutError:
            line = b""
        if line != b"ready\n":
            raise LabError(f"guest {self.name} did not boot:\n{self.log.read_text(errors='replace')[-2000:]}")
        self._ready = True
        return self

    def run(self, command, timeout=60, check=True):
        """Run a shell command inside; its output, and with check=False (exit code, output)."""
        self.wait_ready()
        self._socket.settimeout(timeout)
        self._socket.sendall(base64.b64encode(command.encode()) + b"\n")
        code, size = map(int, self._stream.readline().split())
        output = self._stream.read(size).decode(errors="replace")
        if not check:
            return code, output
        if code:
            raise LabError(f"guest {self.name}: {command}: exit code {code}\n{output}")
        return output

    def stop(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._stream.close()
        self._socket.close()


def run_binary(series, command, programs, files=None, *, folder, memory=1024, timeout=600):
    """Boot a kernel of this series with host programs inside, run one command: (exit code, output)."""
    guest = Guest(f"kernel-{series}", folder, series=series, programs=programs, files=files, memory=memory)
    try:
        return guest.run(command, timeout=timeout, check=False)
    finally:
        guest.stop()
