# SPDX-License-Identifier: Apache-2.0
"""The first steps of docs/start.md, word for word, on a machine of its own: namespaces for all that they touch."""

import re
import subprocess
from pathlib import Path

from lab import checks

ROOT = Path(__file__).parents[2]

# What the page begins with: a machine with a default route, and `weft up` in another terminal.
MACHINE = """\
set -e
hostname h1
for folder in /run /var/lib; do mount -t tmpfs none $folder; done
mount -t bpf bpf /sys/fs/bpf
ip link add eth0 type veth peer name uplink
ip link set lo up; ip link set eth0 up; ip link set uplink up
ip address add 192.0.2.1/24 dev eth0
ip route add default via 192.0.2.254
weft up >up.log 2>&1 &
trap 'code=$?; [ $code = 0 ] || cat up.log; exit $code' EXIT
for try in $(seq 300); do weft get hosts 2>/dev/null | grep -q connected && break; sleep 0.1; done
"""

# Nothing of it is left: no object, and after `weft down` nothing in the kernel.
END = """\
test "$(weft get all -o name)" = hosts/h1
python3 "$HOOKS" list eth0 | grep -q weft_from_under
kill %1; wait %1
weft down
test "$(python3 "$HOOKS" list eth0)" = "[]"
test ! -e /sys/fs/bpf/weft
"""


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", (ROOT / "docs/start.md").read_text(), re.MULTILINE | re.DOTALL)


def test_first_steps(weft_binary, tmp_path):
    acme, policy = blocks("yaml")
    (tmp_path / "acme.yaml").write_text(acme)
    (tmp_path / "policy.yaml").write_text(policy)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/weft").symlink_to(weft_binary)
    steps = "".join(blocks("sh"))
    steps, refused = re.subn(r"^(.*)  # no answer$", r"! \1 || exit 9", steps, flags=re.MULTILINE)
    assert refused == 2
    assert "weft down\n" in blocks("console")
    script = MACHINE + steps + END
    done = subprocess.run(
        ["unshare", "--mount", "--net", "--uts", "--pid", "--fork", "--kill-child", "bash", "-c", script],
        cwd=tmp_path, capture_output=True, text=True, timeout=180, check=False,
        env={"PATH": f"{tmp_path}/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(tmp_path),
             "HOOKS": str(checks.HOOKS)})
    assert done.returncode == 0, done.stdout + done.stderr
    assert "reaches acme/ports/db1" in done.stdout
    assert "denied-by-default" in done.stdout  # of the trace; counters may come two seconds later
    assert "realized by 1 of 1 host" in done.stdout
