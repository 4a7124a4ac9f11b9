# SPDX-License-Identifier: Apache-2.0
"""The command line against a real controller: what it prints, where, and with which exit status."""

import json
import os
import pty
import re
import signal
import socket
import socketserver
import subprocess
import threading
import time
from pathlib import Path

import pytest
import yaml

from lab.api import Api
from lab.certificates import Authority
from lab.namespace import Namespace
from lab.shell import run

OK, REFUSED, USAGE = 0, 1, 2
ROOT = Path(__file__).parents[2]

TENANTS = """\
tenant: acme
networks:
  web: {subnets: [10.1.1.0/24, "fd00:1:1::/64"]}
ports:
  web1: {network: web, labels: {tier: web}}
  web2: {network: web}
---
tenant: umbrella
networks:
  web: {subnets: [10.1.1.0/24]}
ports:
  web1: {network: web}
  lab1: {network: web}
"""


class Controller:
    """A controller in a folder of its own, and the command line that speaks to it."""

    def __init__(self, binary, folder, *more, role="controller"):
        self.binary, self.folder = str(binary), folder
        self.socket = folder / "weft.sock"
        self.process = subprocess.Popen(
            [self.binary, role, "--store", f"sqlite:{folder}/weft.db", "--socket", self.socket, *more],
            stdout=subprocess.PIPE, stderr=open(folder / "log", "wb"), text=True)
        self.ready = self.process.stdout.readline()

    def environment(self, **more):
        kept = {k: v for k, v in os.environ.items() if not k.startswith("WEFT_")}
        return {**kept, "WEFT_CONTROLLER": f"unix:{self.socket}", **more}

    def run(self, *words, code=OK, input=None, **environment):
        """Run `weft WORDS`; what it answered, with the exit status as expected."""
        done = subprocess.run([self.binary, *map(str, words)], input=input, capture_output=True, text=True,
                              timeout=60, env=self.environment(**environment))
        assert done.returncode == code, f"weft {words}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done

    def json(self, *words, **options):
        return json.loads(self.run(*words, "--json", **options).stdout)

    def apply(self, text, *words, **options):
        return self.run("apply", "-f", "-", *words, input=text, **options)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(10)


@pytest.fixture
def weft(weft_binary, tmp_path):
    controller = Controller(weft_binary, tmp_path)
    try:
        yield controller
    finally:
        if controller.process.poll() is None:
            controller.stop()


@pytest.fixture
def filled(weft):
    weft.apply(TENANTS)
    return weft


def table(text):
    """The rows of a table, as dictionaries; cells hold no blanks here."""
    header, *rows = [line.split() for line in text.splitlines()]
    return [dict(zip(header, row, strict=True)) for row in rows]


# ---- called wrongly ----

@pytest.mark.parametrize("words, message", [
    (["frobnicate"], 'there is no command "frobnicate"'),
    (["gte", "ports"], 'there is no command "gte", did you mean "get"?'),
    *[(words, "--json: what it prints is a text") for words in (
        ["help", "--json"], ["help", "get", "--json"], ["manual", "--json"], ["completion", "bash", "--json"])],
    (["describe"], "KIND is missing"),
    (["describe", "port"], "NAME is missing"),
    (["describe", "port", "a", "b"], '"b" is one word too many'),
    (["get", "cows"], 'unknown kind "cows"; there are: tenant, '),
    (["get", "prots"], 'unknown kind "prots", did you mean "ports"?'),
    (["get", "po"], '"po" may be port or policy'),
    (["get", "ports", "--frobnicate"], "unknown option --frobnicate"),
    (["get", "ports", "--wach"], "unknown option --wach, did you mean --watch?"),
    (["get", "networks", "-l", "tier=web"], "networks have no labels"),
    (["get", "ports", "web1", "-l", "tier=web"], "either names or --labels"),
    (["get", "ports", "-l", "tier=a=b"], "tier=a=b"),
    (["get", "ports,networks", "web1"], "names and --watch are for one kind"),
    (["get", "ports", "a", "b", "--watch"], "--watch shows all or one"),
    (["get", "ports", "-o", "xml"], "table, wide, json, yaml, name"),
    (["get", "ports", "--at", "yesterday"], "is not a number"),
    (["apply"], "which file?"),
    (["delete", "port"], "either KIND NAME... or -f FILE"),
    (["attach", "web1"], "which interface?"),
    (["wait", "--timeout", "soon"], "is not a duration"),
    (["get", "ports", "--watch", "--at", "1"], "--watch follows the present"),
])
def test_called_wrongly(weft, words, message):
    done = weft.run(*words, code=USAGE)
    assert message in done.stderr
    assert done.stdout == ""


def test_called_wrongly_json(weft):
    problem = json.loads(weft.run("get", "cows", "--json", code=USAGE).stderr)
    assert problem["code"] == "EINVAL" and "cows" in problem["detail"]


@pytest.mark.parametrize("address, message", [
    ("unix:/nonexistent/weft.sock", "cannot reach controller"),
    ("http://127.0.0.1:1", "must be unix:/PATH or https://HOST:PORT"),
    ("https://127.0.0.1:1", "cannot"),
])
def test_no_controller(weft, address, message):
    done = weft.run("status", "--controller", address, code=REFUSED)
    assert done.stderr.startswith("error: ") and message in done.stderr


def test_help(weft):
    overview = weft.run("help").stdout
    commands = re.findall(r"^  (\w+) ", overview, re.MULTILINE)
    assert {"apply", "get", "attach", "wait", "up", "controller", "agent"} <= set(commands)
    for command in commands:
        assert weft.run("help", command).stdout == weft.run(command, "--help").stdout
    assert weft.run("version").stdout.startswith("weft ")


# ---- apply ----

def test_apply_counts(weft):
    assert re.fullmatch(r"revision 1: 8 created, 0 changed, 0 unchanged\n", weft.apply(TENANTS).stdout)
    assert re.fullmatch(r"revision 1: 0 created, 0 changed, 8 unchanged\n", weft.apply(TENANTS).stdout)
    more = TENANTS.replace("tier: web", "tier: front") + "  lab2: {network: web}\n"
    assert re.fullmatch(r"revision 2: 1 created, 1 changed, 7 unchanged\n", weft.apply(more).stdout)


def test_apply_shows_where(weft):
    path = weft.folder / "bad.yaml"
    path.write_text("tenant: acme\nnetworks:\n  web:\n    subnet: [10.0.0.0/24]\n")
    done = weft.run("apply", "-f", path, code=REFUSED)
    first, line, caret = done.stderr.splitlines()
    assert re.match(rf"error: {path}:4:\d+: acme/networks/web: subnet: ", first)
    assert line == "        subnet: [10.0.0.0/24]"
    assert caret.strip() == "^"
    assert weft.json("status")["revision"] == 0


def test_apply_locates_what_the_controller_refuses(weft):
    """Only the controller sees that the address is outside; the file's line is shown all the same."""
    path = weft.folder / "bad.yaml"
    path.write_text("tenant: acme\nnetworks:\n  web: {subnets: [10.0.0.0/24]}\nports:\n"
                    "  web1:\n    network: web\n    addresses: [10.9.0.1]\n")
    done = weft.run("apply", "-f", path, code=REFUSED)
    assert re.match(rf"error: {path}:7:\d+: acme/ports/web1: addresses", done.stderr)
    assert "    addresses: [10.9.0.1]" in done.stderr
    problem = json.loads(weft.run("apply", "-f", path, "--json", code=REFUSED).stderr)
    assert problem["status"] == 422 and problem["object"] == "acme/ports/web1" and problem["line"] == 7
    assert weft.json("status")["revision"] == 0


def test_apply_warns(weft):
    """What is hardly meant is accepted, and told with its place; once, not for what stays the same."""
    text = """\
tenant: acme
policies:
  p:
    rules:
      - {action: allow, from: tier=nobody}
      - {action: allow, name: late, ports: [tcp/80], priority: 5}
      - {action: drop, name: early}
"""
    done = weft.apply(text)
    assert done.stdout.startswith("revision 1: 2 created")
    assert done.stderr.splitlines() == [
        "warning: <stdin>:5:31: acme/policies/p: rules[0].from: 'tier=nobody' selects none of the ports that there "
        "are [selector-matches-nothing]",
        "warning: <stdin>:5:9: acme/policies/p: rules[0]: is shadowed by rule 'early' (rules[2]), which takes all its "
        "packets before and does otherwise [rule-contradicted]",
        "warning: <stdin>:6:9: acme/policies/p: rules[1]: rule 'late' is shadowed by rule 'early' (rules[2]), which "
        "takes all its packets before and does otherwise [rule-contradicted]"]
    assert weft.apply(text).stderr == ""
    answer = json.loads(weft.apply(text.replace("nobody", "none"), "--json").stdout)
    assert [(w["warning"], w["object"], w["field"]) for w in answer["warnings"]] == [
        ("selector-matches-nothing", "acme/policies/p", "rules[0].from"),
        ("rule-contradicted", "acme/policies/p", "rules[0]"), ("rule-contradicted", "acme/policies/p", "rules[1]")]


def test_three_tiers_apply(weft):
    """The example goes through without a warning, and comes out as what can be applied again."""
    done = weft.apply((ROOT / "examples/three-tier.yaml").read_text())
    assert done.stdout.startswith("revision 1: 10 created, 0 changed") and done.stderr == ""
    for kind in ("routers", "policies"):
        text = weft.run("get", kind, "-o", "yaml").stdout
        assert "revision 1: 0 created, 0 changed" in weft.apply(text).stdout
    assert "router main of tenant acme" in weft.run("delete", "network", "web", code=REFUSED).stderr


def test_apply_several(weft):
    """Several files and a folder are one transaction, and an error names the one it is in."""
    folder = weft.folder / "wanted"
    folder.mkdir()
    (folder / "a.yaml").write_text("tenant: acme\nnetworks: {web: {subnets: [10.0.0.0/24]}}\n")
    (folder / "b.json").write_text('{"tenant": "acme", "ports": {"web1": {"network": "web"}}}')
    (folder / "notes.txt").write_text("not this: [one\n")
    more = weft.folder / "more.yaml"
    more.write_text("tenant: acme\nports: {web2: {network: web}}\n")
    assert weft.run("apply", "-f", folder, "-f", more).stdout == "revision 1: 4 created, 0 changed, 0 unchanged\n"
    assert weft.run("apply", folder / "a.yaml", folder / "b.json").stdout.endswith(" 3 unchanged\n")
    done = weft.run("apply", "-f", folder, "-f", more, "-f", "-", input=more.read_text(), code=REFUSED)
    assert done.stderr.startswith("error: <stdin>:2:9: acme/ports/web2: is described in ")
    more.write_text("tenant: acme\nports:\n  web3: {network: none}\n")
    done = weft.run("apply", "-f", folder, "-f", more, code=REFUSED)
    assert done.stderr.startswith(f"error: {more}:3:19: acme/ports/web3: network: ")
    assert "  web3: {network: none}" in done.stderr
    assert "folder" in weft.run("apply", "-f", ROOT / "packaging", code=REFUSED).stderr
    assert "<stdin> describes no object" in weft.apply("# nothing\n", code=REFUSED).stderr


def test_diff(filled):
    """What apply would do, judged by the controller, is told, and nothing is done."""
    assert filled.run("diff", "-f", "-", input=TENANTS).stdout == ""
    changed = TENANTS.replace("tier: web", "tier: db").replace("[10.1.1.0/24]", "[10.1.1.0/24, 10.1.2.0/24]")
    changed += "  lab2: {network: web}\n"
    done = filled.run("diff", "-f", "-", input=changed, code=1)
    expected = """\
~ acme/ports/web1
    - labels: {"tier": "web"}
    + labels: {"tier": "db"}
~ umbrella/networks/web
    + subnets: 10.1.2.0/24
+ umbrella/ports/lab2
    + network: web
    + mac: 02:00:00:00:00:05
"""
    assert sorted(done.stdout.splitlines()) == sorted([*expected.splitlines(), '    + addresses: ["10.1.1.4", "10.1.2.2"]'])
    assert done.stdout == filled.apply(changed, "--dry-run").stdout
    assert filled.json("status")["revision"] == 1
    bad = filled.run("diff", "-f", "-", input=TENANTS.replace("10.1.1.0/24", "10.1.1.1/24"), code=2)
    assert "did you mean" in bad.stderr
    answer = json.loads(filled.apply(changed, "--dry-run", "--json").stdout)
    assert [answer[key] for key in ("revision", "changed", "created")] == [1, 3, 1]
    filled.apply(changed)
    assert filled.run("diff", "-f", "-", input=changed).stdout == ""
    assert "- umbrella/ports/lab2" in filled.run("delete", "port", "lab2", "--dry-run").stdout
    assert filled.run("delete", "port", "lab2").stdout == "revision 3: 1 deleted\n"


def test_apply_refuses_bad_files(weft):
    assert "cannot read /nonexistent: No such file" in weft.run("apply", "-f", "/nonexistent", code=REFUSED).stderr
    assert "error: <stdin>:" in weft.apply('{"tenant": "acme", "networks": ', code=REFUSED).stderr
    assert "<stdin>:3:" in weft.apply("tenant: acme\nports:\n  a: {network: [}\n", code=REFUSED).stderr
    huge = weft.folder / "huge.yaml"
    huge.touch()
    os.truncate(huge, (64 << 20) + 1)
    assert "larger than 64 MiB" in weft.run("apply", "-f", huge, code=REFUSED).stderr


# ---- get ----

def test_get_tables(filled):
    rows = table(filled.run("get", "ports").stdout)
    assert [(r["TENANT"], r["NAME"]) for r in rows] == [
        ("acme", "web1"), ("acme", "web2"), ("umbrella", "lab1"), ("umbrella", "web1")]
    rows = table(filled.run("get", "ports", "-t", "acme").stdout)
    assert list(rows[0]) == ["NAME", "NETWORK", "ADDRESSES", "HOST", "STATE"]
    assert rows[0]["ADDRESSES"] == "10.1.1.2,fd00:1:1::2" and rows[0]["STATE"] == "unplaced"
    wide = table(filled.run("get", "port", "-t", "acme", "-o", "wide").stdout)
    assert {"MAC", "DEVICE", "LABELS", "REVISION"} < set(wide[0])
    assert wide[0]["LABELS"] == "tier=web" and wide[0]["REVISION"] == "1"


def test_get_tenant(filled):
    names = filled.run("get", "ports", "-o", "name", WEFT_TENANT="umbrella").stdout
    assert names.split() == ["lab1", "web1"]
    names = filled.run("get", "ports", "-o", "name", "-A", WEFT_TENANT="umbrella").stdout
    assert names.split() == ["acme/web1", "acme/web2", "umbrella/lab1", "umbrella/web1"]
    assert table(filled.run("get", "port", "acme/web1").stdout)[0]["NAME"] == "web1"
    assert table(filled.run("get", "port", "lab1").stdout)[0]["TENANT"] == "umbrella"
    done = filled.run("get", "port", "web1", code=REFUSED)
    assert "tenants acme and umbrella both have a port" in done.stderr
    assert 'there is no port "none"' in filled.run("get", "port", "none", code=REFUSED).stderr


def test_get_nothing(weft):
    done = weft.run("get", "ports")
    assert done.stdout == "" and done.stderr == "no ports\n"
    done = weft.run("get", "ports", "--json")
    assert json.loads(done.stdout) == [] and done.stderr == ""


@pytest.mark.parametrize("form", ["json", "yaml"])
def test_get_is_applied_again(filled, form):
    """What get prints can be applied: where it is still there it changes nothing, else it comes back as it was."""
    for kind in ("tenants", "networks", "ports"):
        text = filled.run("get", kind, "-o", form).stdout
        assert "revision 1: 0 created, 0 changed" in filled.apply(text).stdout
    everything = filled.run("get", "all", "-o", form).stdout
    ports = filled.json("get", "ports")
    filled.run("delete", "-f", "-", input=everything)
    filled.apply(everything)
    decided = ("mac", "addresses", "labels")
    assert [[port.get(field) for field in decided] for port in filled.json("get", "ports")] == [
        [port.get(field) for field in decided] for port in ports]


def test_get_yaml_is_a_file(filled):
    documents = list(yaml.safe_load_all(filled.run("get", "all", "-o", "yaml").stdout))
    assert documents[0] == {"tenants": {"acme": {}, "umbrella": {}}}
    assert [document["tenant"] for document in documents[1:]] == ["acme", "umbrella"]
    assert documents[1]["ports"]["web1"] == {
        "network": "web", "mac": "02:00:00:00:00:01", "addresses": ["10.1.1.2", "fd00:1:1::2"], "labels": {"tier": "web"}}


def test_get_kinds(filled):
    rows = filled.run("get").stdout.splitlines()
    assert [row.split()[:2] for row in rows[1:]] == [
        ["tenants", "2"], ["hosts", "0"], ["networks", "2"], ["ports", "4"], ["routers", "0"],
        ["address_sets", "0"], ["policies", "0"], ["tokens", "0"], ["enrolments", "0"]]
    assert filled.json("get")["ports"] == 4


def test_get_several(filled):
    tables = filled.run("get", "all").stdout.split("\n\n")
    assert [text.split("\n")[0] for text in tables] == ["tenants:", "networks:", "ports:"]
    assert filled.run("get", "net,tenant", "-o", "name", "-t", "acme").stdout.split() == ["acme/networks/web", "tenants/acme"]
    assert {item["kind"] for item in filled.json("get", "all")} == {"tenant", "network", "port"}
    rows = table(filled.run("get", "port", "umbrella/lab1", "acme/web2").stdout)
    assert [row["NAME"] for row in rows] == ["lab1", "web2"]
    assert filled.run("get", "port", "lab1", "none", code=REFUSED).stdout == ""


def test_get_labels(filled):
    assert filled.run("get", "ports", "-l", "tier=web", "-o", "name").stdout.split() == ["acme/web1"]
    assert len(filled.json("get", "ports", "--labels", "!tier")) == 3
    done = filled.run("get", "ports", "-t", "acme", "-l", "tier=db")
    assert done.stdout == "" and done.stderr == "no ports in tenant acme with labels tier=db\n"


def test_long_lists_are_cut_in_tables(weft):
    weft.apply("tenant: acme\naddress_sets: {many: {addresses: [10.0.0.0/24, 10.0.1.0/24, 10.0.2.0/24, 10.0.3.0/24, "
               "10.0.4.0/24]}}\npolicies: {open: {rules: [{action: allow}, {action: allow, direction: egress}]}}\n")
    row, = table(weft.run("get", "address_sets").stdout)
    assert row["ADDRESSES"] == "10.0.0.0/24,10.0.1.0/24,10.0.2.0/24,+2"
    row, = table(weft.run("get", "address_sets", "-o", "wide").stdout)
    assert row["ADDRESSES"].endswith(",10.0.4.0/24")
    row, = table(weft.run("get", "policies").stdout)
    assert row["RULES"] == "2"


def test_output_that_does_not_arrive(filled):
    """A disk that is full is told; a reader that leaves, as head does, is not, and ends a watch."""
    with open("/dev/full", "w") as full:
        done = subprocess.run([filled.binary, "get", "ports"], stdout=full, stderr=subprocess.PIPE, text=True,
                              timeout=60, env=filled.environment())
    assert done.returncode == REFUSED and "cannot write all to standard output" in done.stderr
    with subprocess.Popen([filled.binary, "get", "ports", "--watch"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, env=filled.environment()) as watch:
        watch.stdout.readline()
        watch.stdout.close()
        filled.run("delete", "port", "acme/web2")
        assert watch.wait(30) == OK and watch.stderr.read() == ""


def test_get_past(filled):
    filled.run("delete", "port", "acme/web2")
    assert "web2" not in filled.run("get", "ports").stdout
    assert "web2" in filled.run("get", "ports", "--at", 1).stdout
    filled.run("get", "ports", "--at", 99, code=REFUSED)


def test_get_watch(filled):
    """Every object that is there and every change is one line of JSON."""
    words = [filled.binary, "get", "ports", "-t", "acme", "--watch", "--json"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=filled.environment()) as watch:
        try:
            events = [json.loads(watch.stdout.readline()) for _ in range(2)]
            assert [(e["type"], e["object"]["name"]) for e in events] == [("put", "web1"), ("put", "web2")]
            filled.run("delete", "port", "acme/web2")
            event = json.loads(watch.stdout.readline())
            assert (event["type"], event["revision"], event["object"]["name"]) == ("delete", 2, "web2")
        finally:
            watch.terminate()


def test_get_watch_as_a_table(filled):
    words = [filled.binary, "get", "ports", "-t", "acme", "--watch"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=filled.environment()) as watch:
        try:
            assert [watch.stdout.readline().split()[:2] for _ in range(3)] == [
                ["EVENT", "NAME"], ["put", "web1"], ["put", "web2"]]
            filled.run("delete", "port", "acme/web2")
            assert watch.stdout.readline().split() == ["delete", "web2", "-", "-", "-", "-"]
            filled.apply("tenant: acme\nports: {web3: {network: web}}\n")
            assert watch.stdout.readline().split()[:3] == ["put", "web3", "web"]
        finally:
            watch.terminate()


def test_colour_only_on_a_terminal(filled):
    def on_terminal(**environment):
        leader, follower = pty.openpty()
        subprocess.run([filled.binary, "get", "ports"], stdout=follower, check=True, timeout=60,
                       env=filled.environment(**environment))
        os.close(follower)
        text = os.read(leader, 65536).decode()
        os.close(leader)
        return text
    assert "\033[" not in filled.run("get", "ports").stdout
    assert "\033[1m" in on_terminal(NO_COLOR="")
    assert "\033[" not in on_terminal(NO_COLOR="1")


def test_texts_of_other_scripts(weft):
    weft.apply('tenants:\n  t1: {description: "数据库"}\n  t2: {description: café}\n')
    assert weft.run("get", "tenants").stdout == "NAME  DESCRIPTION\nt1    数据库\nt2    café\n"


# ---- describe, delete ----

def test_describe(filled):
    text = filled.run("describe", "port", "web1", "-t", "acme").stdout
    for key, value in {"Kind": "port", "Tenant": "acme", "Name": "web1", "Network": "web", "Labels": "tier=web",
                       "Host": "-", "Revision": "1"}.items():
        assert re.search(rf"^{key}: +{re.escape(value)}$", text, re.MULTILINE), key
    assert re.search(r"^  State: +unplaced$", text, re.MULTILINE)
    assert filled.json("describe", "port", "acme/web1")["name"] == "web1"


def section(text, heading):
    """The table under a heading of describe, as dictionaries."""
    lines = text[text.index(f"\n{heading}:\n"):].splitlines()[2:]
    header = lines[0].split()
    rows = []
    for line in lines[1:]:
        if len(line.split()) != len(header):
            break
        rows.append(dict(zip(header, line.split())))
    return rows


def test_describe_relates(weft):
    """Every kind is described with what it has to do with others."""
    weft.apply((ROOT / "examples/three-tier.yaml").read_text())
    weft.apply("tenant: acme\naddress_sets: {office: {addresses: [198.51.100.0/24]}}\n"
               "policies: {ssh: {applies_to: tier=web, rules: [{from: set:office, ports: [tcp/22], action: allow}]}}\n"
               "routers: {main: {networks: [web, {network: app, addresses: [10.1.2.254]}, db], "
               "routes: [{to: 0.0.0.0/0, via: [10.1.1.9]}, {to: 10.9.0.0/16, action: reject}]}}\n"
               "hosts: {h1: {vtep: 192.0.2.1}}\n")
    network = weft.run("describe", "network", "acme/web").stdout
    assert section(network, "Routers") == [{"NAME": "main", "ADDRESSES": "10.1.1.1,fd00:1:1::1"}]
    assert [row["NAME"] for row in section(network, "Ports")] == ["web1", "web2"]
    assert "\nSubnets:             10.1.1.0/24, fd00:1:1::/64\nMTU:" in network
    router = weft.run("describe", "router", "main").stdout
    assert [(row["NETWORK"], row["ADDRESSES"]) for row in section(router, "Networks")] == [
        ("web", "10.1.1.1,fd00:1:1::1"), ("app", "10.1.2.254"), ("db", "10.1.3.1")]
    assert [(row["TO"], row["VIA"]) for row in section(router, "Routes")] == [
        ("0.0.0.0/0", "10.1.1.9"), ("10.9.0.0/16", "reject")]
    policy = weft.run("describe", "policy", "ssh").stdout
    rule, default = section(policy, "Rules")
    assert (rule["FROM"], rule["PORTS"], rule["PACKETS"]) == ("set:office", "tcp/22", "0")
    assert (default["RULE"], default["ACTION"]) == ("default", "drop")
    assert [row["NAME"] for row in section(policy, "Ports")] == ["web1", "web2"]
    for words in (["port", "web1"], ["address_set", "office"]):
        names = [row["NAME"] for row in section(weft.run("describe", *words).stdout, "Policies")]
        assert names == (["ssh", "three-tier"] if words[0] == "port" else ["ssh"])
    assert re.search(r"^Address sets: +1\nPolicies: +2$", weft.run("describe", "tenant", "acme").stdout, re.MULTILINE)
    assert re.search(r"^Ports: +none$", weft.run("describe", "host", "h1").stdout, re.MULTILINE)


def test_delete(filled):
    done = filled.run("delete", "network", "web", "-t", "acme", code=REFUSED)
    assert "acme/networks/web" in done.stderr and "web1" in done.stderr
    assert filled.run("delete", "port", "acme/web2").stdout == "revision 2: 1 deleted\n"
    filled.run("delete", "port", "acme/web2", code=REFUSED)
    ports = "tenant: umbrella\nports: {web1: {network: web}, lab1: {network: web}}\n"
    assert filled.run("delete", "port", "web1", "lab1", "none", "-t", "umbrella", code=REFUSED).stdout == ""
    filled.run("delete", "-f", "-", input=ports)
    filled.run("delete", "-f", "-", input=ports, code=REFUSED)
    assert filled.run("delete", "-f", "-", "--ignore-missing", input=ports).stdout == "revision 3: 0 deleted\n"
    assert filled.run("delete", "port", "umbrella/web1", "none", "--ignore-missing").stdout == "revision 3: 0 deleted\n"
    assert filled.run("get", "ports", "-o", "name").stdout.split() == ["acme/web1"]
    assert "umbrella" in filled.run("get", "tenants", "-o", "name").stdout


# ---- attach, wait ----

class Agent:
    """As much of a host's agent as the controller needs to know of an interface: a stream, and reports."""

    def __init__(self, weft, host):
        self.api, self.host = Api(weft.socket), host
        self.stream = socket.socket(socket.AF_UNIX)
        self.stream.connect(str(weft.socket))
        self.stream.sendall(f"GET /v1/hosts/{host}/stream HTTP/1.1\r\nHost: weft\r\n\r\n".encode())
        assert b" 200 " in self.stream.recv(4096)

    def report(self, *interfaces):
        self.api.call("POST", f"/v1/hosts/{self.host}/report", {"interfaces": [
            {"name": name, "ifindex": 7 + i, "kind": "tun", "mac": "02:00:00:00:00:07", "mtu": 1500, "up": True,
             "role": None} for i, name in enumerate(interfaces)]})

    def close(self):
        self.stream.close()


@pytest.fixture
def agent(filled):
    filled.apply("hosts: {h1: {vtep: 192.0.2.1}}")
    agent = Agent(filled, "h1")
    agent.report("eth0")
    yield agent
    agent.close()


def test_attach(filled, agent):
    agent.report("tap0")
    done = filled.run("attach", "acme/web1", "--dev", "tap0", WEFT_HOST="h1")
    assert done.stdout == ("revision 3: port acme/web1 is tap0 on host h1\n"
                           "its other end has MAC 02:00:00:00:00:01 and addresses 10.1.1.2/24 fd00:1:1::2/64\n")
    assert "tap0" in filled.run("attach", "web2", "-t", "acme", "--dev", "tap0", "--host", "h1", code=REFUSED).stderr
    assert filled.run("detach", "acme/web1").stdout == "revision 4: port acme/web1 is detached\n"


def test_attach_guesses_this_machine(filled, agent):
    done = filled.run("attach", "acme/web1", "--dev", "tap0", code=REFUSED)
    assert f"there is no host {socket.gethostname()}; that is the name of this machine" in done.stderr


def test_attach_waits_for_the_interface(filled, agent):
    appear = threading.Timer(0.7, agent.report, ["tap0"])
    appear.start()
    filled.run("attach", "acme/web1", "--dev", "tap0", "--host", "h1")
    appear.join()
    assert table(filled.run("get", "port", "acme/web1", "-o", "wide").stdout)[0]["DEVICE"] == "tap0"


def test_attach_waits_for_an_interface_only(filled, agent):
    start = time.monotonic()
    assert "tap9" in filled.run("attach", "acme/web1", "--dev", "tap9", "--host", "h1", code=REFUSED).stderr
    assert time.monotonic() - start >= 2
    for port, host in (("acme/none", "h1"), ("acme/web1", "h2")):
        took = []
        for _ in range(3):
            start = time.monotonic()
            filled.run("attach", port, "--dev", "tap0", "--host", host, code=REFUSED)
            took.append(time.monotonic() - start)
        assert min(took) < 2


def test_wait_names_who_is_late(filled):
    done = filled.apply("hosts: {h1: {vtep: 192.0.2.1}}", "--wait=300ms", code=REFUSED)
    assert done.stdout == "revision 2: 1 created, 0 changed, 0 unchanged\n"
    assert "not complete: revision 2 is realized by 0 of 1 host\n" in done.stderr
    assert re.search(r"^h1 .* not connected for [0-9.]+s$", done.stderr, re.MULTILINE)
    done = filled.run("wait", "--revision", 2, "--timeout", "100ms", "--json", code=REFUSED)
    receipt = json.loads(done.stdout)
    assert receipt["complete"] is False and [late["host"] for late in receipt["pending"]] == ["h1"]


def test_wait_complete(filled):
    assert "revision 1" in filled.run("wait", "--revision", 1).stdout
    assert filled.json("wait", "--revision", 1)["complete"] is True
    filled.run("wait", "--revision", 99, code=REFUSED)


class Unhelpful(socketserver.ThreadingUnixStreamServer):
    """A controller that hears what is asked and never answers; `hold` seconds later the connection is closed (None: never)."""

    daemon_threads = True

    def __init__(self, path, asked, hold=None):
        self.asked, self.hold, self.over = asked, hold, threading.Event()
        super().__init__(str(path), self.Handler)
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self):
            self.server.asked.append(self.rfile.readline().decode().split()[1])
            self.server.over.wait(self.server.hold)

    def close(self):
        self.over.set()
        self.shutdown()
        self.server_close()


def test_wait_has_one_deadline(weft_binary, tmp_path):
    """Of a controller that dies the next one is asked for what is left; those that hang do not hold it."""
    asked, words = [], [weft_binary, "wait", "--revision", "1", "--timeout"]
    dying = [Unhelpful(tmp_path / name, asked, hold=0.3) for name in ("a", "b")]
    hanging = [Unhelpful(tmp_path / name, asked) for name in ("c", "d")]
    addresses = [",".join(f"unix:{each.server_address}" for each in pair) for pair in (dying, hanging)]
    try:
        done = subprocess.run([*words, "1500ms", "--controller", addresses[0]], capture_output=True, text=True, timeout=60)
        assert done.returncode == REFUSED and "cannot talk to controller" in done.stderr
        first, second = [int(re.search(r"\?wait=(\d+)ms$", path).group(1)) for path in asked]
        assert first <= 1500 and second <= first - 290
        done = subprocess.run([*words, "100ms", "--controller", addresses[1]], capture_output=True, text=True, timeout=30)
        assert done.returncode == REFUSED and "does not answer" in done.stderr
    finally:
        for each in (*dying, *hanging):
            each.close()


# ---- daemons ----

def test_status(filled):
    status = filled.json("status")
    assert status["revision"] == 1 and status["objects"]["ports"] == 4
    assert re.search(r"^Revision: +1$", filled.run("status").stdout, re.MULTILINE)


def test_controller_stops_cleanly(weft):
    assert weft.ready == f"ready: controller on unix:{weft.socket}\n"
    weft.apply(TENANTS)
    assert weft.stop() == 0
    again = Controller(weft.binary, weft.folder)
    try:
        assert again.json("status")["revision"] == 1
    finally:
        assert again.stop() == 0


def test_controller_tells_the_service_manager(weft_binary, tmp_path, monkeypatch):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(60)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        controller = Controller(weft_binary, tmp_path)
        try:
            assert manager.recv(64) == b"READY=1"
        finally:
            controller.stop()


def test_daemon_refuses(weft, tmp_path):
    done = weft.run("agent", "--netns", "none-of-this-name", code=REFUSED)
    assert "cannot open network namespace /run/netns/none-of-this-name" in done.stderr
    done = weft.run("controller", "--socket", "", code=REFUSED)
    assert "nowhere to listen" in done.stderr


@pytest.fixture
def namespace():
    namespace = Namespace(f"weft-cli-{os.getpid()}").create()
    yield namespace
    run("ip", "netns", "del", namespace.name)


def test_up(weft_binary, tmp_path, namespace):
    """Controller and agent in one process, in a namespace that --netns enters; SIGINT ends it."""
    up = Controller(weft_binary, tmp_path, "--netns", namespace.name, "--host", "h1", "--vtep", "192.0.2.1",
                    "--provider", "native", role="up")
    assert up.ready == f"ready: controller on unix:{up.socket} agent h1 of unix:{up.socket}\n"
    try:
        up.apply(TENANTS, "--wait")
        host, = up.json("get", "hosts")
        assert host["vtep"] == "192.0.2.1" and host["status"]["connected"]
        namespace.ip("tuntap add dev tap0 mode tap", "link set tap0 up")
        done = up.run("attach", "acme/web1", "--dev", "tap0", "--wait", WEFT_HOST="h1")
        assert "realized by 1 of 1 host\n" in done.stdout
        assert table(up.run("get", "port", "acme/web1").stdout)[0]["STATE"] == "realized"
    finally:
        up.process.send_signal(signal.SIGINT)
        assert up.process.wait(10) == 0


def test_over_tls(weft_binary, tmp_path, namespace):
    authority = Authority(tmp_path)
    certificate, key = authority.issue("weft-controller", "127.0.0.1")
    controller = Controller(weft_binary, tmp_path, "--netns", namespace.path, "--listen", "127.0.0.1:6640",
                            "--cert", certificate, "--key", key, "--ca", authority.certificate)
    trusted = ["--controller", "https://127.0.0.1:6640", "--ca", authority.certificate]

    def weft(*words, name=None, code=OK):
        if name:
            own, own_key = authority.issue(name)
            words = [*words, "--cert", own, "--key", own_key]
        done = subprocess.run(namespace.words(weft_binary, *words), capture_output=True, text=True, timeout=60)
        assert done.returncode == code, done.stdout + done.stderr
        return done

    try:
        assert json.loads(weft("status", "--json", *trusted, name="weft-admin").stdout)["revision"] == 0
        weft("status", *trusted, code=REFUSED)  # no certificate
        refused = weft("status", "--controller", "https://127.0.0.1:6640", name="weft-admin", code=REFUSED)
        assert "--ca says which authority has signed its certificate" in refused.stderr
        refused = weft("status", "--controller", "https://127.0.0.1:6640", "--ca", "/nonexistent", code=REFUSED)
        assert "can the file of --ca be read?" in refused.stderr
        refused = weft("status", *trusted, "--cert", "/nonexistent", "--key", key, code=REFUSED)
        assert "can the files of --cert and --key be read" in refused.stderr
        problem = weft("delete", "tenant", "acme", "--json", *trusted, name="weft-host:h1", code=REFUSED).stderr
        assert json.loads(problem)["status"] == 403
    finally:
        assert controller.stop() == 0


# ---- derived from the schema ----

def test_explain(weft):
    text = weft.run("explain", "ports").stdout
    assert re.search(r"^network  \(.*required", text, re.MULTILINE)
    fields = {field["name"]: field for field in weft.json("explain", "port")["fields"]}
    assert fields["network"]["required"] and fields["key"]["read_only"]
    assert [member["name"] for member in fields["security"]["members"]] == ["addresses", "mac"]
    assert re.search(r"^      action +allow; ", weft.run("explain", "policy.rules").stdout, re.MULTILINE)
    assert 'did you mean "rules"?' in weft.run("explain", "policy.rule", code=USAGE).stderr


def test_examples_apply(weft):
    """Every kind of object is explained with an example that is accepted as it stands."""
    kinds = [line.split()[0] for line in weft.run("explain").stdout.split("\n\n")[0].splitlines()]
    assert [each["kind"] for each in weft.json("explain")["kinds"]] == kinds
    assert len(kinds) == 9
    for kind in kinds:
        example = weft.run("explain", kind).stdout.split("\nExample:\n")[1]
        assert weft.json("explain", kind)["example"] == re.sub("^    ", "", example, flags=re.MULTILINE)
        weft.apply(example)
        assert f"no {kind}" not in weft.run("get", kind).stderr


def test_openapi(weft):
    document = weft.json("openapi")
    assert document["openapi"].startswith("3.")
    assert "/v1/tenants/{tenant}/ports/{name}" in document["paths"]


def complete(weft, line):
    """What bash offers at the end of the line."""
    words = line.split(" ")
    script = (f"export PATH={os.path.dirname(weft.binary)}:$PATH; source <(weft completion bash); "
              f"COMP_WORDS=({' '.join(word or chr(39) * 2 for word in words)}); COMP_CWORD={len(words) - 1}; "
              "_weft; printf '%s\\n' \"${COMPREPLY[@]}\"")
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True, timeout=60,
                          env=weft.environment())
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.parametrize("line, offered", [
    ("weft de", {"describe", "delete", "detach"}),
    ("weft get ", {"tenants", "hosts", "networks", "ports", "routers", "address_sets", "policies",
                   "tokens", "enrolments"}),
    ("weft get -o ", {"table", "wide", "json", "yaml", "name"}),
    ("weft get networks ", {"acme/web", "umbrella/web"}),
    ("weft get -t acme ports acme/web", {"acme/web1", "acme/web2"}),
    ("weft get ports --ten", {"--tenant"}),
    ("weft delete port acme/web1 acme/", {"acme/web1", "acme/web2"}),
    ("weft apply --dry", {"--dry-run"}),
    ("weft attach umbrella/", {"umbrella/lab1", "umbrella/web1"}),
    ("weft attach -t ", {"acme", "umbrella"}),
])
def test_completion(filled, line, offered):
    assert set(complete(filled, line)) == offered
