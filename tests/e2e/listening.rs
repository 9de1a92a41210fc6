//! More than two: `eavesdrop`, `three_way`, and files over what is said.

#![expect(clippy::indexing_slicing, reason = "the telephones of a test are counted")]

use super::peer::Peer;
use super::support::{Switch, context};
use super::voices::Voice;

const A: u8 = 0x90;
const B: u8 = 0x98;
const C: u8 = 0xa0;

/// `a` talks to `b`; `c` may call with an application that names the channel of `a`.
struct Room {
    switch: Switch,
    a: Voice,
    b: Voice,
    c: Voice,
}

impl Room {
    fn new(more: &[(&str, &str)]) -> Self {
        let b = Voice::new("b", B);
        let dial = format!("sofia/internal/sip:b@{}", b.peer.address());
        let mut actions = vec![("set_global", "room=${uuid}"), ("set", "eavesdrop_group=desk,yard")];
        actions.extend(more);
        actions.push(("bridge", &dial));
        let three_way: &[(&str, &str)] = &[("answer", ""), ("three_way", "${room}"), ("hangup", "USER_BUSY")];
        let eavesdrop: &[(&str, &str)] = &[("answer", ""), ("eavesdrop", "${room}"), ("hangup", "USER_BUSY")];
        let group: &[(&str, &str)] = &[
            ("answer", ""),
            ("set", "eavesdrop_require_group=${destination_number}"),
            ("eavesdrop", "${room}"),
            ("hangup", "USER_BUSY"),
        ];
        let plan = context(
            "public",
            &[("^b$", &actions), ("^three$", three_way), ("^ear$", eavesdrop), ("^(yard|roof)$", group)],
        );
        let switch = Switch::start(&[("dialplan/a.xml", &format!("<include>\n{plan}</include>\n"))]);
        let near = |user: &str, says| {
            let mut voice = Voice::new(user, says);
            voice.peer = Peer::new(switch.address, user, "near.test");
            voice
        };
        let (a, c) = (near("a", A), near("c", C));
        let mut room = Self { switch, a, b, c };
        room.a.call("b");
        room.b.take();
        room.a.is_answered();
        room
    }

    fn talk(&mut self) {
        Voice::talk(&mut [&mut self.a, &mut self.b]);
    }

    /// `c` calls, and hears both.
    fn listen(&mut self, number: &str) {
        self.c.call(number);
        self.c.is_answered();
        self.until("both", |all| all[2].hears_all(&[A, B]));
    }

    fn until(&mut self, what: &str, is_so: impl FnMut(&[&mut Voice]) -> bool) {
        let Self { a, b, c, .. } = self;
        Voice::until(what, &mut [a, b, c], is_so);
    }
}

#[test]
fn the_third_of_a_bridge_hears_and_is_heard_and_leaves_it_as_it_was() {
    let mut room = Room::new(&[]);
    room.talk();
    room.listen("three");
    room.until("all others", |all| all[0].hears_all(&[B, C]) && all[1].hears_all(&[A, C]));
    assert_eq!(room.c.peer.ask("BYE", "sip:three@127.0.0.1", "", "").code(), 200);
    room.talk();
}

#[test]
fn the_visit_ends_with_the_channel_and_the_list_goes_on() {
    let mut room = Room::new(&[]);
    room.talk();
    room.listen("three");
    assert_eq!(room.a.peer.ask("BYE", "sip:b@127.0.0.1", "", "").code(), 200);
    assert!(room.c.peer.request("BYE").header("Reason").contains("cause=17"), "the next action ran");
}

#[test]
fn who_listens_is_heard_by_whom_its_keys_choose() {
    let mut room = Room::new(&[]);
    room.talk();
    room.listen("ear");
    assert!(room.a.hears(B) && room.b.hears(A), "nobody hears the third");
    room.c.press('1');
    room.until("a alone hears c", |all| all[0].hears_all(&[B, C]) && all[1].hears(A));
    room.c.press('2');
    room.until("b alone hears c", |all| all[0].hears(B) && all[1].hears_all(&[A, C]));
    room.c.press('3');
    room.until("both hear c", |all| all[0].hears_all(&[B, C]) && all[1].hears_all(&[A, C]));
    room.c.press('0');
    room.until("nobody hears c", |all| all[0].hears(B) && all[1].hears(A));
    room.c.press('*');
    assert!(room.c.peer.request("BYE").header("Reason").contains("cause=17"), "the next action ran");
    room.talk();
}

#[test]
fn a_group_is_asked_for() {
    let mut room = Room::new(&[]);
    room.c.call("roof");
    room.c.is_answered();
    assert!(room.c.peer.request("BYE").header("Reason").contains("cause=17"), "not of that group");
    room.c = Voice::new("c", C);
    room.c.peer = Peer::new(room.switch.address, "c", "near.test");
    room.listen("yard");
}

const TONE: &str = "tone_stream://%(20000,0,400)";

fn is_tone(voice: &Voice, others: &[u8]) -> bool {
    !voice.heard.is_empty() && voice.heard.iter().any(|octet| !others.contains(octet) && ![0xff, 0x7f].contains(octet))
}

#[test]
fn a_file_is_heard_instead_of_the_other_side_until_its_limit() {
    let mut room = Room::new(&[("answer", ""), ("displace_session", &format!("{TONE} +2"))]);
    room.until("the tone", |all| is_tone(all[0], &[B]) && all[1].hears(A));
    room.talk();
}

#[test]
fn a_file_is_heard_by_the_other_side_instead_of_the_channel() {
    let mut room = Room::new(&[("answer", ""), ("displace_session", &format!("{TONE} r +2"))]);
    room.until("the tone", |all| is_tone(all[1], &[A]) && all[0].hears(B));
    room.talk();
}

#[test]
fn a_file_that_is_mixed_leaves_the_other_side_to_be_heard() {
    // Silence, mixed: what the other says is there, unchanged.
    let mut room = Room::new(&[("answer", ""), ("displace_session", "silence_stream://20000 m")]);
    room.talk();
    let mut room = Room::new(&[("answer", ""), ("displace_session", "silence_stream://20000")]);
    room.until("silence", |all| {
        !all[0].heard.is_empty() && all[0].heard.iter().all(|octet| [0xff, 0x7f].contains(octet))
    });
}

#[test]
fn a_missing_file_ends_the_call_only_if_that_is_wanted() {
    let mut room = Room::new(&[("answer", ""), ("displace_session", "/no/such.wav")]);
    room.talk();
    let plan = context(
        "public",
        &[(
            "^b$",
            &[
                ("answer", ""),
                ("set", "DISPLACE_HANGUP_ON_ERROR=true"),
                ("displace_session", "/no/such.wav"),
                ("park", ""),
            ],
        )],
    );
    let switch = Switch::start(&[("dialplan/a.xml", &format!("<include>\n{plan}</include>\n"))]);
    let mut a = Voice::new("a", A);
    a.peer = Peer::new(switch.address, "a", "near.test");
    a.call("b");
    a.is_answered();
    assert!(a.peer.request("BYE").header("Reason").contains("cause=27"));
}
