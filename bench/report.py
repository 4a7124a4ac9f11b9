# SPDX-License-Identifier: Apache-2.0
"""What a run has found: on the terminal, as a page, as the table of the documentation."""


def show(result):
    for load in result["data"]["loads"]:
        for key, figure in load["figures"].items():
            print(f"\n{load['title']}: {figure['title']}, {figure['better']}")
            for arm, s in load["summary"][key].items():
                print(f"  {arm:52} {s['value']:10.2f} {figure['unit']:8} {s['ratio']:5.2f}  {s['low']:.2f} – {s['high']:.2f}")
            for arm, why in load["failures"].items():
                print(f"  {arm:52} failed: {why}")
    for name, why in result["data"]["absent"].items():
        print(f"  {name}: {why}")
