# SPDX-License-Identifier: Apache-2.0
"""The packet vectors in other kernels: the BPF build loads and forwards on each that Debian offers."""

import pytest

from lab import run_binary


@pytest.mark.parametrize("series", ["6.1", "6.12"])
def test_vectors(series, build_folder, tmp_path):
    program = build_folder / "tests/vectors/vector-run"
    vectors = build_folder / "tests/vectors/vectors.json"
    code, output = run_binary(series, "cd /tmp && uname -r && vector-run kernel /vectors.json", [program],
                              {vectors: "vectors.json"}, folder=tmp_path)
    assert output.startswith(series + "."), output[:500]
    assert code == 0, "\n".join(line for line in output.splitlines() if not line.lstrip().startswith("ok "))
