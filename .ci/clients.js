// modesl, a client library for Node, unchanged, against a running switch: inbound and outbound.
// Usage: node clients.js BINARY SIP-PORT EVENT-SOCKET-PORT PASSWORD (started by clients.py, which sets NODE_PATH).
const { spawn } = require("child_process");
const esl = require("modesl");
const [, , binary, sip, port, password] = process.argv;

const need = (what, condition) => {
  if (!condition) {
    console.log(`FAILED: ${what}`);
    process.exit(1);
  }
  console.log(`ok  ${what}`);
};
setTimeout(() => need("modesl: everything within 20 s", false), 20000).unref();

const inbound = () =>
  new Promise((resolve) => {
    const seen = [];
    const conn = new esl.Connection("127.0.0.1", Number(port), password, () => {
      conn.api("status", (answer) => {
        need("modesl: status", answer.getBody().startsWith("UP "));
        conn.subscribe(["CHANNEL_CREATE", "CHANNEL_ANSWER", "CHANNEL_HANGUP_COMPLETE"], () => {
          conn.bgapi("originate {origination_uuid=mode}loopback/park/public &park()", (job) => {
            need("modesl: originate", job.getBody().startsWith("+OK mode"));
            conn.api("uuid_kill mode", () => {});
          });
        });
      });
    });
    for (const name of ["CHANNEL_CREATE", "CHANNEL_ANSWER", "CHANNEL_HANGUP_COMPLETE"]) {
      conn.on(`esl::event::${name}::*`, () => {
        seen.push(name);
        if (seen.filter((one) => one === "CHANNEL_HANGUP_COMPLETE").length === 2) {
          need("modesl: a call's life", seen.includes("CHANNEL_CREATE") && seen.includes("CHANNEL_ANSWER"));
          conn.disconnect();
          resolve();
        }
      });
    }
  });

const outbound = () =>
  new Promise((resolve) => {
    const server = new esl.Server({ port: 0, host: "127.0.0.1", myevents: true }, () => {
      const call = spawn(binary, ["call", `sip:lend${server.server.address().port}@127.0.0.1:${sip}`]);
      let out = "";
      call.stdout.on("data", (data) => (out += data));
      call.on("close", () => {
        need("modesl: a call is lent, answered, hears a tone, is ended", out.includes("200"));
        resolve();
      });
    });
    server.on("connection::ready", (conn) => {
      conn.on("error", () => {});
      conn.execute("answer", () => {
        conn.execute("playback", "tone_stream://%(200,0,440)", () => conn.execute("hangup", () => {}));
      });
    });
  });

inbound().then(outbound).then(() => process.exit(0));
