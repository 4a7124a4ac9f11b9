# SPDX-License-Identifier: Apache-2.0
"""What a laboratory has made, written down before it is made, so that everything can be taken down by its id: by the
laboratory itself, after a failure, or later by `python3 tests/lab clean`."""

import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile

from .shell import run

_PREFIX = "weft-lab-"


def _start_time(pid):
    """When the process started: with the id it names one process for good. None: it is gone."""
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    state, *rest = text.rsplit(")", 1)[1].split()
    return None if state == "Z" else int(rest[18])


class Record:
    """`folder` holds the record and every file of the laboratory."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self._file = self.folder / "record.json"
        self._processes = {}
        self._data = {"owner": [os.getpid(), _start_time(os.getpid())], "namespaces": [], "pins": [],
                      "mounts": [], "processes": []}

    @classmethod
    def new(cls):
        folder = pathlib.Path(tempfile.mkdtemp(prefix=_PREFIX))
        folder.chmod(0o755)
        record = cls(folder)
        record._save()
        return record

    @classmethod
    def load(cls, folder):
        record = cls(folder)
        record._data = json.loads(record._file.read_text())
        return record

    @property
    def run(self):
        """The id of this laboratory; short, for the names of what it makes."""
        return self.folder.name.removeprefix(_PREFIX)

    def _save(self):
        part = self._file.with_suffix(".new")
        part.write_text(json.dumps(self._data))
        part.rename(self._file)

    def namespace(self, name):
        self._data["namespaces"].append(name)
        self._save()

    def pin(self, path):
        self._data["pins"].append(str(path))
        self._save()

    def mount(self, path):
        self._data["mounts"].append(str(path))
        self._save()

    def process(self, process):
        """A Popen; answers it."""
        self._processes[process.pid] = process
        self._data["processes"].append([process.pid, _start_time(process.pid)])
        self._save()
        return process

    def keep(self):
        """Let it outlive this process: only its name takes it down."""
        self._data["owner"] = None
        self._save()

    def is_abandoned(self):
        if not self._data["owner"]:
            return False
        pid, started = self._data["owner"]
        return _start_time(pid) != started

    def destroy(self):
        """Take everything down. Each step is tried whatever became of the others; the first failure is raised at the end."""
        failures = []
        for pid, started in self._data["processes"]:
            if started and _start_time(pid) == started:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            if pid in self._processes:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._processes[pid].wait(5)
        self._kill_inside()
        existing = [n for n in self._data["namespaces"] if pathlib.Path("/run/netns", n).exists()]
        if existing:
            result = run("ip", "-force", "-batch", "-", check=False,
                         text_input="".join(f"netns del {name}\n" for name in existing))
            if result.returncode:
                failures.append(result.stderr.strip())
        for pin in self._data["pins"]:
            try:
                if pathlib.Path(pin).exists():
                    _remove_pins(pin)
            except OSError as error:
                failures.append(str(error))
        for path in self._data["mounts"]:
            if os.path.ismount(path):
                run("umount", "--lazy", path, check=False)
        shutil.rmtree(self.folder, ignore_errors=True)
        if failures:
            raise RuntimeError("; ".join(failures))

    def _kill_inside(self):
        """Whatever was started in our namespaces and is still there."""
        for name in self._data["namespaces"]:
            for pid in run("ip", "netns", "pids", name, check=False).stdout.split():
                if int(pid) != os.getpid():
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(int(pid), signal.SIGKILL)


def _remove_pins(folder):
    for path, folders, files in os.walk(folder, topdown=False):
        for name in files:
            os.unlink(os.path.join(path, name))
        for name in folders:
            os.rmdir(os.path.join(path, name))
    os.rmdir(folder)


def all_records():
    for folder in sorted(pathlib.Path(tempfile.gettempdir()).glob(_PREFIX + "*")):
        if (folder / "record.json").exists():
            yield Record.load(folder)
