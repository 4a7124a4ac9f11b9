# SPDX-License-Identifier: Apache-2.0
"""Running commands, with errors that say what was run and what it answered."""

import subprocess


class LabError(Exception):
    pass


def run(*words, timeout=60, check=True, text_input=None):
    """Run a command; its standard output as text. check=False: the CompletedProcess."""
    words = [str(word) for word in words]
    try:
        result = subprocess.run(words, capture_output=True, text=True, timeout=timeout, input=text_input)
    except subprocess.TimeoutExpired:
        raise LabError(f"{' '.join(words)}: no end after {timeout} s") from None
    if not check:
        return result
    if result.returncode:
        raise LabError(f"{' '.join(words)}: exit code {result.returncode}\n{result.stdout}{result.stderr}")
    return result.stdout
