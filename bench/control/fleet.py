# SPDX-License-Identifier: Apache-2.0
"""`weft simulate` at one size."""

import json
import os
import pty
import subprocess
import threading

from .. import ROOT

SECONDS = 1200
UNIT = ROOT / "packaging/systemd/weft-controller.service.in"


def environment():
    """As the controller has it when it is a service; the process of the simulated hosts has it too."""
    set_there = (line.partition("=") for line in UNIT.read_text().splitlines() if line.startswith("Environment="))
    return {**os.environ, **dict(words.split("=", 1) for _, _, words in set_there)}


def simulate(binary, size, tell, *options):
    """Its result; `tell` is told what it says on its way, which it does to a terminal only."""
    words = [binary, "simulate", "--json", "--hosts", size.hosts, "--ports", size.ports, "--full", size.full,
             "--repeat", size.repeat, *options]
    ours, theirs = pty.openpty()
    try:
        process = subprocess.Popen([*map(str, words)], stdout=subprocess.PIPE, stderr=theirs, text=True,
                                   env=environment())
    finally:
        os.close(theirs)
    said = []
    listener = threading.Thread(target=listen, args=(ours, tell, said))
    listener.start()
    try:
        out, _ = process.communicate(timeout=SECONDS)
    except BaseException:  # no controller of a million ports stays behind
        process.kill()
        process.wait()
        raise
    finally:
        listener.join()
        os.close(ours)
    if process.returncode:
        raise RuntimeError(f"weft simulate: {' '.join(said[-5:])}")
    return json.loads(out)


def listen(terminal, tell, said):
    """Lines of progress, each written over the one before; and what it says in the end, into `said`."""
    rest = ""
    while True:
        try:
            part = os.read(terminal, 65536)
        except OSError:  # nobody writes to it any more
            break
        *lines, rest = (rest + part.decode(errors="replace")).replace("\x1b[K", "").replace("\r", "\n").split("\n")
        for line in filter(None, map(str.strip, lines)):
            said.append(line)
            tell(line)
        del said[:-20]
    said.append(rest.strip())


def attempt(binary, size, tell, *options):
    """{"result"}, or {"why"} there is none."""
    try:
        return {"result": simulate(binary, size, tell, *options)}
    except (RuntimeError, ValueError, subprocess.TimeoutExpired) as error:
        return {"why": str(error)[:500]}
