#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""House rules that no other tool checks: licences, includes without circles, no stray whitespace, nothing tracked that is
ignored. Long files are reported."""

import pathlib
import re
import subprocess
import sys

LONG = 800
SOURCES = {".c", ".h", ".py", ".sh"}


def tracked():
    names = subprocess.run(["git", "ls-files", "-z"], capture_output=True, text=True, check=True).stdout
    return [pathlib.Path(name) for name in names.split("\0") if name and pathlib.Path(name).is_file()]


def tracked_though_ignored():
    """A link to a cache, say, that `git add -A` took along: whoever merges it loses the folder of that name."""
    command = ["git", "ls-files", "-z", "--cached", "--ignored", "--exclude-standard"]
    return [name for name in subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("\0") if name]


def include_graph(sources):
    """{file: files that it includes}, as far as they are ours."""
    layers = [pathlib.Path(*path.parts[:path.parts.index("include") + 1])
              for path in sources if "include" in path.parts]
    roots = sorted({*layers, pathlib.Path("datapath"), pathlib.Path(".")})
    known, graph = set(sources), {}
    for path in sources:
        graph[path] = []
        for name in re.findall(r'^\s*#\s*include\s+"([^"]+)"', path.read_text(), re.MULTILINE):
            for candidate in [path.parent / name, *[root / name for root in roots]]:
                resolved = pathlib.Path(*_normal(candidate.parts))
                if resolved in known:
                    graph[path].append(resolved)
                    break
    return graph


def _normal(parts):
    result = []
    for part in parts:
        if part == ".." and result:
            result.pop()
        else:
            result.append(part)
    return result


def find_cycle(graph):
    """One cycle as a list of files, or None."""
    done, path = set(), []

    def walk(node):
        if node in path:
            return path[path.index(node):] + [node]
        if node in done:
            return None
        path.append(node)
        for target in graph.get(node, []):
            cycle = walk(target)
            if cycle:
                return cycle
        path.pop()
        done.add(node)
        return None

    for start in graph:
        cycle = walk(start)
        if cycle:
            return cycle
    return None


def part_graph(graph):
    """{folder: {part: parts that it includes}}: a source and the header beside it are one part, their tests none."""
    folders = {}
    for path, targets in graph.items():
        if path.stem.endswith(("_test", "_fuzz")):
            continue
        parts = folders.setdefault(str(path.parent), {}).setdefault(path.stem, set())
        parts |= {target.stem for target in targets if target.parent == path.parent and target.stem != path.stem}
    return folders


def circles(parts):
    """The sets of parts that all reach each other."""
    def reached(start):
        found, rest = set(), [start]
        while rest:
            for target in parts.get(rest.pop(), ()):
                if target not in found:
                    found.add(target)
                    rest.append(target)
        return found

    reach = {part: reached(part) for part in parts}
    found = []
    for part in sorted(parts):
        if part in reach[part] and not any(part in circle for circle in found):
            found.append({other for other in reach[part] if part in reach[other]})
    return found


def circle_faults(graph):
    return [f"{folder}: need each other, and should be layers: " + " ".join(sorted(circle))
            for folder, parts in sorted(part_graph(graph).items()) for circle in circles(parts)]


def main():
    faults = [f"{name}: tracked, though .gitignore names it: drop the commit that added it"
              for name in tracked_though_ignored()]
    files = tracked()
    for path in files:
        data = path.read_bytes()
        if b"\0" in data or not data:
            continue
        lines = data.decode(errors="replace").split("\n")
        if path.suffix in {".c", ".h"} and path.name != "table.h" and "#include <uthash.h>" in lines:
            faults.append(f"{path}: tables come from base/table.h, so that all of them hash by a key")
        for number, line in enumerate(lines, 1):
            if line != line.rstrip():
                faults.append(f"{path}:{number}: whitespace at the end of the line")
        if lines[-1] or (len(lines) > 1 and not lines[-2]):
            faults.append(f"{path}: must end with one newline")
        if path.suffix in SOURCES:
            if "SPDX-License-Identifier:" not in "\n".join(lines[:3]):
                faults.append(f"{path}: no SPDX line")
            if len(lines) - 1 > LONG:
                print(f"note: {path} has {len(lines) - 1} lines; over {LONG} asks for a reason")
    graph = include_graph([p for p in files if p.suffix in {".c", ".h"}])
    cycle = find_cycle(graph)
    if cycle:
        faults.append("includes go round: " + " -> ".join(map(str, cycle)))
    faults += circle_faults(graph)
    print("\n".join(faults))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
