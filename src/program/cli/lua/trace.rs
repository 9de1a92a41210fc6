//! `switch lua trace [UUID]`: what scripts of a running switch call, with results and durations, until the call is over.
//!
//! It listens to the events `CUSTOM lua::trace` of the event socket; they are fired while somebody listens to them by name.
//!
//! Exit status: 0 the call is over; 1 there is no such channel; 2 there is no switch, or it does not accept the password.

use std::io::Write as _;
use std::process::ExitCode;

use serde_json::Value;

use crate::program::cli::console::ConnectionArgs;
use crate::program::client::{Client, ClientError};

/// Arguments of `switch lua trace`.
#[derive(Debug, clap::Args)]
pub(super) struct TraceArgs {
    /// Channel; without it the scripts of all channels, until Ctrl-C
    uuid: Option<String>,
    #[command(flatten)]
    connection: ConnectionArgs,
}

/// Runs the command.
pub(super) fn run(args: &TraceArgs) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return refuse(&error.to_string(), 2),
    };
    let followed = runtime.block_on(async {
        let client = args.connection.connect().await?;
        follow(client, args.uuid.as_deref()).await.map_err(|error| error.to_string())
    });
    match followed {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => refuse(&format!("there is no channel {}", args.uuid.as_deref().unwrap_or_default()), 1),
        Err(error) => refuse(&error, 2),
    }
}

/// False: there is no such channel.
async fn follow(mut client: Client, uuid: Option<&str>) -> Result<bool, ClientError> {
    if let Some(uuid) = uuid {
        client.request(&format!("filter Unique-ID {uuid}\n\n"), |_| {}).await?;
    }
    client.request("event json CHANNEL_DESTROY CUSTOM lua::trace\n\n", |_| {}).await?;
    if let Some(uuid) = uuid
        && client.command(&format!("uuid_exists {uuid}"), |_| {}).await?.trim() != "true"
    {
        return Ok(false);
    }
    let mut start = None;
    loop {
        let frame = client.next().await?;
        let Some(event) = serde_json::from_str::<Value>(&frame.body).ok().filter(|_| frame.kind() == "text/event-json")
        else {
            continue;
        };
        let text = |name: &str| event.get(name).and_then(Value::as_str).unwrap_or_default();
        if text("Event-Name") == "CHANNEL_DESTROY" {
            match uuid {
                Some(uuid) if text("Unique-ID") == uuid => return Ok(true),
                _ => continue,
            }
        }
        let number = |name: &str| text(name).parse::<u64>().unwrap_or(0);
        let duration = number("Lua-Duration-Ms");
        let began = (number("Event-Date-Timestamp") / 1000).saturating_sub(duration);
        let line = line(&event, began.saturating_sub(*start.get_or_insert(began)), duration, uuid.is_none());
        let mut out = std::io::stdout().lock();
        let _ = writeln!(out, "{line}").and_then(|()| out.flush());
    }
}

/// A call, ms since the first one.
fn line(event: &Value, at: u64, duration: u64, name_channel: bool) -> String {
    let text = |name: &str| event.get(name).and_then(Value::as_str).unwrap_or_default();
    let channel = if name_channel { format!("{} ", text("Unique-ID")) } else { String::new() };
    let result = match text("Lua-Result") {
        "" => String::new(),
        result => format!(" → {result}"),
    };
    let length = if duration == 0 { String::new() } else { format!("  [{} s]", super::time(duration)) };
    format!("{:>9}  {channel}{}: {}{result}{length}", super::time(at), text("Lua-Script"), text("Lua-Call"))
}

fn refuse(error: &str, code: u8) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "switch lua trace: {error}");
    ExitCode::from(code)
}
