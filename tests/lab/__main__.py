# SPDX-License-Identifier: Apache-2.0
"""python3 tests/lab clean [RUN]: take down one laboratory, or all whose owner is gone."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from lab.record import all_records  # noqa: E402


def main(words):
    if not words or words[0] != "clean" or len(words) > 2:
        sys.exit(__doc__)
    for record in all_records():
        if words[1:] == [record.run] or (len(words) == 1 and record.is_abandoned()):
            record.destroy()
            print(f"removed laboratory {record.run}")


main(sys.argv[1:])
