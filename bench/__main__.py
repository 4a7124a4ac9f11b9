# SPDX-License-Identifier: Apache-2.0
"""The command line of the benchmark."""

import argparse
import json
import os
import pathlib

from . import RESULTS, ROOT, control, data, guest, loads, method, packet, report

BUILD = pathlib.Path(os.environ.get("WEFT_BUILD", ROOT / "build"))


def parse():
    parser = argparse.ArgumentParser(prog="./dev bench", description="Weft beside what one would use instead.")
    parser.add_argument("what", nargs="?", choices=["data", "control", "all"], default="all")
    parser.add_argument("--quick", action="store_true", help="under six minutes; docs/performance.md stays as it is")
    parser.add_argument("--loads", help="only these: " + ",".join(load.key for load in loads.LOADS))
    parser.add_argument("--baseline", action="store_true", help="keep this run's instruction counts as the baseline")
    return parser.parse_args()


def run(options):
    """Yields the result after each part: what comes later must not lose it."""
    result = {"environment": method.environment(ROOT), "quick": options.quick}
    only = options.loads.split(",") if options.loads else None
    if options.what != "control":
        result["data"] = data.run(BUILD, options.quick, only)
        yield result
    if options.what != "control" and not only:
        result["packet"] = attempt("the cost of a packet", lambda: packet.run(BUILD, result["environment"]["compiler"]))
        if options.baseline and "why" not in result["packet"]:
            packet.keep(result["packet"])
        yield result
        progress = method.Progress(guest.steps(options.quick))
        result["guest"] = attempt("the guest", lambda: guest.run(BUILD, options.quick, progress))
        progress.end()
        yield result
    if options.what != "data" and not only:
        result["control"] = control.run(BUILD, options.quick)
        yield result


def attempt(name, part):
    """The part's answer, or {"why"} it has none."""
    try:
        return part()
    except Exception as error:  # whatever it is, the rest of the run stands
        return {"why": f"{name} failed: {str(error)[:500]}"}


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


def show(result, path):
    if "data" in result:
        report.show(result)
    if "control" in result:
        control.findings.show(result)
    print(f"\n{path.relative_to(ROOT)}, {path.with_suffix('.html').relative_to(ROOT)}")


def main():
    options = parse()
    os.nice(-10)  # what else runs on this machine shall not decide; all that is measured inherits it
    path = None
    try:
        for result in run(options):
            path = write(result, docs=not options.quick and not options.loads)
    finally:  # a part that fails is told after what stands
        if path:
            show(result, path)


if __name__ == "__main__":
    main()
