# SPDX-License-Identifier: Apache-2.0
"""System tests: the binary that WEFT_BIN names (build/cli/weft), in laboratories of their own."""

import os
import pathlib

import pytest

from lab import find_binary
from lab.fabric import ROOT


@pytest.fixture(scope="session")
def weft_binary():
    """Path of the binary under test."""
    binary = find_binary()
    assert binary.exists(), f"{binary} is not built"
    return binary


@pytest.fixture(scope="session")
def build_folder():
    """The build that the binary is from, for programs beside it."""
    return pathlib.Path(os.environ.get("WEFT_BUILD", ROOT / "build"))
