//! `switch causes [CODE|NAME]`: what SIP codes and hangup causes mean and what the caller gets.
//!
//! Without an argument: the table of SIP codes. With a code (100–699) its row in full; with the name or number of a
//! cause, that cause. Exit status 1 when the word is neither.

use std::io::{self, Write};
use std::process::ExitCode;

use crate::words::model::{Cause, SEED_CODES, SipStatus};

/// Arguments of `switch causes`.
#[derive(Debug, clap::Args)]
pub struct CausesArgs {
    /// A SIP code (486), a cause name (USER_BUSY) or a cause number (17); without it, the whole table
    word: Option<String>,
    /// List the hangup causes instead of the SIP codes
    #[arg(long, conflicts_with = "word")]
    names: bool,
}

/// Runs the command.
pub fn run(args: &CausesArgs) -> ExitCode {
    let mut out = io::stdout().lock();
    let known = match &args.word {
        None if args.names => cause_table(&mut out).map(|()| true),
        None => status_table(&mut out).map(|()| true),
        Some(word) => explain(&mut out, word),
    };
    match known {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => {
            let word = args.word.as_deref().unwrap_or_default();
            let _ = writeln!(io::stderr(), "switch causes: '{word}' is neither a SIP code nor a cause{}", near(word));
            ExitCode::FAILURE
        }
        // A reader that has seen enough (`switch causes | head`) is no failure.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn status_table(out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{:<5}{:<33}{:<27}{:<14}the caller gets", "code", "phrase", "cause of the called leg", "then")?;
    for status in SEED_CODES.iter().filter_map(|code| SipStatus::of(*code)) {
        let cause = status.cause().map_or("-", Cause::name);
        let line =
            format!("{:<5}{:<33}{cause:<27}{:<14}{}", status.code, status.phrase, then(status), status.caller_gets());
        writeln!(out, "{}", line.trim_end())?;
    }
    writeln!(out)?;
    writeln!(out, "then: what the dialplan does after a bridge that failed so, when neither continue_on_fail nor")?;
    writeln!(out, "failure_causes is set. the caller gets: the final status when the dialplan does nothing more.")?;
    writeln!(out, "'switch causes 486' or 'switch causes USER_BUSY' says more; --names lists the causes.")
}

fn then(status: &SipStatus) -> &'static str {
    match (status.cause(), status.continues_by_default()) {
        (None, _) => "-",
        (Some(_), true) => "goes on",
        (Some(_), false) => "hangs up",
    }
}

fn cause_table(out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{:>6}  {:<32}{:<16}from SIP", "number", "cause", "caller gets")?;
    for cause in Cause::all() {
        let line =
            format!("{:>6}  {:<32}{:<16}{}", cause.number(), cause.name(), cause.sip_status(), list(&codes_of(cause)));
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

/// The codes of the table that end a called leg with this cause.
fn codes_of(cause: Cause) -> Vec<u16> {
    SipStatus::all().filter(|status| status.cause() == Some(cause)).map(|status| status.code).collect()
}

fn list(codes: &[u16]) -> String {
    codes.iter().map(u16::to_string).collect::<Vec<_>>().join(" ")
}

/// Writes all that is known of a word; false when nothing is.
fn explain(out: &mut dyn Write, word: &str) -> io::Result<bool> {
    let Ok(number) = word.parse::<u32>() else {
        return match Cause::from_name(word) {
            Some(cause) => explain_cause(out, cause).map(|()| true),
            None => Ok(false),
        };
    };
    let status = u16::try_from(number).ok().and_then(SipStatus::of);
    let cause = Cause::all().find(|cause| cause.number() == number);
    if let Some(status) = status {
        explain_status(out, status)?;
    }
    if let Some(cause) = cause {
        if status.is_some() {
            writeln!(out, "\n{number} is also the number of a cause:\n")?;
        }
        explain_cause(out, cause)?;
    }
    Ok(status.is_some() || cause.is_some())
}

fn explain_status(out: &mut dyn Write, status: &SipStatus) -> io::Result<()> {
    writeln!(out, "SIP {} {}", status.code, status.phrase)?;
    writeln!(out, "  meaning            {}", status.meaning)?;
    if let Some(cause) = status.cause() {
        writeln!(out, "  cause              {} ({})", cause.name(), cause.number())?;
        writeln!(out, "  DIALSTATUS         {}", cause.dial_status())?;
        writeln!(out, "  without settings   the dialplan {}", then(status))?;
    }
    writeln!(out, "  the caller gets    {}", status.caller_gets())
}

fn explain_cause(out: &mut dyn Write, cause: Cause) -> io::Result<()> {
    writeln!(out, "cause {} ({})", cause.name(), cause.number())?;
    match codes_of(cause).as_slice() {
        [] => writeln!(
            out,
            "  from SIP           no code of a called leg; only dialplans, scripts and the switch set it"
        )?,
        codes => writeln!(out, "  from SIP           {}", list(codes))?,
    }
    writeln!(out, "  DIALSTATUS         {}", cause.dial_status())?;
    writeln!(out, "  the caller gets    {}, unless the called leg gave a code of its own", cause.sip_status())?;
    writeln!(out, "  Reason header      {}", cause.reason_header())
}

/// A cause whose name resembles a mistyped word.
fn near(word: &str) -> String {
    let word = word.to_ascii_uppercase().replace(['-', ' '], "_");
    let alike = Cause::all().find(|cause| cause.name() == word || (word.len() >= 4 && cause.name().contains(&word)));
    alike.map(|cause| format!("; did you mean {}?", cause.name())).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(word: &str) -> (bool, String) {
        let mut out = Vec::new();
        let known = explain(&mut out, word).unwrap();
        (known, String::from_utf8(out).unwrap())
    }

    #[test]
    fn codes_names_and_numbers_are_explained() {
        for (word, wanted) in [
            ("486", "cause              USER_BUSY (17)"),
            ("486", "DIALSTATUS         BUSY"),
            ("480", "the dialplan goes on"),
            ("user_busy", "from SIP           486 600"),
            ("17", "cause USER_BUSY (17)"),
            ("487", "487 is also the number of a cause"),
            ("LOSE_RACE", "no code of a called leg"),
            ("183", "audio"),
        ] {
            let (known, text) = said(word);
            assert!(known && text.contains(wanted), "{word}: {text}");
        }
    }

    #[test]
    fn unknown_words_are_refused_with_a_hint() {
        for word in ["", "999", "70000", "99999999999", "BUSY_SIGNAL"] {
            assert_eq!(said(word), (false, String::new()), "{word}");
        }
        assert_eq!(near("user-busy"), "; did you mean USER_BUSY?");
        assert_eq!(near("x"), "");
    }

    #[test]
    fn the_table_holds_every_code_of_the_seed_document() {
        let mut out = Vec::new();
        status_table(&mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        for code in SEED_CODES {
            assert!(text.lines().any(|line| line.starts_with(&format!("{code} "))), "{code}");
        }
        let mut out = Vec::new();
        cause_table(&mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap().lines().count(), Cause::all().count() + 1);
    }
}
