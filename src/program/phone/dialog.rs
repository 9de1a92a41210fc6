//! What both ends of a call remember to speak within it (RFC 3261 12).

use super::line::Sender;
use super::message::{Message, parameter, uri_of};

/// A dialog seen from our side.
#[derive(Debug, Clone)]
pub(super) struct Dialog {
    call_id: String,
    local: String,
    remote: String,
    target: String,
    routes: Vec<String>,
    cseq: u32,
    user: String,
}

/// A fresh identifier for tags, branches and Call-IDs.
pub(super) fn fresh() -> String {
    format!("{:016x}", rand::random::<u64>())
}

/// A fresh branch.
pub(super) fn branch() -> String {
    format!("z9hG4bK{}", fresh())
}

impl Dialog {
    /// Of the INVITE we sent and its response.
    pub(super) fn of_caller(invite: &Message, response: &Message) -> Self {
        let mut routes: Vec<String> = response.all("Record-Route").flat_map(split).collect();
        routes.reverse();
        Self {
            call_id: invite.header("Call-ID").unwrap_or_default().to_owned(),
            local: invite.header("From").unwrap_or_default().to_owned(),
            remote: response.header("To").unwrap_or_default().to_owned(),
            target: response.header("Contact").or(invite.request_uri()).map(uri_of).unwrap_or_default().to_owned(),
            routes,
            cseq: invite.cseq().map_or(1, |(number, _)| number),
            user: user_part(invite.header("From")),
        }
    }

    /// Of the INVITE we received; `tag` is ours.
    pub(super) fn of_callee(invite: &Message, tag: &str) -> Self {
        let to = invite.header("To").unwrap_or_default();
        Self {
            call_id: invite.header("Call-ID").unwrap_or_default().to_owned(),
            local: if parameter(to, "tag").is_some() { to.to_owned() } else { format!("{to};tag={tag}") },
            remote: invite.header("From").unwrap_or_default().to_owned(),
            target: invite.header("Contact").map(uri_of).unwrap_or_default().to_owned(),
            routes: invite.all("Record-Route").flat_map(split).collect(),
            cseq: 1,
            user: user_part(invite.header("To")),
        }
    }

    /// The next request within the dialog.
    pub(super) fn request(&mut self, method: &str, line: &Sender) -> Message {
        self.cseq += 1;
        self.with_cseq(method, self.cseq, line)
    }

    /// The ACK of the INVITE with this CSeq number.
    pub(super) fn ack(&self, number: u32, line: &Sender) -> Message {
        self.with_cseq("ACK", number, line)
    }

    fn with_cseq(&self, method: &str, number: u32, line: &Sender) -> Message {
        let mut out = Message::request(method, &self.target);
        out.add("Via", &line.via(&branch()));
        out.add("Max-Forwards", "70");
        for route in &self.routes {
            out.add("Route", route);
        }
        out.add("From", &self.local);
        out.add("To", &self.remote);
        out.add("Call-ID", &self.call_id);
        out.add("CSeq", &format!("{number} {method}"));
        out.add("Contact", &line.contact(&self.user));
        out
    }
}

fn user_part(header: Option<&str>) -> String {
    header.map(uri_of).map(super::message::user_of).unwrap_or_default().to_owned()
}

/// The elements of a comma list of name-addrs.
fn split(list: &str) -> impl Iterator<Item = String> + use<> {
    let (mut out, mut depth, mut part) = (Vec::new(), 0, String::new());
    for letter in list.chars() {
        match letter {
            '<' => depth += 1,
            '>' => depth -= 1,
            ',' if depth == 0 => {
                out.push(std::mem::take(&mut part).trim().to_owned());
                continue;
            }
            _ => {}
        }
        part.push(letter);
    }
    out.push(part.trim().to_owned());
    out.into_iter()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test]
    async fn requests_follow_the_dialog() {
        let socket = Arc::new(tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap());
        let line = Sender::datagrams(socket, "127.0.0.1:9".parse().unwrap()).unwrap();
        let mut invite = Message::request("INVITE", "sip:b@h");
        for (name, value) in [
            ("From", "<sip:a@h>;tag=1"),
            ("To", "<sip:b@h>"),
            ("Call-ID", "c"),
            ("CSeq", "5 INVITE"),
            ("Contact", "<sip:a@there>"),
            ("Record-Route", "<sip:p1;x=a,b>, <sip:p2>"),
        ] {
            invite.add(name, value);
        }
        let mut answer = Message::response(&invite, 200, "OK", "2");
        answer.add("Contact", "<sip:b@target:7;transport=tcp>;expires=3");
        let mut caller = Dialog::of_caller(&invite, &answer);
        let bye = caller.request("BYE", &line);
        assert_eq!(bye.request_uri(), Some("sip:b@target:7;transport=tcp"));
        assert_eq!(bye.cseq(), Some((6, "BYE")));
        assert_eq!(bye.header("To"), Some("<sip:b@h>;tag=2"));
        assert_eq!(bye.all("Route").collect::<Vec<_>>(), ["<sip:p2>", "<sip:p1;x=a,b>"]);
        assert_eq!(caller.ack(5, &line).cseq(), Some((5, "ACK")));
        let mut callee = Dialog::of_callee(&invite, "2");
        let bye = callee.request("BYE", &line);
        assert_eq!((bye.header("From"), bye.header("To")), (Some("<sip:b@h>;tag=2"), Some("<sip:a@h>;tag=1")));
        assert_eq!(bye.all("Route").collect::<Vec<_>>(), ["<sip:p1;x=a,b>", "<sip:p2>"]);
    }
}
