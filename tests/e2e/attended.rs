//! Transfers with a talk first: `att_xfer`, from either side of a bridge, and what becomes of all three.

#![expect(clippy::indexing_slicing, reason = "the telephones of a test are counted")]

use super::peer::Peer;
use super::support::{Switch, context};
use super::voices::Voice;

/// Says what the others do not.
const X: u8 = 0x90;
const P: u8 = 0x98;
const T: u8 = 0xa0;

/// Three telephones: `x` has called `p`; `*4` of either calls `t`.
struct Three {
    _switch: Switch,
    x: Voice,
    p: Voice,
    t: Voice,
}

impl Three {
    /// `set` are variables of both legs.
    fn new(set: &[&str]) -> Self {
        let (p, t) = (Voice::new("p", P), Voice::new("t", T));
        let transfer = format!("4 ab s att_xfer::sofia/internal/sip:t@{}", t.peer.address());
        let dial = format!("sofia/internal/sip:p@{}", p.peer.address());
        let mut actions =
            vec![("export", "hold_music=tone_stream://%(200,0,440);loops=-1"), ("bind_meta_app", &transfer)];
        actions.extend(set.iter().map(|set| ("export", *set)));
        actions.push(("bridge", &dial));
        let target = format!("sofia/internal/sip:t@{}", t.peer.address());
        let second: &[(&str, &str)] = &[("bridge", &target)];
        let plan = format!("<include>\n{}</include>\n", context("public", &[("^p$", &actions), ("^t$", second)]));
        let switch = Switch::start(&[("dialplan/a.xml", &plan)]);
        let mut x = Voice::new("x", X);
        x.peer = Peer::new(switch.address, "x", "near.test");
        let mut all = Self { _switch: switch, x, p, t };
        all.x.call("p");
        all.p.take();
        all.x.is_answered();
        Voice::talk(&mut [&mut all.x, &mut all.p]);
        all
    }

    /// `x` asks for the transfer, and `t` is rung.
    fn ask(&mut self) {
        self.x.press('*');
        self.x.press('4');
        self.t.rings();
    }

    /// The same, and `x` talks to `t`, while `p` hears music.
    fn consult(&mut self) {
        self.ask();
        self.t.answers();
        Voice::talk(&mut [&mut self.x, &mut self.t]);
        Voice::until("music", &mut [&mut self.x, &mut self.t, &mut self.p], |all| {
            all[2].heard.iter().any(|octet| ![X, T, 0xff, 0x7f].contains(octet))
        });
    }

    fn p_and_t_talk(&mut self) {
        Voice::talk(&mut [&mut self.p, &mut self.t]);
    }
}

#[test]
fn who_hangs_up_brings_the_two_together() {
    let mut all = Three::new(&[]);
    all.consult();
    assert_eq!(all.x.peer.ask("BYE", "sip:p@127.0.0.1", "", "").code(), 200);
    all.p_and_t_talk();
    all.p.peer.become_caller();
    assert_eq!(all.p.peer.ask("BYE", "sip:switch@127.0.0.1", "", "").code(), 200);
    all.t.peer.request("BYE");
}

#[test]
fn the_hangup_key_does_so_too() {
    let mut all = Three::new(&["attxfer_hangup_key=9"]);
    all.consult();
    all.x.press('9');
    all.x.peer.request("BYE");
    all.p_and_t_talk();
}

#[test]
fn the_cancel_key_leads_back_to_the_partner() {
    let mut all = Three::new(&[]);
    all.consult();
    all.x.press('#');
    all.t.peer.request("BYE");
    Voice::talk(&mut [&mut all.x, &mut all.p]);
    // And once more, this time to the end.
    all.t.forget();
    all.consult();
    assert_eq!(all.x.peer.ask("BYE", "sip:p@127.0.0.1", "", "").code(), 200);
    all.p_and_t_talk();
}

#[test]
fn a_busy_target_leads_back_to_the_partner() {
    let mut all = Three::new(&[]);
    all.ask();
    all.t.refuses("486 Busy Here");
    Voice::talk(&mut [&mut all.x, &mut all.p]);
}

#[test]
fn the_cancel_key_of_the_dialling_ends_it() {
    let mut all = Three::new(&["origination_cancel_key=7"]);
    all.ask();
    all.x.press('7');
    all.t.peer.request("CANCEL");
    Voice::talk(&mut [&mut all.x, &mut all.p]);
}

#[test]
fn who_leaves_while_it_rings_leaves_the_target_to_the_partner() {
    let mut all = Three::new(&[]);
    all.ask();
    assert_eq!(all.x.peer.ask("BYE", "sip:p@127.0.0.1", "", "").code(), 200);
    all.t.answers();
    all.p_and_t_talk();
    all.t.peer.become_caller();
    assert_eq!(all.t.peer.ask("BYE", "sip:switch@127.0.0.1", "", "").code(), 200);
    all.p.peer.request("BYE");
}

#[test]
fn nobody_is_left_when_that_fails() {
    let mut all = Three::new(&[]);
    all.ask();
    assert_eq!(all.x.peer.ask("BYE", "sip:p@127.0.0.1", "", "").code(), 200);
    all.t.refuses("486 Busy Here");
    all.p.peer.request("BYE");
}

#[test]
fn the_called_side_may_transfer_the_caller() {
    let mut all = Three::new(&[]);
    all.p.press('*');
    all.p.press('4');
    all.t.rings();
    all.t.answers();
    Voice::talk(&mut [&mut all.p, &mut all.t]);
    all.p.peer.become_caller();
    assert_eq!(all.p.peer.ask("BYE", "sip:switch@127.0.0.1", "", "").code(), 200);
    Voice::talk(&mut [&mut all.x, &mut all.t]);
    assert_eq!(all.x.peer.ask("BYE", "sip:p@127.0.0.1", "", "").code(), 200);
    all.t.peer.request("BYE");
}

#[test]
fn the_conference_key_has_all_three_talk() {
    let mut all = Three::new(&[]);
    all.consult();
    all.x.press('0');
    let Three { x, p, t, .. } = &mut all;
    Voice::until("both others", &mut [x, p, t], |all| {
        all[0].hears_all(&[P, T]) && all[1].hears_all(&[X, T]) && all[2].hears_all(&[X, P])
    });
    assert_eq!(all.x.peer.ask("BYE", "sip:p@127.0.0.1", "", "").code(), 200);
    all.p_and_t_talk();
}

#[test]
fn after_a_conference_without_the_target_two_are_left() {
    let mut all = Three::new(&[]);
    all.consult();
    all.x.press('0');
    let Three { x, p, t, .. } = &mut all;
    Voice::until("both others", &mut [x, p, t], |all| all[0].hears_all(&[P, T]));
    all.t.peer.become_caller();
    assert_eq!(all.t.peer.ask("BYE", "sip:switch@127.0.0.1", "", "").code(), 200);
    Voice::talk(&mut [&mut all.x, &mut all.p]);
}

#[test]
fn a_partner_who_leaves_is_not_waited_for() {
    let mut all = Three::new(&[]);
    all.consult();
    all.p.peer.become_caller();
    assert_eq!(all.p.peer.ask("BYE", "sip:switch@127.0.0.1", "", "").code(), 200);
    Voice::talk(&mut [&mut all.x, &mut all.t]);
    assert_eq!(all.x.peer.ask("BYE", "sip:p@127.0.0.1", "", "").code(), 200);
    all.t.peer.request("BYE");
}

/// A REFER of `x`: `p` is to be joined with whom `x` has called in another dialog.
fn refer(x: &mut Voice, other: &Peer, tags: (&str, &str)) {
    let replaces = format!("{}%3Bto-tag%3D{}%3Bfrom-tag%3D{}", other.call_id().replace('@', "%40"), tags.0, tags.1);
    let to = format!("Refer-To: <sip:t@127.0.0.1?Replaces={replaces}>\r\n");
    let answer = x.peer.ask("REFER", "sip:p@127.0.0.1", &to, "");
    assert_eq!(answer.code(), 202, "{}", answer.0);
}

/// `x` talks to `p` and has called `t`, who rings; then it refers `p` there. The second dialog of `x`, and what it was told.
fn referred_while_ringing(target: &str) -> (Three, Voice) {
    let mut all = Three::new(&[]);
    let mut second = Voice::new("x", X);
    second.peer = Peer::new(all.x.peer.switch(), "x", "near.test");
    second.call(target);
    all.t.rings();
    let ringing = second.peer.provisional();
    let tag = ringing.header("To").split(";tag=").nth(1).expect("a tag").to_owned();
    let Three { x, .. } = &mut all;
    refer(x, &second.peer, (&tag, "peer"));
    assert!(second.peer.response().code() >= 400, "its call is over");
    all.x.peer.request("BYE");
    (all, second)
}

#[test]
fn a_target_that_still_rings_is_given_to_the_partner() {
    let (mut all, _second) = referred_while_ringing("t");
    Voice::until("music", &mut [&mut all.p], |all| {
        all[0].heard.iter().any(|octet| ![X, T, 0xff, 0x7f].contains(octet))
    });
    all.t.answers();
    all.p_and_t_talk();
    all.p.peer.become_caller();
    assert_eq!(all.p.peer.ask("BYE", "sip:switch@127.0.0.1", "", "").code(), 200);
    all.t.peer.request("BYE");
}

#[test]
fn a_target_that_is_busy_then_leaves_the_partner_to_the_dialplan() {
    let (mut all, _second) = referred_while_ringing("t");
    all.t.refuses("486 Busy Here");
    // The extension that `x` had called, once more.
    all.t.forget();
    all.t.rings();
    all.t.answers();
    all.p_and_t_talk();
}

#[test]
fn a_partner_who_gives_up_ends_the_ringing() {
    let (mut all, _second) = referred_while_ringing("t");
    all.p.peer.become_caller();
    assert_eq!(all.p.peer.ask("BYE", "sip:switch@127.0.0.1", "", "").code(), 200);
    all.t.peer.request("CANCEL");
}
