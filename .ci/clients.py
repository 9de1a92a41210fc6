#!/usr/bin/env python3
"""Client libraries made for FreeSWITCH, unchanged, against the built switch: inbound and outbound.

Usage: clients.py BINARY. It makes an environment in target/ci for greenswitch and genesis, and for modesl of Node. Exit
status 0: every library did everything.
"""
import asyncio, os, pathlib, re, signal, subprocess, sys, tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
PACKAGES = ["greenswitch==0.0.19", "genesis==2026.10.18"]
NODE_PACKAGES = ["modesl@1.2.1"]
PASSWORD = "clients"
EVENTS = 10_000
DIALPLAN = """<context name="public">
<extension name="park"><condition field="destination_number" expression="^park$">
<action application="answer"/><action application="park"/></condition></extension>
<extension name="lend"><condition field="destination_number" expression="^lend(\\d+)$">
<action application="socket" data="127.0.0.1:$1 async full"/></condition></extension>
</context>
"""


def environment():
    """Starts this program again with the libraries at hand."""
    folder = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "ci" / "clients"
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", *PACKAGES], check=True)
    node = folder / "node_modules" / "modesl"
    if not node.exists():
        subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(folder), *NODE_PACKAGES], check=True)
    os.environ["NODE_PATH"] = str(folder / "node_modules")
    os.execv(python, [str(python), __file__, *sys.argv[1:], "--ready"])


def start(binary, folder):
    (folder / "dialplan").mkdir()
    (folder / "dialplan" / "clients.xml").write_text(DIALPLAN)
    process = subprocess.Popen(
        [binary, "--sip", "127.0.0.1:0", "--rtp", "20000-22000", "--log", "warn",
         "--event-socket", "127.0.0.1:0", "--event-socket-password", PASSWORD],
        cwd=folder, stdout=subprocess.PIPE, text=True)
    sip = None
    for line in process.stdout:
        found = re.match(r"listening\s+UDP \S+:(\d+)", line)
        sip = sip or (found and int(found[1]))
        found = re.match(r"control\s+event socket \S+:(\d+),", line)
        if found:
            return process, sip, int(found[1])
    sys.exit("the switch does not start")


def need(what, condition):
    if not condition:
        raise SystemExit(f"FAILED: {what}")
    print(f"ok  {what}")


def call(binary, sip, number):
    return subprocess.Popen([binary, "call", f"sip:{number}@127.0.0.1:{sip}"], stdout=subprocess.PIPE, text=True)


def greenswitch_inbound(port):
    import gevent
    import greenswitch
    client = greenswitch.InboundESL(host="127.0.0.1", port=port, password=PASSWORD)
    client.connect()
    need("greenswitch: status", "UP " in client.send("api status").data)
    seen, count = [], [0]
    for name in ["CHANNEL_CREATE", "CHANNEL_ANSWER", "CHANNEL_HANGUP_COMPLETE", "BACKGROUND_JOB"]:
        client.register_handle(name, lambda event: seen.append(event.headers["Event-Name"]))
    client.register_handle("clients::count", lambda event: count.__setitem__(0, count[0] + 1))
    client.register_handle("*", lambda event: count.__setitem__(0, count[0] + (event.headers.get("Event-Subclass") == "clients::count")))
    client.send("event plain CHANNEL_CREATE CHANNEL_ANSWER CHANNEL_HANGUP_COMPLETE BACKGROUND_JOB CUSTOM clients::count")
    client.send("bgapi originate {origination_uuid=green}loopback/park/public &park()")
    with gevent.Timeout(10, False):
        while "BACKGROUND_JOB" not in seen:
            gevent.sleep(0.01)
    client.send("api uuid_kill green")
    with gevent.Timeout(10, False):
        while seen.count("CHANNEL_HANGUP_COMPLETE") < 2:
            gevent.sleep(0.01)
    need("greenswitch: a call's life", {"CHANNEL_CREATE", "CHANNEL_ANSWER", "BACKGROUND_JOB"} <= set(seen) and seen.count("CHANNEL_HANGUP_COMPLETE") >= 2)
    giver = greenswitch.InboundESL(host="127.0.0.1", port=port, password=PASSWORD)
    giver.connect()
    for _ in range(EVENTS):
        giver.send("sendevent CUSTOM\nEvent-Subclass: clients::count")
    with gevent.Timeout(30, False):
        while count[0] < EVENTS:
            gevent.sleep(0.01)
    need(f"greenswitch: {EVENTS} events without loss ({count[0]})", count[0] == EVENTS)
    client.stop()
    giver.stop()


def greenswitch_outbound(binary, sip):
    import gevent
    import greenswitch
    from greenswitch.esl import OutboundSessionHasGoneAway
    done = []

    class Application:
        def __init__(self, session):
            self.session = session

        def run(self):
            try:
                self.session.myevents()
                self.session.linger()
                self.session.answer()
                self.session.playback("tone_stream://%(300,0,440)")
                done.append(self.session.caller_id_number)
                self.session.hangup()
            except OutboundSessionHasGoneAway:
                done.append("gone")

    server = greenswitch.OutboundESLServer(bind_address="127.0.0.1", bind_port=list(range(28100, 28200)), application=Application)
    gevent.spawn(server.listen)
    with gevent.Timeout(5, False):
        while not server.bound_port:
            gevent.sleep(0.01)
    process = call(binary, sip, f"lend{server.bound_port}")
    with gevent.Timeout(20, False):
        while process.poll() is None:
            gevent.sleep(0.02)
    out = process.stdout.read()
    need(f"greenswitch: a call is lent, answered, hears a tone, is ended {done}", len(done) == 1 and done[0] != "gone" and "200" in out)
    server.stop()


async def genesis_both(binary, sip, port):
    from genesis import Inbound, Outbound
    async with Inbound("127.0.0.1", port, PASSWORD) as client:
        answer = await client.send("api status")
        need("genesis: status", "UP " in str(getattr(answer, "body", "") or answer))
        answer = await client.send("api originate {origination_uuid=gen}loopback/park/public &park()")
        need("genesis: originate", "+OK gen" in str(getattr(answer, "body", "") or answer))
        await client.send("api uuid_kill gen")
    heard = asyncio.Event()

    async def handler(session):
        await session.sendmsg("execute", "answer")
        await session.sendmsg("execute", "playback", "tone_stream://%(200,0,440)", block=True, timeout=10)
        heard.set()
        await session.sendmsg("execute", "hangup")

    for server_port in range(28200, 28300):
        server = Outbound(handler, "127.0.0.1", server_port)
        try:
            await server.start(block=False)
            break
        except OSError:
            continue
    process = call(binary, sip, f"lend{server_port}")
    await asyncio.wait_for(heard.wait(), 20)
    out, _ = await asyncio.to_thread(process.communicate, timeout=20)
    need("genesis: a call is lent, answered, ended", "200" in out)
    await server.stop()


def main():
    if "--ready" not in sys.argv:
        environment()
    binary = os.path.abspath(sys.argv[1])
    with tempfile.TemporaryDirectory() as text:
        process, sip, port = start(binary, pathlib.Path(text))
        try:
            asyncio.run(genesis_both(binary, sip, port))
            greenswitch_inbound(port)
            greenswitch_outbound(binary, sip)
            subprocess.run(["node", str(ROOT / ".ci" / "clients.js"), binary, str(sip), str(port), PASSWORD], check=True)
        finally:
            process.send_signal(signal.SIGTERM)
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=10)


main()
