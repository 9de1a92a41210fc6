#!/usr/bin/env python3
"""Runs the executable conformance cases beside the project against the built switch.

Usage: conformance.py BINARY. The cases are looked for in ../shared/conformance; without them nothing is run (a project
of its own has no such folder), with status 0. Every group must pass at least as many cases as tests/cases/floor.txt
says; a group that passes more is told, so that the floor can be raised.
"""
import collections, json, os, pathlib, re, signal, subprocess, sys, tempfile, time

ROOT = pathlib.Path(__file__).resolve().parent.parent
CASES = ROOT.parent / "shared" / "conformance"
FLOOR = ROOT / "tests" / "cases" / "floor.txt"
RTP = "40000-44000"
PASSWORD = "conformance"

USERS = """<include>
<domain name="127.0.0.1">
<params><param name="dial-string" value="${sofia_contact(${dialed_user}@${dialed_domain})}"/></params>
<user id="1001"><params><param name="password" value="pw1001"/></params><variables><variable name="user_context" value="public"/></variables></user>
<user id="1002"><params><param name="password" value="pw1002"/></params><variables><variable name="user_context" value="public"/></variables></user>
</domain>
</include>
"""

# Two listeners: one that takes anybody, calls and registrations; one that wants to know who calls.
PROFILES = """<include>
<profile name="internal"><settings>
<param name="sip-ip" value="127.0.0.1"/><param name="sip-port" value="0"/>
<param name="accept-blind-reg" value="true"/>
</settings></profile>
<profile name="auth"><settings>
<param name="sip-ip" value="127.0.0.1"/><param name="sip-port" value="0"/>
<param name="auth-calls" value="true"/><param name="challenge-realm" value="auto_from"/>
</settings></profile>
</include>
"""


def rtp_range():
    """Ports below the kernel's own range of temporary ports, and above the peers'."""
    low, _ = map(int, pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    return "20000-28000" if low > 28000 else RTP


def start(binary, folder):
    """The switch, the addresses of its two listeners, and that of its event socket."""
    log = open(folder / "switch.log", "w")
    process = subprocess.Popen(
        [binary, "--rtp", rtp_range(), "--log", "warn", "--event-socket", "127.0.0.1:0", "--event-socket-password", PASSWORD],
        env={**os.environ, "TZ": "UTC"}, cwd=folder, stdout=subprocess.PIPE, stderr=log, text=True)
    addresses = []
    for line in process.stdout:
        found = re.match(r"listening\s+UDP (\S+)", line)
        if found:
            addresses.append(found[1])
        found = re.match(r"control\s+event socket (\S+),", line)
        if found:
            return process, addresses, found[1]
    sys.exit(f"the switch does not start:\n{(folder / 'switch.log').read_text()}")


def stop(process):
    process.send_signal(signal.SIGTERM)
    time.sleep(0.2)
    process.send_signal(signal.SIGTERM)
    try:
        status = process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        sys.exit("the switch does not stop")
    if status != 0:
        sys.exit(f"the switch ended with status {status}")


def suite(binary, name, before, extra):
    """Passed and run per group, and the failures."""
    with tempfile.TemporaryDirectory() as text:
        folder = pathlib.Path(text)
        for part in ("dialplan", "directory", "scripts", "sip_profiles", "sounds"):
            (folder / part).mkdir()
        (folder / "directory" / "users.xml").write_text(USERS)
        (folder / "sip_profiles" / "profiles.xml").write_text(PROFILES)
        runner = [sys.executable, str(CASES / name / "run.py"), "--dialplan-dir", str(folder / "dialplan"), *before(folder)]
        subprocess.run([*runner, "--write-only"], check=True, stdout=subprocess.DEVNULL)
        process, (address, with_auth), socket = start(binary, folder)
        out = folder / "out.jsonl"
        try:
            run = subprocess.run(
                [*runner, "--sip", address, *options(name, with_auth, socket, out), "--flavour", "ours", *extra],
                stdout=subprocess.PIPE, text=True, timeout=600)
        finally:
            stop(process)
        groups = group_of(name)
        passed, ran = collections.Counter(), collections.Counter()
        if name == "event-socket":
            return *of_report(run.stdout, groups), run.stdout
        for line in out.read_text().splitlines():
            row = json.loads(line)
            if row.get("ok") is None:
                continue
            group = groups.get(row["id"], "?")
            ran[group] += 1
            passed[group] += bool(row["ok"])
        return passed, ran, run.stdout


def options(name, with_auth, socket, out):
    if name == "event-socket":
        host, port = socket.rsplit(":", 1)
        return ["--host", host, "--port", port, "--password", PASSWORD]
    # With the event socket the actions that ran on the caller's leg are compared as well.
    events = ["--event-socket", socket, "--event-password", PASSWORD]
    more = {"calls": ["--auth-sip", with_auth, *events], "lua": events}
    return [*more.get(name, []), "--json", str(out)]


def of_report(report, groups):
    """Counts of a runner that names its failures only."""
    failed = set(re.findall(r"^FAIL\s+(\S+)", report, re.M))
    total = re.search(r"^(\d+) passed, (\d+) failed", report, re.M)
    if not total:
        sys.exit(f"the runner of the event socket broke off:\n{report}")
    passed, ran = collections.Counter(), collections.Counter()
    for case, group in groups.items():
        ran[group] += 1
        passed[group] += case not in failed
    return passed, ran


def group_of(name):
    groups = {}
    for file in sorted((CASES / name / "cases").glob("*.jsonl")):
        for line in file.read_text().splitlines():
            row = json.loads(line)
            if row.get("only") == "freeswitch":
                continue
            groups[row["id"]] = row["group"]
    return groups


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    if not CASES.is_dir():
        print("skipped: there is no ../shared/conformance")
        return
    binary = os.path.abspath(sys.argv[1])
    floor = {}
    for line in FLOOR.read_text().splitlines():
        if line and not line.startswith("#"):
            group, count = line.split()
            floor[group] = int(count)
    broken = []
    for name, before, extra in [
        ("calls", lambda folder: [], ["--slow", "--have", "directory", "--have", "registrar"]),
        ("event-socket", lambda folder: ["--directory-dir", str(folder / "directory")], ["--slow"]),
        ("lua", lambda folder: ["--scripts-dir", str(folder / "scripts")], []),
    ]:
        passed, ran, report = suite(binary, name, before, extra)
        for group in sorted(ran):
            key = f"{name}/{group}"
            least = floor.get(key, 0)
            note = ""
            if passed[group] < least:
                note = f"  FELL below {least}"
                broken.append(key)
            elif passed[group] > least:
                note = f"  above the floor of {least}"
            print(f"{key}: {passed[group]} of {ran[group]}{note}")
        print(f"{name}: {sum(passed.values())} of {sum(ran.values())}")
        if any(key.startswith(name) for key in broken):
            print(report)
    if broken:
        sys.exit(f"fewer cases pass than before: {', '.join(broken)}")


main()
