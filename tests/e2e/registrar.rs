//! Telephones register with the real binary: digest, contacts, times, restarts, scanners.

use std::fmt::Write as _;
use std::time::Duration;

use super::peer::{Message, Peer, prove};
use super::support::{Switch, context};

pub(crate) const DOMAIN: &str = "example.test";

/// A profile with these params on an address of the system's choice.
pub(crate) fn profile(params: &[(&str, &str)], gateways: &str) -> String {
    let mut text = String::from("<profile name=\"internal\">\n<settings>\n");
    let always = [("sip-ip", "127.0.0.1"), ("sip-port", "0"), ("challenge-realm", "auto_from")];
    for (name, value) in always.iter().chain(params) {
        let _ = writeln!(text, "<param name=\"{name}\" value=\"{value}\"/>");
    }
    text + &format!("</settings>\n<gateways>\n{gateways}</gateways>\n</profile>\n")
}

/// Users 1000 to 1002 with their passwords, and the params of 1002.
pub(crate) fn users(more: &str) -> String {
    let user = |id: &str, more: &str| {
        format!("<user id=\"{id}\"><params><param name=\"password\" value=\"pw{id}\"/>{more}</params></user>\n")
    };
    format!(
        "<include>\n<domain name=\"{DOMAIN}\">\n<params><param name=\"dial-string\" \
         value=\"${{sofia_contact(${{dialed_user}}@${{dialed_domain}})}}\"/></params>\n{}{}{}</domain>\n</include>\n",
        user("1000", ""),
        user("1001", ""),
        user("1002", more)
    )
}

/// Calls to `<user>` go to its registrations; `at-<user>` answers 486 with where they are.
pub(crate) fn plan() -> String {
    let dial = format!("user/$1@{DOMAIN}");
    let shown = format!("486 ${{sofia_contact($1@{DOMAIN})}}");
    let actions: [&[(&str, &str)]; 2] = [&[("respond", &shown)], &[("bridge", &dial)]];
    format!("<include>\n{}</include>\n", context("public", &[("^at-(\\d+)$", actions[0]), ("^(\\d+)$", actions[1])]))
}

fn start(params: &[(&str, &str)]) -> Switch {
    let profile = profile(params, "");
    Switch::start(&[("sip_profiles/a.xml", &profile), ("directory/a.xml", &users("")), ("dialplan/a.xml", &plan())])
}

/// What `sofia_contact` says of a user.
async fn contacts(switch: &Switch, user: &str) -> String {
    let report = switch.call(&format!("at-{user}"), |_| ()).await;
    report.responses.last().expect("a response").phrase.clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_telephone_registers_by_md5_and_by_sha_256() {
    for (param, algorithm) in [("MD5", "MD5"), ("SHA-256", "SHA-256"), ("SHA-256,MD5", "SHA-256")] {
        let switch = start(&[("rfc8760-auth-algorithms", param)]);
        let mut peer = Peer::new(switch.address, "1000", DOMAIN);
        let to = format!("sip:1000@{DOMAIN}");
        let asked = peer.ask("REGISTER", &to, "", "");
        assert_eq!(asked.code(), 401);
        let challenges = asked.all("WWW-Authenticate");
        assert_eq!(challenges.len(), param.split(',').count(), "{}", asked.0);
        let first = challenges.first().expect("a challenge");
        assert_eq!(Message::field(first, "algorithm"), algorithm);
        assert_eq!(Message::field(first, "realm"), DOMAIN);
        peer.registered("pw1000");
        let shown = contacts(&switch, "1000").await;
        assert!(shown.contains(&format!("1000@{}", peer.address())), "{shown}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_and_an_unknown_user_hear_the_same() {
    let switch = start(&[]);
    let mut answers = Vec::new();
    for (user, password) in [("1000", "wrong"), ("1000", "pw1001"), ("4711", "pw1000")] {
        let mut peer = Peer::new(switch.address, user, DOMAIN);
        let contact = peer.contact();
        let answer = peer.register(password, &format!("Contact: {contact}\r\n"));
        let own = |line: &&str| !["Via", "From", "To", "Call-ID"].iter().any(|name| line.starts_with(name));
        answers.push(answer.0.split("\r\n").filter(own).collect::<Vec<_>>().join("\n"));
    }
    let first = answers.first().cloned().unwrap_or_default();
    assert!(first.starts_with("SIP/2.0 403"), "{}", first);
    assert!(answers.iter().all(|answer| *answer == first), "{answers:?}");
    assert!(contacts(&switch, "1000").await.contains("error/user_not_registered"));
    // One user's password does not register another.
    let mut peer = Peer::new(switch.address, "1000", DOMAIN);
    let other = format!("sip:1001@{DOMAIN}");
    let contact = peer.contact();
    let answer = peer.ask_proven("REGISTER", &other, "pw1000", &format!("Contact: {contact}\r\n"), "");
    assert_eq!(answer.code(), 403);
    assert!(contacts(&switch, "1001").await.contains("error/user_not_registered"));
}

#[tokio::test(flavor = "multi_thread")]
async fn replayed_and_old_nonces_are_asked_for_again() {
    let switch = start(&[("nonce-ttl", "1")]);
    let mut peer = Peer::new(switch.address, "1000", DOMAIN);
    let (to, uri) = (format!("sip:1000@{DOMAIN}"), format!("sip:{DOMAIN}"));
    let more = format!("Contact: {}\r\n", peer.contact());
    let asked = peer.ask("REGISTER", &to, "", "");
    let challenge = asked.header("WWW-Authenticate").to_owned();
    let with = |count| {
        let proof = prove(&challenge, "REGISTER", &uri, ("1000", "pw1000"), count);
        format!("Authorization: {proof}\r\n{more}")
    };
    assert_eq!(peer.ask("REGISTER", &to, &with(1), "").code(), 200);
    // The count goes on: good. The count again: replayed.
    assert_eq!(peer.ask("REGISTER", &to, &with(2), "").code(), 200);
    let stale = |answer: &Message| Message::field(answer.header("WWW-Authenticate"), "stale");
    let replayed = peer.ask("REGISTER", &to, &with(2), "");
    assert_eq!((replayed.code(), &*stale(&replayed)), (401, "true"), "{}", replayed.0);
    assert_ne!(Message::field(replayed.header("WWW-Authenticate"), "nonce"), Message::field(&challenge, "nonce"));
    // A nonce of nobody's, with the right password.
    let foreign = challenge.replace(&Message::field(&challenge, "nonce"), "00000000-made-up");
    let proof = prove(&foreign, "REGISTER", &uri, ("1000", "pw1000"), 1);
    let answer = peer.ask("REGISTER", &to, &format!("Authorization: {proof}\r\n{more}"), "");
    assert_eq!((answer.code(), &*stale(&answer)), (401, "true"));
    // Garbage in place of credentials is no credentials.
    let answer = peer.ask("REGISTER", &to, "Authorization: Digest \",,=\r\n", "");
    assert_eq!(answer.code(), 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn several_contacts_and_their_end() {
    let switch = start(&[("multiple-registrations", "contact"), ("max-registrations-per-extension", "2")]);
    let mut one = Peer::new(switch.address, "1000", DOMAIN);
    let mut two = Peer::new(switch.address, "1000", DOMAIN);
    let mut three = Peer::new(switch.address, "1000", DOMAIN);
    one.registered("pw1000");
    two.registered("pw1000");
    let third = format!("Contact: {}\r\n", three.contact());
    assert_eq!(three.register("pw1000", &third).code(), 403, "two are the most");
    let listed = one.register("pw1000", "");
    assert_eq!(listed.all("Contact").len(), 2, "{}", listed.0);
    let shown = contacts(&switch, "1000").await;
    assert!(shown.contains(&one.address().to_string()) && shown.contains(&two.address().to_string()), "{shown}");
    // A call rings both; who answers first has it.
    let (own, other) = (one.contact(), two.contact());
    let gone = one.register("pw1000", &format!("Contact: {own};expires=0\r\n"));
    let left = gone.all("Contact");
    assert!(matches!(&*left, [only] if only.starts_with(&other)), "{}", gone.0);
    let all = two.register("pw1000", "Contact: *\r\nExpires: 0\r\n");
    assert!(all.code() == 200 && all.all("Contact").is_empty(), "{}", all.0);
    assert!(contacts(&switch, "1000").await.contains("error/user_not_registered"));
    // `*` together with a time or another contact is nonsense.
    for nonsense in ["Contact: *\r\n".to_owned(), format!("Contact: *\r\nContact: {own}\r\nExpires: 0\r\n")] {
        assert_eq!(one.register("pw1000", &nonsense).code(), 400, "{nonsense}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn times_have_limits() {
    let params =
        [("registration-min-expires", "60"), ("sip-force-expires-max", "600"), ("multiple-registrations", "contact")];
    let switch = start(&params);
    let mut peer = Peer::new(switch.address, "1000", DOMAIN);
    let contact = peer.contact();
    let contact_time = |answer: &Message| -> u32 {
        Message::field(&answer.header("Contact").replace(';', ","), "expires").parse().expect("a time")
    };
    let brief = peer.register("pw1000", &format!("Contact: {contact}\r\nExpires: 5\r\n"));
    assert_eq!((brief.code(), brief.header("Min-Expires")), (423, "60"));
    let long = peer.register("pw1000", &format!("Contact: {contact}\r\nExpires: 86400\r\n"));
    assert!((590..=600).contains(&contact_time(&long)), "{}", long.0);
    // Expires comes before the contact's own time, as in FreeSWITCH.
    let both = peer.register("pw1000", &format!("Contact: {contact};expires=100\r\nExpires: 500\r\n"));
    assert!((495..=500).contains(&contact_time(&both)), "{}", both.0);
    let mine = peer.register("pw1000", &format!("Contact: {contact};expires=100\r\n"));
    assert!((95..=100).contains(&contact_time(&mine)), "{}", mine.0);
    // A contact that is the switch itself would send calls in a circle.
    let circle = format!("Contact: <sip:1000@{}>\r\n", switch.address);
    assert_eq!(peer.register("pw1000", &circle).code(), 400);
    for bad in ["<http://1000@h>", "<sip:>", "\"", "<sip:1000@[::>"] {
        assert_eq!(peer.register("pw1000", &format!("Contact: {bad}\r\n")).code(), 400, "{bad}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registered_telephone_is_called() {
    let switch = start(&[]);
    let mut peer = Peer::new(switch.address, "1000", DOMAIN);
    peer.registered("pw1000");
    let rings = tokio::task::spawn_blocking(move || {
        let invite = peer.request("INVITE");
        peer.answer(&invite, "486 Busy Here", "", "");
        peer.request("ACK");
        (peer, invite)
    });
    assert_eq!(switch.call("1000", |_| ()).await.status, Some(486));
    let (mut peer, invite) = rings.await.expect("the call");
    assert!(invite.0.starts_with(&format!("INVITE sip:1000@{}", peer.address())), "{}", invite.0);
    assert_eq!(peer.register("pw1000", "Contact: *\r\nExpires: 0\r\n").code(), 200);
    assert_eq!(switch.call("1000", |_| ()).await.status, Some(480));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_keeps_registrations() {
    let data = tempfile::tempdir().expect("a folder");
    let path = data.path().to_str().expect("a path").to_owned();
    let profile = profile(&[("multiple-registrations", "contact")], "");
    let files = [("sip_profiles/a.xml", &*profile), ("directory/a.xml", &users("")), ("dialplan/a.xml", &plan())];
    let first = Switch::start_with(&["--data", &path], &files);
    let mut one = Peer::new(first.address, "1000", DOMAIN);
    let mut two = Peer::new(first.address, "1000", DOMAIN);
    one.registered("pw1000");
    two.registered("pw1000");
    let mut gone = Peer::new(first.address, "1001", DOMAIN);
    gone.registered("pw1001");
    let nothing = gone.register("pw1001", "Contact: *\r\nExpires: 0\r\n");
    assert_eq!(nothing.code(), 200);
    assert_eq!(first.interrupt().await, Some(0));
    let second = Switch::start_with(&["--data", &path], &files);
    let shown = contacts(&second, "1000").await;
    assert!(shown.contains(&one.address().to_string()) && shown.contains(&two.address().to_string()), "{shown}");
    assert!(contacts(&second, "1001").await.contains("error/user_not_registered"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scanner_is_shut_out() {
    // Addresses of this machine are exempt unless the profile says whom else it spares.
    let params = [("ban-failures", "5"), ("ban-seconds", "2"), ("ban-exempt", "192.0.2.0/24")];
    let switch = start(&params);
    let mut scanner = Peer::new(switch.address, "1000", DOMAIN);
    let to = format!("sip:1000@{DOMAIN}");
    for guess in 0..5 {
        assert_eq!(scanner.register(&format!("guess{guess}"), "").code(), 403, "{guess}");
    }
    // Silence now, whatever it asks, and one line.
    scanner.send("REGISTER", &to, "", "");
    assert!(scanner.next_within(Duration::from_millis(700)).is_none());
    assert_eq!(switch.log().matches("source banned").count(), 1, "{}", switch.log());
    // The ban ends by itself.
    let mut heard = None;
    super::support::until("the ban is over", || {
        scanner.send("OPTIONS", &to, "", "");
        heard = scanner.next_within(Duration::from_millis(200));
        heard.is_some()
    })
    .await;
    let exempt = start(&[("ban-failures", "5")]);
    let mut clumsy = Peer::new(exempt.address, "1000", DOMAIN);
    for _ in 0..8 {
        assert_eq!(clumsy.register("wrong", "").code(), 403);
    }
    clumsy.registered("pw1000");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_too_often_is_shut_out() {
    let params = [("ban-requests-per-second", "30"), ("ban-seconds", "60"), ("ban-exempt", "192.0.2.0/24")];
    let switch = start(&params);
    let mut flood = Peer::new(switch.address, "1000", DOMAIN);
    for _ in 0..200 {
        flood.send("OPTIONS", &format!("sip:x@{DOMAIN}"), "", "");
    }
    let mut answered = 0;
    while flood.next_within(Duration::from_millis(500)).is_some() {
        answered += 1;
    }
    // What was read in one go with the last that is answered is answered as well.
    assert!((30..=160).contains(&answered), "{answered}");
    assert_eq!(switch.log().matches("source banned").count(), 1, "{}", switch.log());
}
