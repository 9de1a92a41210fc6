//! Frames for the client (spec: event socket, 2 and 7).

/// Longest `Reply-Text`, bytes.
const MAX_REPLY: usize = 511;
/// What a client is told at the end.
const GOODBYE: &str = "Disconnected, goodbye.\nSee you at ClueCon! http://www.cluecon.com/\n";

/// `command/reply` with a text and further headers.
pub fn command_reply(text: &str, more: &[(&str, &str)]) -> String {
    let mut end = text.len().min(MAX_REPLY);
    while !text.is_char_boundary(end) {
        end = end.saturating_sub(1);
    }
    let text = text.get(..end).unwrap_or_default();
    let mut frame = format!("Content-Type: command/reply\nReply-Text: {text}\n");
    for (name, value) in more {
        frame.extend([*name, ": ", *value, "\n"]);
    }
    frame.push('\n');
    frame
}

/// `api/response` with what a command printed.
pub fn api_response(output: &str) -> String {
    let output = if output.is_empty() { "-ERR no reply\n" } else { output };
    format!("Content-Type: api/response\nContent-Length: {}\n\n{output}", output.len())
}

/// What stands before a serialised event of so many bytes; `format` is `plain`, `json` or `xml`.
pub fn event_head(format: &str, length: usize) -> String {
    format!("Content-Length: {length}\nContent-Type: text/event-{format}\n\n")
}

/// The last words; `session` is the uuid of a controlled session.
pub fn disconnect_notice(session: Option<&str>, body: Option<&str>) -> String {
    let body = body.unwrap_or(GOODBYE);
    let controlled = session
        .map(|uuid| format!("Controlled-Session-UUID: {uuid}\nContent-Disposition: disconnect\n"))
        .unwrap_or_default();
    format!("Content-Type: text/disconnect-notice\n{controlled}Content-Length: {}\n\n{body}", body.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_as_clients_parse_them() {
        assert_eq!(command_reply("+OK", &[]), "Content-Type: command/reply\nReply-Text: +OK\n\n");
        assert_eq!(
            command_reply("+OK Job-UUID: x", &[("Job-UUID", "x")]),
            "Content-Type: command/reply\nReply-Text: +OK Job-UUID: x\nJob-UUID: x\n\n"
        );
        assert_eq!(api_response("abc"), "Content-Type: api/response\nContent-Length: 3\n\nabc");
        assert!(api_response("").ends_with("\n\n-ERR no reply\n"));
        assert_eq!(event_head("json", 2), "Content-Length: 2\nContent-Type: text/event-json\n\n");
        assert!(
            disconnect_notice(None, None).starts_with("Content-Type: text/disconnect-notice\nContent-Length: 67\n\n")
        );
        assert!(
            disconnect_notice(Some("u"), None).contains("UUID: u\nContent-Disposition: disconnect\nContent-Length")
        );
        let long = command_reply(&"\u{e9}".repeat(400), &[]);
        assert_eq!(long.lines().nth(1).map(str::len), Some("Reply-Text: ".len() + 510));
    }
}
