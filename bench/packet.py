# SPDX-License-Identifier: Apache-2.0
"""The cost of one packet by itself, by kind: nanoseconds in this kernel, and instructions of the native build, which do
not depend on what else the machine does. The instructions are kept in the tree as a baseline, so that a change that
costs shows up."""

import json
import pathlib
import re
import subprocess
import tempfile

from . import ROOT

BASELINE = ROOT / "bench/baseline.json"
RUNS = 1000  # of each kind, by weft-packet


def _run(*words):
    result = subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=120)
    if result.returncode:
        raise RuntimeError(f"{words[0]}: {result.stderr.strip()[-500:]}")
    return result.stdout


def nanoseconds(build):
    """{kind: ns} by BPF_PROG_TEST_RUN, without what an empty program takes."""
    lines = _run(build / "bench/packet/weft-packet", "kernel", build / "tests/vectors/vectors.json").splitlines()
    return {answer["kind"]: answer["ns"] for answer in map(json.loads, lines)}


def instructions(build):
    """{kind: instructions} under callgrind, the frame's copy in and out included."""
    counts = {}
    with tempfile.TemporaryDirectory(prefix="weft-bench-") as folder:
        _run("valgrind", "-q", "--tool=callgrind", f"--callgrind-out-file={folder}/out",
             build / "bench/packet/weft-packet", "native", build / "tests/vectors/vectors.json")
        for path in sorted(pathlib.Path(folder).glob("out.*"), key=lambda p: int(p.suffix[1:])):
            text = path.read_text()
            kind = re.search(r"^desc: Trigger: Client Request: (.*)$", text, re.MULTILINE)
            if kind:
                counts[kind.group(1)] = round(int(re.search(r"^totals: (\d+)", text, re.MULTILINE).group(1)) / RUNS)
    return counts


def run(build, compiler):
    counts = instructions(build)
    known = json.loads(BASELINE.read_text()) if BASELINE.exists() else {"instructions": {}}
    return {"ns": nanoseconds(build), "instructions": counts, "baseline": known["instructions"], "compiler": compiler,
            "baseline_compiler": known.get("compiler", compiler)}


def keep(result):
    """This run's instructions become the baseline."""
    BASELINE.write_text(json.dumps({"compiler": result["compiler"], "instructions": result["instructions"]}, indent=1)
                        + "\n")


def changes(result):
    """[(kind, instructions, change against the baseline as a part of it, or None)]"""
    return [(kind, count, count / result["baseline"][kind] - 1 if kind in result["baseline"] else None)
            for kind, count in result.get("instructions", {}).items()]
