# SPDX-License-Identifier: Apache-2.0
"""The command line of the benchmark."""

import argparse
import json
import os
import pathlib

from . import RESULTS, ROOT, data, method, report

BUILD = pathlib.Path(os.environ.get("WEFT_BUILD", ROOT / "build"))


def parse():
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__)
    parser.add_argument("what", nargs="?", choices=["data", "control", "all"], default="all")
    parser.add_argument("--quick", action="store_true", help="in minutes: fewer rounds, shorter; docs are left alone")
    parser.add_argument("--loads", help="only these, by key, with commas")
    return parser.parse_args()


def main():
    options = parse()
    os.nice(-10)  # what else runs on this machine shall not decide; all that is measured inherits it
    result = {"environment": method.environment(ROOT), "quick": options.quick}
    only = options.loads.split(",") if options.loads else None
    result["data"] = data.run(BUILD / "bench/load/weft-load", options.quick, only)
    RESULTS.mkdir(exist_ok=True)
    stamp = result["environment"]["date"].replace(":", "").replace(" ", "-").removesuffix("-UTC")
    path = RESULTS / f"{stamp}.json"
    path.write_text(json.dumps(result, indent=1) + "\n")
    report.show(result)
    print(f"\n{path.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
