# SPDX-License-Identifier: Apache-2.0
"""The command line of the benchmark."""

import argparse
import json
import os
import pathlib

from . import RESULTS, ROOT, control, data, guest, loads, method, packet, report

from lab import LabError  # noqa: E402 - by the path that the package sets

BUILD = pathlib.Path(os.environ.get("WEFT_BUILD", ROOT / "build"))


def parse():
    parser = argparse.ArgumentParser(prog="./dev bench", description="Weft beside what one would use instead.")
    parser.add_argument("what", nargs="?", choices=["data", "control", "all"], default="all")
    parser.add_argument("--quick", action="store_true", help="under six minutes; docs/performance.md stays as it is")
    parser.add_argument("--loads", help="only these: " + ",".join(load.key for load in loads.LOADS))
    parser.add_argument("--baseline", action="store_true", help="keep this run's instruction counts as the baseline")
    return parser.parse_args()


def run(options):
    result = {"environment": method.environment(ROOT), "quick": options.quick}
    only = options.loads.split(",") if options.loads else None
    if options.what != "data" and not only:
        result["control"] = control.run(BUILD, options.quick)
    if options.what == "control":
        return result
    result["data"] = data.run(BUILD / "bench/load/weft-load", options.quick, only)
    if not only:
        result["packet"] = packet.run(BUILD, result["environment"]["compiler"])
        if options.baseline:
            packet.keep(result["packet"])
        result["guest"] = measure_guest(options.quick)
    return result


def measure_guest(quick):
    progress = method.Progress(guest.steps(quick))
    try:
        return guest.run(BUILD, quick, progress)
    except LabError as error:  # the rest of the run is not lost for it
        return {"why": f"the guest failed: {str(error)[:500]}"}
    finally:
        progress.end()


def write(result, docs):
    RESULTS.mkdir(exist_ok=True)
    stamp = result["environment"]["date"].replace(":", "").replace(" ", "-").removesuffix("-UTC")
    path = RESULTS / f"{stamp}.json"
    path.write_text(json.dumps(result) + "\n")
    path.with_suffix(".html").write_text(report.page(result))
    if docs:
        write_docs(result)
    return path


def write_docs(result):
    """Of what was measured; of the rest the last figures stay."""
    summary = RESULTS / "summary.json"
    kept = json.loads(summary.read_text()) if summary.exists() else {}
    if "data" in result:
        report.write_docs(result)
        kept.update(report.condensed(result))
    if "control" in result:
        control.findings.write_docs(result)
        kept["control"] = {"environment": result["environment"], **control.findings.condensed(result["control"])}
    summary.write_text(json.dumps(kept, indent=1) + "\n")


def main():
    options = parse()
    os.nice(-10)  # what else runs on this machine shall not decide; all that is measured inherits it
    result = run(options)
    path = write(result, docs=not options.quick and not options.loads)
    if "data" in result:
        report.show(result)
    if "control" in result:
        control.findings.show(result)
    print(f"\n{path.relative_to(ROOT)}, {path.with_suffix('.html').relative_to(ROOT)}")


if __name__ == "__main__":
    main()
