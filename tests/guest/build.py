#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Kernels and root file systems for test guests.

A kernel is Debian's cloud kernel, downloaded with apt and unpacked into .cache/, never installed. The root file system
is an initramfs: a static busybox, the modules that the devices need in the order that depmod gives, and whatever
programs the test wants inside, with their shared libraries.
"""

import hashlib
import lzma
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache"
INIT = pathlib.Path(__file__).with_name("init")

# Packages that name the newest kernel of a series by depending on it; where there is none, the newest by name.
SERIES = {"6.1": "linux-image-cloud-amd64", "6.12": "linux-image-6.12-cloud-amd64"}

# What a guest has: virtio on PCI, a network card, a console port, and what the datapath attaches to.
MODULES = ["virtio_pci", "virtio_net", "virtio_console", "veth", "tun", "sch_ingress", "cls_bpf"]


class BuildError(Exception):
    pass


def _output(*command):
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode:
        raise BuildError(f"{' '.join(map(str, command))}: {result.stderr.strip()}")
    return result.stdout


def kernel_package(series):
    """The newest cloud kernel image of this series that apt offers."""
    pattern = re.compile(rf"linux-image-{re.escape(series)}\.\d+.*-cloud-amd64$")
    depends = subprocess.run(["apt-cache", "depends", SERIES.get(series, "-")], capture_output=True, text=True).stdout
    for word in depends.split():
        if pattern.match(word):
            return word
    names = [n for n in _output("apt-cache", "pkgnames", f"linux-image-{series}.").split() if pattern.match(n)]
    if not names:
        raise BuildError(f"apt offers no cloud kernel {series}; try apt-get update")
    return max(names, key=lambda name: [int(n) for n in re.findall(r"\d+", name)])


class Kernel:
    """An unpacked kernel: `image` to boot, modules beside it."""

    def __init__(self, folder):
        self.folder = folder
        self.image = next((folder / "boot").glob("vmlinuz-*"))
        self.version = self.image.name.removeprefix("vmlinuz-")

    def modules(self, names):
        """Paths of these modules and what they need, each after what it needs. Built-in ones are left out."""
        order = []
        for name in names:
            for line in _output("modprobe", "-d", self.folder, "-S", self.version, "--show-depends", name).splitlines():
                words = line.split()
                if words[0] == "insmod" and words[1] not in order:
                    order.append(words[1])
        return [pathlib.Path(path) for path in order]


def fetch_kernel(series):
    """Download and unpack, once; later calls find it in the cache even with no network."""
    folder = CACHE / f"kernel-{series}"
    if folder.is_dir():
        return Kernel(folder)
    package = kernel_package(series)
    work = CACHE / f"kernel-{series}.new"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    result = subprocess.run(["apt-get", "-q", "download", package], cwd=work, capture_output=True, text=True)
    if result.returncode:
        raise BuildError(f"apt-get download {package}: {result.stderr.strip()}")
    archive = next(work.glob("*.deb"))
    _output("dpkg-deb", "-x", archive, work)
    archive.unlink()
    _output("depmod", "-b", work, Kernel(work).version)
    work.rename(folder)
    return Kernel(folder)


def _libraries(program):
    """Shared libraries and the loader of a program, as the host resolves them."""
    result = subprocess.run(["ldd", program], capture_output=True, text=True)
    if result.returncode:  # static
        return []
    return sorted(set(re.findall(r"(/\S+) \(0x", result.stdout)))


def _add(root, source, target):
    path = root / str(target).lstrip("/")
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(source, path)
    return path


def _fill(root, kernel, programs, files, modules):
    for folder in ["bin", "proc", "sys", "dev", "tmp", "modules", "usr/local/bin"]:
        (root / folder).mkdir(parents=True)
    _add(root, INIT, "init").chmod(0o755)
    _add(root, "/bin/busybox", "bin/busybox")
    for applet in _output("/bin/busybox", "--list").split():
        if applet != "busybox":
            (root / "bin" / applet).symlink_to("busybox")
    order = []
    for module in kernel.modules([*MODULES, *modules]):
        name = module.name.removesuffix(".xz")
        data = module.read_bytes()
        (root / "modules" / name).write_bytes(lzma.decompress(data) if module.suffix == ".xz" else data)
        order.append(name + "\n")
    (root / "modules/order").write_text("".join(order))
    for program in programs:
        _add(root, program, f"usr/local/bin/{pathlib.Path(program).name}").chmod(0o755)
        for library in _libraries(program):
            _add(root, library, library)
    for source, target in files.items():
        _add(root, source, target)


def build_initramfs(kernel, programs=(), files=None, modules=()):
    """An initramfs with these host programs in /usr/local/bin, `files` {source: path inside}, and these modules besides
    those that every guest has; cached by content."""
    files = files or {}
    digest = hashlib.sha256(kernel.version.encode())
    for path in [INIT, __file__, *programs, *sorted(files)]:
        digest.update(str(path).encode() + pathlib.Path(path).read_bytes())
    digest.update(repr([sorted((str(s), str(t)) for s, t in files.items()), *modules]).encode())
    image = CACHE / f"initramfs-{digest.hexdigest()[:16]}.cpio"
    if image.exists():
        return image
    work = image.with_suffix(f".{id(digest):x}")
    root = work / "root"
    root.mkdir(parents=True)
    try:
        _fill(root, kernel, programs, files, modules)
        names = [str(p.relative_to(root)) for p in sorted(root.rglob("*"))]
        archive = subprocess.run(["cpio", "--quiet", "-o", "-H", "newc"], cwd=root, input="\n".join(names).encode(),
                                 capture_output=True, check=True).stdout
        part = work / "image"
        part.write_bytes(archive)  # to unpack would take an emulated processor longer than to read
        part.rename(image)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return image


if __name__ == "__main__":
    try:
        for wanted in sys.argv[1:] or SERIES:
            built = fetch_kernel(wanted)
            print(f"{wanted}: {built.version}, {build_initramfs(built)}")
    except BuildError as error:
        sys.exit(f"guest: {error}")
