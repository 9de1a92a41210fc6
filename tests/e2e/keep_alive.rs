//! The way to a telephone behind NAT is kept open.

use std::time::Duration;

use super::peer::Peer;
use super::registrar::{profile, users};
use super::support::Switch;

/// A telephone with a private contact registers; whether an OPTIONS comes within the time.
fn is_pinged(params: &[(&str, &str)], within: Duration) -> bool {
    let switch = Switch::start(&[("directory/a.xml", &users("")), ("sip_profiles/a.xml", &profile(params, ""))]);
    let mut phone = Peer::new(switch.address, "1000", super::registrar::DOMAIN);
    // An address of the phone's own host, spoken from another one.
    let answer = phone.register("pw1000", "Contact: <sip:1000@127.9.9.9:5060>\r\nExpires: 3600\r\n");
    assert_eq!(answer.code(), 200, "{}", answer.0);
    let ping = phone.request_within("OPTIONS", within);
    ping.is_some_and(|ping| ping.0.starts_with("OPTIONS sip:1000@127.9.9.9:5060 SIP/2.0\r\n"))
}

#[test]
fn phones_behind_nat_are_asked_when_the_profile_says_so() {
    assert!(is_pinged(&[("nat-options-ping", "true")], Duration::from_secs(35)));
    assert!(!is_pinged(&[], Duration::from_secs(1)));
}

#[test]
fn phones_that_do_not_answer_well_are_no_longer_registered_when_the_profile_says_so() {
    let params = &[("nat-options-ping", "true"), ("unregister-on-options-fail", "true")];
    let switch = Switch::start(&[("directory/a.xml", &users("")), ("sip_profiles/a.xml", &profile(params, ""))]);
    let mut phones: Vec<Peer> =
        ["1000", "1001"].iter().map(|user| Peer::new(switch.address, user, super::registrar::DOMAIN)).collect();
    for phone in &mut phones {
        let contact = format!("Contact: <sip:{}@127.9.9.9:5060>\r\nExpires: 3600\r\n", phone.user);
        assert_eq!(phone.register(&format!("pw{}", phone.user), &contact).code(), 200);
    }
    // Two threads: their turns come in different seconds.
    std::thread::scope(|scope| {
        for (phone, answer) in phones.iter_mut().zip(["486 Busy Here", "404 Not Found"]) {
            scope.spawn(move || {
                let ping = phone.request_within("OPTIONS", Duration::from_secs(35)).expect("an OPTIONS");
                phone.answer(&ping, answer, "", "");
            });
        }
    });
    let left = || super::siptrace::api(&switch, "show registrations");
    let end = tokio::time::Instant::now() + Duration::from_secs(5);
    while left().contains("1001") && tokio::time::Instant::now() < end {
        std::thread::yield_now();
    }
    let left = left();
    assert!(left.contains("1000") && !left.contains("1001"), "{left}");
}
