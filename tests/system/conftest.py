# SPDX-License-Identifier: Apache-2.0
"""System tests: the binary that WEFT_BIN names (build/cli/weft), in laboratories of their own."""

import os
import pathlib

import pytest

from controlling import Controller
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


@pytest.fixture
def controller(weft_binary, tmp_path):
    """A controller with an empty store in a folder of its own; it must end in good order."""
    process = Controller(weft_binary, tmp_path)
    yield process
    if process.process.poll() is None:
        assert process.stop() == 0, (tmp_path / "log").read_text()
