//! Shell commands, with an end: of time and of output.

use std::io::Read as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Longest life of a command.
const LONGEST: Duration = Duration::from_secs(30);
/// Most of its output that is kept, bytes.
const MOST_OUTPUT: u64 = 1 << 20;
/// Between two looks whether it has ended.
const LOOK: Duration = Duration::from_millis(10);

/// Runs a command and gives its standard output. Blocks.
pub(super) fn run(command: &str) -> Result<String, String> {
    run_within(command, LONGEST)
}

#[expect(clippy::disallowed_methods, reason = "the edge is where the clock is read")]
fn run_within(command: &str, longest: Duration) -> Result<String, String> {
    let shell = Command::new("/bin/sh").args(["-c", command]).stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
    let mut shell = shell.map_err(|error| error.to_string())?;
    let reader = shell.stdout.take().map(|out| {
        std::thread::spawn(move || {
            let mut text = Vec::new();
            let _ = out.take(MOST_OUTPUT).read_to_end(&mut text);
            text
        })
    });
    let end = Instant::now() + longest;
    let status = loop {
        match shell.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if Instant::now() < end => std::thread::sleep(LOOK),
            Ok(None) => {
                let _ = shell.kill();
                let _ = shell.wait();
                return Err(format!("the command did not end within {} s", longest.as_secs()));
            }
            Err(error) => return Err(error.to_string()),
        }
    };
    let text = reader.and_then(|reader| reader.join().ok()).unwrap_or_default();
    tracing::debug!(%status, command, "a shell command ended");
    Ok(String::from_utf8_lossy(&text).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_is_verbatim_and_time_is_limited() {
        assert_eq!(run("printf 'a\\nb'; exit 3"), Ok("a\nb".to_owned()));
        assert!(run_within("exec sleep 30", Duration::from_millis(50)).is_err());
        assert_eq!(run("head -c 3000000 /dev/zero").unwrap().len() as u64, MOST_OUTPUT);
    }
}
