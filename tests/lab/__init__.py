# SPDX-License-Identifier: Apache-2.0
"""The network laboratory: whole deployments in namespaces, for tests, the demo and the benchmark."""

from .api import Api, ApiError
from .fabric import ANSWER_PORT, Lab, find_binary, workload_program
from .guest import Guest, run_binary
from .shell import LabError, run

__all__ = ["ANSWER_PORT", "Api", "ApiError", "Guest", "Lab", "LabError", "find_binary", "run", "run_binary",
           "workload_program"]
