# SPDX-License-Identifier: Apache-2.0
"""`weft simulate` at one size."""

import json
import subprocess

SECONDS = 1200


def simulate(binary, size, *options):
    words = [binary, "simulate", "--json", "--hosts", size.hosts, "--ports", size.ports, "--full", size.full,
             "--repeat", size.repeat, *options]
    done = subprocess.run([*map(str, words)], capture_output=True, text=True, timeout=SECONDS)
    if done.returncode:
        raise RuntimeError(f"weft simulate: {done.stderr.strip()}")
    return json.loads(done.stdout)


def attempt(binary, size):
    """{"result"}, or {"why"} there is none."""
    try:
        return {"result": simulate(binary, size)}
    except (RuntimeError, ValueError, subprocess.TimeoutExpired) as error:
        return {"why": str(error)[:500]}
