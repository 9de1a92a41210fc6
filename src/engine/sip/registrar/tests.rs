use bytes::Bytes;

use super::super::flow::Transport;
use super::super::messages::{Framing, Message};
use super::*;

fn request(headers: &str) -> Message {
    let text = format!(
        "REGISTER sip:h SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.9:5060;branch=z9hG4bK1\r\nFrom: <sip:u@h>;tag=1\r\n\
         To: <sip:u@h>\r\n{headers}\r\n"
    );
    Message::parse(Bytes::from(text), Framing::Datagram).unwrap()
}

fn read(call: &str, cseq: u32, headers: &str) -> Registration {
    Registration::read(&request(&format!("Call-ID: {call}\r\nCSeq: {cseq} REGISTER\r\n{headers}"))).unwrap()
}

fn origin() -> Origin<'static> {
    Origin { profile: "internal", remote: "192.0.2.7:6000".parse().unwrap(), transport: Transport::Udp, via: None }
}

struct Scene {
    table: Bindings,
    rules: Rules,
    cseq: u32,
}

impl Scene {
    fn new(multiple: Multiple) -> Self {
        let limits = TableLimits { bindings: 4, per_user: 3 };
        Self { table: Bindings::new(limits), rules: Rules { multiple, margin: 60, ..Rules::default() }, cseq: 0 }
    }

    fn register(&mut self, now: u64, user: &str, call: &str, headers: &str) -> Result<usize, Refusal> {
        self.cseq += 1;
        let request = read(call, self.cseq, headers);
        self.table.register(now, (user, "h"), &request, &origin(), &self.rules).map(|changes| changes.len())
    }

    fn contacts(&self, now: u64, user: &str) -> Vec<String> {
        self.table.of_user(now, user, "H").iter().map(|binding| binding.contact.clone()).collect()
    }
}

#[test]
fn one_contact_takes_the_place_of_another() {
    let mut scene = Scene::new(Multiple::No);
    scene.register(0, "u", "a", "Contact: <sip:u@192.0.2.1>\r\nExpires: 60\r\n").unwrap();
    scene.register(1, "U", "b", "Contact: <sip:u@192.0.2.2>\r\n").unwrap();
    assert_eq!(scene.contacts(1, "u"), ["sip:u@192.0.2.2"]);
    assert_eq!(scene.table.of_user(1, "u", "h")[0].expires, 301, "300 s when nothing is named");
    assert_eq!((scene.contacts(360, "u").len(), scene.contacts(361, "u").len()), (1, 0), "the late margin");
    scene.register(2, "u", "c", "Contact: <sip:u@192.0.2.2>;expires=0\r\nExpires: 60\r\n").unwrap();
    assert!(scene.table.is_empty());
}

#[test]
fn several_contacts() {
    let mut scene = Scene::new(Multiple::Contact);
    for port in [1, 2, 3] {
        scene.register(0, "u", "a", &format!("Contact: <sip:u@192.0.2.1:{port}>;q=0.5\r\n")).unwrap();
    }
    assert_eq!(scene.register(0, "u", "a", "Contact: <sip:u@192.0.2.1:4>\r\n"), Err(Refusal::TooMany));
    scene.register(0, "u", "a", "Contact: <sip:u@192.0.2.1:1;ob>;expires=90\r\n").unwrap();
    assert_eq!(scene.contacts(0, "u"), ["sip:u@192.0.2.1:1;ob", "sip:u@192.0.2.1:2", "sip:u@192.0.2.1:3"]);
    scene.register(0, "v", "b", "Contact: <sip:v@192.0.2.1>\r\n").unwrap();
    assert_eq!(scene.register(0, "w", "c", "Contact: <sip:w@192.0.2.1>\r\n"), Err(Refusal::Full));
    assert_eq!(scene.register(0, "u", "d", "Contact: *\r\nExpires: 0\r\n"), Ok(3));
    assert_eq!((scene.contacts(0, "u").len(), scene.table.len()), (0, 1));
    scene.rules.most = Some(1);
    scene.register(0, "u", "e", "Contact: <sip:u@192.0.2.1:1>\r\n").unwrap();
    assert_eq!(scene.register(0, "u", "e", "Contact: <sip:u@192.0.2.1:2>\r\n"), Err(Refusal::TooMany));
}

#[test]
fn one_for_each_call_id() {
    let mut scene = Scene::new(Multiple::CallId);
    scene.register(0, "u", "a", "Contact: <sip:u@192.0.2.1>\r\n").unwrap();
    scene.register(0, "u", "b", "Contact: <sip:u@192.0.2.2>\r\n").unwrap();
    scene.register(0, "u", "a", "Contact: <sip:u@192.0.2.3>\r\n").unwrap();
    assert_eq!(scene.contacts(0, "u"), ["sip:u@192.0.2.3", "sip:u@192.0.2.2"]);
}

#[test]
fn the_flows_of_an_instance_stand_beside_one_another() {
    let mut scene = Scene::new(Multiple::No);
    let contact = |port: u16, id: u32, instance: &str| {
        format!("Contact: <sip:u@192.0.2.1:{port}>;+sip.instance=\"<urn:uuid:{instance}>\";reg-id={id}\r\n")
    };
    scene.register(0, "u", "a", &contact(1, 1, "x")).unwrap();
    scene.register(0, "u", "b", &contact(2, 2, "x")).unwrap();
    scene.register(0, "u", "c", &contact(3, 1, "x")).unwrap();
    assert_eq!(scene.contacts(0, "u"), ["sip:u@192.0.2.1:3", "sip:u@192.0.2.1:2"], "the key is instance and reg-id");
    scene.register(0, "u", "d", &contact(4, 1, "y")).unwrap();
    assert_eq!(scene.contacts(0, "u"), ["sip:u@192.0.2.1:4"]);
}

#[test]
fn limits_of_time() {
    let mut scene = Scene::new(Multiple::No);
    let mut granted = |rules: Rules, expires: u32| {
        scene.rules = rules;
        let done = scene.register(100, "u", "a", &format!("Contact: <sip:u@192.0.2.1>\r\nExpires: {expires}\r\n"));
        done.map(|_| scene.table.of_user(100, "u", "h")[0].expires - 100)
    };
    assert_eq!(granted(Rules { shortest: 60, ..Rules::default() }, 59), Err(Refusal::TooBrief(60)));
    assert_eq!(granted(Rules { floor: Some(30), ceiling: Some(40), ..Rules::default() }, 7), Ok(30));
    assert_eq!(granted(Rules { floor: Some(30), ceiling: Some(40), ..Rules::default() }, 70), Ok(40));
    assert_eq!(granted(Rules { force: Some(9), shortest: 60, ..Rules::default() }, 70), Ok(9));
    assert_eq!(granted(Rules::default(), 4_000_000_000), Ok(4_000_000_000));
}

#[test]
fn requests_keep_their_order() {
    let mut scene = Scene::new(Multiple::No);
    scene.cseq = 7;
    scene.register(0, "u", "a", "Contact: <sip:u@192.0.2.1>\r\n").unwrap();
    scene.cseq = 6;
    assert_eq!(scene.register(0, "u", "a", "Contact: <sip:u@192.0.2.1>\r\nExpires: 0\r\n"), Err(Refusal::OutOfOrder));
    assert_eq!(scene.contacts(0, "u").len(), 1);
}

#[test]
fn what_is_over_goes() {
    let mut scene = Scene::new(Multiple::Contact);
    scene.register(0, "u", "a", "Contact: <sip:u@192.0.2.1>, <sip:u@192.0.2.2>;expires=10\r\n").unwrap();
    assert_eq!(scene.table.next_end(), Some(70));
    assert!(scene.table.expire(69, 9).is_empty());
    let gone = scene.table.expire(70, 9);
    assert!(matches!(gone.as_slice(), [Change::Gone(binding)] if binding.contact == "sip:u@192.0.2.2"), "{gone:?}");
    let row = (**scene.table.all().next().unwrap()).clone();
    let mut other = Bindings::new(TableLimits::default());
    assert!(other.restore(0, row.clone()) && !other.restore(360, Binding { id: 9, ..row }));
    let next = read("n", 1, "Contact: <sip:v@192.0.2.1>\r\n");
    let changes = other.register(0, ("v", "h"), &next, &origin(), &Rules::default()).unwrap();
    assert!(matches!(changes.as_slice(), [Change::Put(binding)] if binding.id == 10), "numbers go on");
}

#[test]
fn senseless_requests() {
    let fault = |headers: &str| {
        Registration::read(&request(&format!("Call-ID: a\r\nCSeq: 1 REGISTER\r\n{headers}"))).unwrap_err()
    };
    assert_eq!(fault("Contact: *\r\n"), RegistrationFault::Wildcard);
    assert_eq!(fault("Contact: *, <sip:a@b>\r\nExpires: 0\r\n"), RegistrationFault::Wildcard);
    for bad in ["<tel:1>", "<sip:>", "x y", "<sip:a@b?Route=x>", "<http://h>"] {
        assert_eq!(fault(&format!("Contact: {bad}\r\n")), RegistrationFault::Contact, "{bad}");
    }
    assert_eq!(fault(&format!("Contact: {}\r\n", "<sip:a@b>,".repeat(20))), RegistrationFault::TooMany);
    assert_eq!(fault(&format!("Contact: <sip:{}@b>\r\n", "a".repeat(600))), RegistrationFault::Contact);
    assert_eq!(fault("Path: <nothing>\r\n"), RegistrationFault::Path);
}

#[test]
fn where_a_contact_is_dialled() {
    let dial = |contact: &str, path: &str, from: &str, transport: Transport| {
        let request = read("a", 1, &format!("Contact: <{contact}>\r\n{path}"));
        let origin = Origin { remote: from.parse().unwrap(), transport, ..origin() };
        let mut table = Bindings::new(TableLimits::default());
        table.register(0, ("u", "h"), &request, &origin, &Rules::default()).unwrap();
        table.of_user(0, "u", "h")[0].dial_uri(true)
    };
    let udp = Transport::Udp;
    assert_eq!(dial("sip:u@192.0.2.7:5060", "", "192.0.2.7:6000", udp), "sip:u@192.0.2.7:5060");
    let natted = "sip:u@10.0.0.1;fs_nat=yes;fs_path=%3Csip%3A192.0.2.7%3A6000%3E";
    assert_eq!(dial("sip:u@10.0.0.1", "", "192.0.2.7:6000", udp), natted);
    assert_eq!(dial("sip:u@10.0.0.1", "", "10.0.0.2:6000", udp), "sip:u@10.0.0.1", "one private network");
    assert!(dial("sip:u@127.0.0.1", "", "10.0.0.2:6000", udp).contains("fs_nat"), "the phone's own host");
    assert_eq!(dial("sip:u@127.0.0.1:1", "", "127.0.0.1:2", udp), "sip:u@127.0.0.1:1");
    let stream = dial("sip:u@192.0.2.7;transport=tcp", "", "192.0.2.7:6000", Transport::Tcp);
    assert_eq!(stream, "sip:u@192.0.2.7;transport=tcp;fs_path=%3Csip%3A192.0.2.7%3A6000%3Btransport%3Dtcp%3E");
    let path = dial("sip:u@10.0.0.1", "Path: <sip:p1;lr>\r\nPath: <sip:p2;lr>\r\n", "192.0.2.7:6000", udp);
    assert_eq!(path, "sip:u@10.0.0.1;fs_path=%3Csip%3Ap1%3Blr%3E%2C%3Csip%3Ap2%3Blr%3E");
    let hostile = dial("sip:a,b|c[d]{e}${f}'^\\@h;x=1:_:sofia/gateway/g/1,null/x", "", "192.0.2.7:1", udp);
    assert!(!hostile.contains([',', '|', '[', ']', '{', '}', '$', '\'', '^', '\\', '_']), "{hostile}");
    assert_eq!(dial("sip:u@[2001:db8::1]:5060;ob", "", "[2001:db8::1]:5060", udp), "sip:u@[2001:db8::1]:5060;ob");
}
