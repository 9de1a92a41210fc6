//! `freeswitch.email`: a mail, given to the command of `lua-mail-command`.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::arguments::Arguments;
use super::log::{self, Level};
use super::run::Run;
use super::table::{Answer, Step};

/// Largest file that is attached, octets.
const LARGEST_FILE: u64 = 32 << 20;

/// How long the command may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often it is asked whether it has ended.
const GLANCE: Duration = Duration::from_millis(20);

/// A mail.
#[derive(Debug, Default)]
struct Mail {
    to: String,
    from: String,
    headers: String,
    body: String,
    file: Option<(String, Vec<u8>)>,
}

/// `email(to, from[, headers[, body[, file[, convert command[, its suffix]]]]])`: whether the command took it.
pub(super) fn send(run: &Arc<Run>, arguments: &Arguments) -> Step {
    let text = |at: usize| arguments.text_or_empty(at);
    let (to, from, headers, body, file, convert) = (text(0), text(1), text(2), text(3), text(4), text(5));
    let Some(command) = run.policy.mail_command.clone() else {
        log::write(run, Level::Err, "email: lua.conf names no lua-mail-command");
        return Step::Now(Answer::Bool(false));
    };
    if !convert.is_empty() {
        log::write(run, Level::Err, "email: files are not converted: the command is ignored");
    }
    if let Some(why) =
        run.policy.refuses_file(Path::new(&file), &run.host.scripts(), false).filter(|_| !file.is_empty())
    {
        return Step::Fail(why);
    }
    let run = Arc::clone(run);
    Step::wait(async move {
        let mail = tokio::task::spawn_blocking(move || {
            let file = if file.is_empty() { None } else { Some(attachment(Path::new(&file))?) };
            Ok(message(&Mail { to, from, headers, body, file }))
        });
        let sent = match mail.await.unwrap_or_else(|_| Err("it was not sent".to_owned())) {
            Ok(mail) => deliver(&command, mail).await,
            Err(why) => Err(why),
        };
        if let Err(why) = &sent {
            log::write(&run, Level::Err, &format!("email: {why}"));
        }
        Ok(Answer::Bool(sent.is_ok()))
    })
}

fn attachment(path: &Path) -> Result<(String, Vec<u8>), String> {
    let told = |error: std::io::Error| format!("{}: {error}", path.display());
    if std::fs::metadata(path).map_err(told)?.len() > LARGEST_FILE {
        return Err(format!("{}: larger than {LARGEST_FILE} octets", path.display()));
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok((name, std::fs::read(path).map_err(told)?))
}

/// One line of a header: nothing that the caller of a script says may begin another.
fn line(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}

/// The mail as text.
fn message(mail: &Mail) -> Vec<u8> {
    use std::fmt::Write as _;

    const BOUNDARY: &str = "=_part_of_the_mail_7f3a91";

    let mut out = format!("To: {}\r\nFrom: {}\r\n", line(&mail.to), line(&mail.from));
    // The script's own headers, one to a line; an empty line would end them.
    for header in mail.headers.lines().map(str::trim_end).filter(|header| !header.trim().is_empty()) {
        out.push_str(&line(header));
        out.push_str("\r\n");
    }
    let body = mail.body.replace("\r\n", "\n").replace('\n', "\r\n");
    let Some((name, octets)) = &mail.file else {
        out.push_str("\r\n");
        out.push_str(&body);
        out.push_str("\r\n");
        return out.into_bytes();
    };
    let name = line(name).replace(['"', '\\'], "_");
    let _ = write!(
        out,
        "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"{BOUNDARY}\"\r\n\r\n--{BOUNDARY}\r\n\
         Content-Type: text/plain; charset=utf-8\r\n\r\n{body}\r\n--{BOUNDARY}\r\n\
         Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\
         Content-Disposition: attachment; filename=\"{name}\"\r\n\r\n"
    );
    let encoded = STANDARD.encode(octets);
    for at in (0..encoded.len()).step_by(76) {
        out.push_str(encoded.get(at..encoded.len().min(at + 76)).unwrap_or_default());
        out.push_str("\r\n");
    }
    let _ = write!(out, "--{BOUNDARY}--\r\n");
    out.into_bytes()
}

/// Gives the mail to the command. Not the script's thread: a command may be slow to read.
async fn deliver(command: &str, mail: Vec<u8>) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("{command}: {error}");
    let mut child = Command::new("/bin/sh")
        .arg("-c")
        .arg(command)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .map_err(failed)?;
    let input = child.stdin.take();
    let written = tokio::task::spawn_blocking(move || input.map_or(Ok(()), |mut input| input.write_all(&mail)));
    let until = tokio::time::Instant::now() + PATIENCE;
    let status = loop {
        match child.try_wait().map_err(failed)? {
            Some(status) => break status,
            None if tokio::time::Instant::now() > until => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!("{command}: took longer than {} s", PATIENCE.as_secs()));
            }
            None => tokio::time::sleep(GLANCE).await,
        }
    };
    if !status.success() {
        return Err(format!("{command}: {status}"));
    }
    written.await.unwrap_or(Ok(())).map_err(|error| format!("{command} did not read the whole mail: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail() -> Mail {
        Mail {
            to: "a@b.test\r\nBcc: evil@x.test".to_owned(),
            from: "switch@b.test".to_owned(),
            headers: "Subject: hello\n\nX-Two: 2".to_owned(),
            body: "one\ntwo".to_owned(),
            file: None,
        }
    }

    #[test]
    fn a_mail_without_a_file() {
        let text = String::from_utf8(message(&mail())).unwrap();
        let expected =
            "To: a@b.test  Bcc: evil@x.test\r\nFrom: switch@b.test\r\nSubject: hello\r\nX-Two: 2\r\n\r\none\r\ntwo\r\n";
        assert_eq!(text, expected, "an address begins no header");
    }

    #[test]
    fn a_mail_with_a_file() {
        let file = Some(("a\"b.wav".to_owned(), vec![0xff; 100]));
        let text = String::from_utf8(message(&Mail { file, ..mail() })).unwrap();
        assert!(text.contains("filename=\"a_b.wav\"") && text.contains("\r\n\r\none\r\ntwo\r\n--="), "{text}");
        assert!(text.contains(&format!("{}\r\n", "/".repeat(76))) && text.ends_with("--\r\n"), "{text}");
    }

    #[tokio::test]
    async fn commands_take_mails_or_do_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mail");
        deliver(&format!("cat > {}", path.display()), b"text".to_vec()).await.unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"text");
        assert!(deliver("exit 3", b"text".to_vec()).await.unwrap_err().contains('3'));
        assert!(deliver("exit 0", vec![b'x'; 1 << 20]).await.unwrap_err().contains("did not read"));
    }
}
