//! Call records: what is written, and what becomes of them while an output is away.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::io::{BufReader, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::Value;

use crate::support::{LOOPBACK, Switch, context, until};

/// A web server that answers every POST with one status and keeps what it took.
struct Server {
    address: SocketAddr,
    status: Arc<AtomicU16>,
    requests: Arc<Mutex<VecDeque<Request>>>,
}

struct Request {
    target: String,
    headers: String,
    body: String,
    status: u16,
}

impl Server {
    fn start(status: u16) -> Self {
        let listener = TcpListener::bind((LOOPBACK, 0)).expect("a port");
        let address = listener.local_addr().expect("an address");
        let status = Arc::new(AtomicU16::new(status));
        let requests = Arc::new(Mutex::new(VecDeque::new()));
        let (answer, taken) = (Arc::clone(&status), Arc::clone(&requests));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (answer, taken) = (Arc::clone(&answer), Arc::clone(&taken));
                std::thread::spawn(move || {
                    let mut reader = BufReader::new(stream.try_clone().expect("a stream"));
                    while let Some(mut request) = read(&mut reader) {
                        request.status = answer.load(Ordering::SeqCst);
                        let head = format!("HTTP/1.1 {} X\r\nContent-Length: 0\r\n\r\n", request.status);
                        taken.lock().expect("no panic").push_back(request);
                        if (&stream).write_all(head.as_bytes()).is_err() {
                            break;
                        }
                    }
                });
            }
        });
        Self { address, status, requests }
    }

    /// Requests that were answered with this status.
    fn count(&self, status: u16) -> usize {
        self.requests.lock().expect("no panic").iter().filter(|request| request.status == status).count()
    }
}

fn read(reader: &mut impl std::io::BufRead) -> Option<Request> {
    let mut first = String::new();
    reader.read_line(&mut first).ok().filter(|octets| *octets > 0)?;
    let (mut headers, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|octets| *octets > 0)?;
        if line == "\r\n" {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        headers.push_str(&line);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let target = first.split_whitespace().nth(1)?.to_owned();
    Some(Request { target, headers, body: String::from_utf8(body).ok()?, status: 0 })
}

fn conf(name: &str, params: &[(&str, &str)], more: &str) -> String {
    let mut text = format!("<configuration name=\"{name}\">\n<settings>\n");
    for (name, value) in params {
        let _ = writeln!(text, "<param name=\"{name}\" value=\"{value}\"/>");
    }
    text + "</settings>\n" + more + "</configuration>\n"
}

fn dialplan() -> String {
    context(
        "public",
        &[
            (
                "^1(\\d*)$",
                &[("set", "number=$1"), ("set", "accountcode=gold"), ("answer", ""), ("hangup", "NORMAL_CLEARING")],
            ),
            ("^2$", &[("bridge", "loopback/1/public")]),
            ("^3$", &[("set", "process_cdr=false"), ("hangup", "USER_BUSY")]),
        ],
    )
}

fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

fn lines(path: &Path) -> Vec<String> {
    text(path).lines().map(str::to_owned).collect()
}

const CSV: &str =
    "<templates>\n<template name=\"t\">\"${number}\",${hangup_cause},${billsec}</template>\n</templates>\n";

#[tokio::test]
async fn one_call_in_every_form() {
    let csv = conf("cdr_csv.conf", &[("default-template", "t")], CSV);
    let xml = conf("xml_cdr.conf", &[("log-dir", ""), ("log-b-leg", "true")], "");
    let json = conf("json_cdr.conf", &[("log-dir", "calls")], "");
    let table = "<templates>\n<template name=\"t\">\"${number}\",\"${hangup_cause}\"</template>\n</templates>\n";
    let sqlite = conf("cdr_sqlite.conf", &[("default-template", "t")], table);
    let switch = Switch::start(&[
        ("dialplan/d.xml", &dialplan()),
        ("autoload_configs/cdr_csv.conf.xml", &csv),
        ("autoload_configs/xml_cdr.conf.xml", &xml),
        ("autoload_configs/json_cdr.conf.xml", &json),
        ("autoload_configs/cdr_sqlite.conf.xml", &sqlite),
    ]);
    let report = switch.call("17", |_| ()).await;
    assert_eq!(report.status, Some(200));
    assert_eq!(switch.call("3", |_| ()).await.status, Some(486));
    let logs = switch.folder().join("log");
    let master = logs.join("cdr-csv/Master.csv");
    until("the lines are written", || text(&logs.join("cdr-csv/gold.csv")).contains('\n')).await;
    assert!(
        ["\"7\",NORMAL_CLEARING,0", "\"7\",NORMAL_CLEARING,1"].contains(&text(&master).trim_end()),
        "{}",
        text(&master)
    );
    let document = |folder: &str, ending: &str| {
        let files = std::fs::read_dir(logs.join(folder)).into_iter().flatten().flatten();
        let mut files: Vec<_> = files.map(|file| file.path()).collect();
        files.retain(|file| file.to_string_lossy().ends_with(ending));
        files
    };
    until("the documents are written", || {
        document("xml_cdr", ".cdr.xml").len() == 1 && document("calls", ".cdr.json").len() == 1
    })
    .await;
    let json: Value = serde_json::from_str(&text(&document("calls", ".cdr.json")[0])).expect("JSON");
    assert_eq!(json["variables"]["number"], "7");
    assert_eq!(json["callflow"][0]["extension"]["applications"][3]["last_executed"], "true");
    assert_eq!(json["app_log"]["applications"][2]["app_name"], "answer");
    let xml = text(&document("xml_cdr", ".cdr.xml")[0]);
    assert!(xml.contains("<number>7</number>") && xml.contains("<state>CS_REPORTING</state>"), "{xml}");
    let uuid = json["variables"]["uuid"].as_str().expect("a uuid");
    assert!(document("calls", &format!("/a_{uuid}.cdr.json")).len() == 1);
    let database = switch.folder().join("data/db/cdr.db");
    until("the row is written", || database.exists()).await;
    // The legs of a loopback are recorded, too, where called legs are wanted.
    switch.call("2", |_| ()).await;
    until("both legs have a document", || document("xml_cdr", ".cdr.xml").len() > 2).await;
    assert!(document("xml_cdr", ".cdr.xml").iter().any(|file| !file.to_string_lossy().contains("/a_")));
    // A call that wants no record has none, in the file of the data folder neither.
    assert!(!text(&switch.folder().join("data/cdr.jsonl")).contains("USER_BUSY"));
}

#[tokio::test]
async fn a_web_server_that_fails_gets_every_record_later_in_order() {
    let server = Server::start(500);
    let url = format!("http://{}/cdr", server.address);
    let params = [("url", url.as_str()), ("encode", "false"), ("delay", "1"), ("cred", "user:secret")];
    let json = conf("json_cdr.conf", &params, "");
    let files = [("dialplan/d.xml", &*dialplan()), ("autoload_configs/json_cdr.conf.xml", &json)];
    let switch = Switch::start(&files);
    for number in ["10", "11", "12"] {
        switch.call(number, |_| ()).await;
    }
    until("the server was tried twice", || server.count(500) >= 2).await;
    assert_eq!(server.count(200), 0);
    assert!(switch.log().contains("call records cannot be written and wait"), "{}", switch.log());
    server.status.store(200, Ordering::SeqCst);
    until("the server has taken all", || server.count(200) == 3).await;
    switch.call("13", |_| ()).await;
    until("the server takes new ones", || server.count(200) == 4).await;
    let requests = server.requests.lock().unwrap();
    let taken: Vec<&Request> = requests.iter().filter(|request| request.status == 200).collect();
    let numbers: Vec<String> = taken
        .iter()
        .map(|request| {
            let record: Value = serde_json::from_str(&request.body).expect("JSON");
            assert_eq!(request.target, format!("/cdr?uuid=a_{}", record["variables"]["uuid"].as_str().unwrap()));
            assert!(request.headers.contains("application/json"), "{}", request.headers);
            assert!(request.headers.contains("Basic dXNlcjpzZWNyZXQ="), "{}", request.headers);
            record["variables"]["number"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(numbers, ["0", "1", "2", "3"]);
}

#[tokio::test]
async fn records_of_a_server_that_is_down_survive_a_restart() {
    let server = Server::start(200);
    let config = |port: u16| conf("xml_cdr.conf", &[("url", &format!("http://127.0.0.1:{port}/")), ("delay", "1")], "");
    let data = tempfile::tempdir().expect("a folder");
    let arguments = ["--data", data.path().to_str().expect("a path")];
    // Nobody listens at port 1.
    let down = config(1);
    let files = [("dialplan/d.xml", &*dialplan()), ("autoload_configs/xml_cdr.conf.xml", &down)];
    let switch = Switch::start_with(&arguments, &files);
    switch.call("10", |_| ()).await;
    until("the record waits", || !text(&data.path().join("spool/xml-post.jsonl")).is_empty()).await;
    assert_eq!(switch.interrupt().await, Some(0));
    let up = config(server.address.port());
    let files = [("dialplan/d.xml", &*dialplan()), ("autoload_configs/xml_cdr.conf.xml", &up)];
    let _switch = Switch::start_with(&arguments, &files);
    until("the server has taken it", || server.count(200) == 1).await;
    let body = server.requests.lock().unwrap()[0].body.clone();
    assert!(body.starts_with("cdr=%3C%3Fxml%20version"), "{body}");
    until("the spool is empty", || text(&data.path().join("spool/xml-post.jsonl")).is_empty()).await;
}

#[tokio::test]
async fn a_full_disk_and_a_missing_database_lose_nothing() {
    let csv = conf("cdr_csv.conf", &[("default-template", "t"), ("master-file-only", "true")], CSV);
    let sqlite = conf("cdr_sqlite.conf", &[("default-template", "t")], CSV);
    let switch = Switch::start(&[
        ("dialplan/d.xml", &dialplan()),
        ("autoload_configs/cdr_csv.conf.xml", &csv),
        ("autoload_configs/cdr_sqlite.conf.xml", &sqlite),
    ]);
    let folder = switch.folder().join("log/cdr-csv");
    let (master, database) = (folder.join("Master.csv"), switch.folder().join("data/db/cdr.db"));
    std::fs::create_dir_all(&folder).expect("a folder");
    std::os::unix::fs::symlink("/dev/full", &master).expect("a link");
    std::fs::create_dir_all(&database).expect("a folder in the way");
    for number in ["10", "11"] {
        switch.call(number, |_| ()).await;
    }
    let spool = |name: &str| switch.folder().join("data/spool").join(name);
    until("the records wait", || {
        [spool("csv.jsonl"), spool("sqlite.jsonl")].iter().all(|spool| lines(spool).len() == 2)
    })
    .await;
    std::fs::remove_file(&master).expect("the link");
    std::fs::remove_dir(&database).expect("the folder");
    until("the lines are written", || lines(&master).len() == 2).await;
    let numbers: Vec<String> = lines(&master).iter().map(|line| line.chars().take(3).collect()).collect();
    assert_eq!(numbers, ["\"0\"", "\"1\""]);
    until("the rows are written", || text(&spool("sqlite.jsonl")).is_empty() && database.is_file()).await;
}

#[tokio::test]
async fn a_reload_changes_the_outputs_and_a_signal_rotates() {
    let switch = Switch::start(&[("dialplan/d.xml", &dialplan())]);
    switch.call("10", |_| ()).await;
    let csv = conf("cdr_csv.conf", &[("default-template", "t"), ("rotate-on-hup", "true"), ("legs", "ab")], CSV);
    std::fs::write(switch.folder().join("autoload_configs/cdr_csv.conf.xml"), csv).expect("a file");
    let hang_up = || Command::new("kill").args(["-HUP", &switch.pid().to_string()]).status().expect("a signal");
    let folder = switch.folder().join("log/cdr-csv");
    hang_up();
    let master = folder.join("Master.csv");
    // The reload is over when a call leaves a line.
    let jsonl = switch.folder().join("data/cdr.jsonl");
    let mut calls = 0;
    while !master.exists() && calls < 100 {
        let before = lines(&jsonl).len();
        switch.call("11", |_| ()).await;
        until("the record is written", || lines(&jsonl).len() > before).await;
        calls += 1;
    }
    assert!(master.exists(), "{}", switch.log());
    hang_up();
    let rotated = || {
        let files = std::fs::read_dir(&folder).into_iter().flatten().flatten();
        files.filter(|file| file.file_name().to_string_lossy().starts_with("Master.csv.2")).count()
    };
    until("the file is set aside", || rotated() == 1).await;
    switch.call("12", |_| ()).await;
    until("there is a new one", || text(&master).starts_with("\"2\"")).await;
}
