//! The prompt on a terminal: a line editor with history, whose tab key asks the switch how a line may go on.
//!
//! The editor blocks, so it has a thread of its own. It lets the conversation know what was typed, and waits before the next
//! prompt until the answer is shown.

use std::path::{Path, PathBuf};
use std::sync::mpsc as blocking;
use std::time::Duration;

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::history::DefaultHistory;
use rustyline::{CompletionType, Config, Context, Editor, ExternalPrinter, Helper, Highlighter, Hinter, Validator};
use tokio::sync::mpsc;

/// Time that the switch has to say how a line may go on.
const PATIENCE: Duration = Duration::from_secs(3);
/// Lines that are remembered.
const MOST_LINES: usize = 1000;
/// The file of the lines, in the home folder.
const HISTORY: &str = ".switch_cli_history";
/// What is a command of the client, not of the switch.
const OWN: &[&str] =
    &["/bye", "/event ", "/exit", "/filter ", "/help", "/log ", "/nixevent ", "/noevents", "/nolog", "/quit"];

/// What the editor wants of the conversation.
#[derive(Debug)]
pub(super) enum Typed {
    /// A line was entered.
    Line(String),
    /// How may this go on? The answer is that of `console_complete`.
    Begun { line: String, reply: blocking::Sender<String> },
}

/// The conversation's end of the editor.
pub(super) struct Prompt {
    typed: mpsc::Receiver<Typed>,
    ready: blocking::Sender<()>,
    printer: Box<dyn ExternalPrinter + Send>,
    /// The terminal as it was.
    terminal: Option<Termios>,
}

impl Drop for Prompt {
    /// The switch may go while a line is edited: the editor's thread ends with the process, the terminal must not stay as it is.
    fn drop(&mut self) {
        if let Some(terminal) = &self.terminal {
            let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, terminal);
        }
    }
}

impl Prompt {
    /// Begins to edit. The error says why this terminal cannot be used.
    pub(super) fn open(name: &str) -> Result<Self, ReadlineError> {
        let config = Config::builder()
            .completion_type(CompletionType::List)
            .max_history_size(MOST_LINES)?
            .history_ignore_space(true)
            .auto_add_history(true)
            .build();
        let terminal = tcgetattr(std::io::stdin()).ok();
        let (asks, typed) = mpsc::channel(4);
        let mut editor = Editor::<Asking, DefaultHistory>::with_config(config)?;
        editor.set_helper(Some(Asking { asks: asks.clone() }));
        let history = std::env::var_os("HOME").map(|home| PathBuf::from(home).join(HISTORY));
        if let Some(path) = &history {
            // The first time there is none.
            let _ = editor.load_history(path);
        }
        let printer = Box::new(editor.create_external_printer()?);
        let (ready, shown) = blocking::channel();
        let prompt = format!("{name}> ");
        std::thread::Builder::new().name("prompt".to_owned()).spawn(move || {
            edit(&mut editor, &prompt, history.as_deref(), &asks, &shown);
        })?;
        Ok(Self { typed, ready, printer, terminal })
    }

    /// What the editor wants next; none: it has ended.
    pub(super) async fn next(&mut self) -> Option<Typed> {
        self.typed.recv().await
    }

    /// The line is answered: the next prompt may be shown.
    pub(super) fn ready(&self) {
        let _ = self.ready.send(());
    }

    /// Shows a text above the line that is edited.
    pub(super) fn print(&mut self, text: String) {
        if text.is_empty() {
            return;
        }
        let _ = self.printer.print(text);
    }
}

fn edit(
    editor: &mut Editor<Asking, DefaultHistory>,
    prompt: &str,
    history: Option<&Path>,
    asks: &mpsc::Sender<Typed>,
    shown: &blocking::Receiver<()>,
) {
    loop {
        match editor.readline(prompt) {
            Ok(line) => {
                // At once: the conversation may end with this line, and the process with it.
                if let Some(path) = history {
                    let _ = editor.append_history(path);
                }
                if asks.blocking_send(Typed::Line(line)).is_err() || shown.recv().is_err() {
                    return;
                }
            }
            // The line is given up, not the conversation.
            Err(ReadlineError::Interrupted) => {}
            Err(_) => return,
        }
    }
}

/// Asks the conversation how a line may go on.
#[derive(Helper, Highlighter, Hinter, Validator)]
struct Asking {
    asks: mpsc::Sender<Typed>,
}

impl Completer for Asking {
    type Candidate = String;

    fn complete(&self, line: &str, at: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<String>)> {
        let begun = line.get(..at).unwrap_or(line);
        if begun.starts_with('/') {
            let fitting = OWN.iter().filter(|own| own.starts_with(begun));
            return Ok((0, fitting.map(|own| (*own).to_owned()).collect()));
        }
        let (reply, answer) = blocking::channel();
        let asked = self.asks.blocking_send(Typed::Begun { line: begun.to_owned(), reply });
        let answer = asked.ok().and_then(|()| answer.recv_timeout(PATIENCE).ok()).unwrap_or_default();
        let (length, candidates) = candidates(&answer);
        Ok((begun.len().saturating_sub(length), candidates))
    }
}

/// How many letters are replaced, and by what they may be. The answer lists candidates in brackets and ends with
/// `write=<letters>:<text that all candidates begin with>`.
fn candidates(answer: &str) -> (usize, Vec<String>) {
    let Some((list, write)) = answer.rsplit_once("write=") else { return (0, Vec::new()) };
    let Some((length, text)) = write.split_once(':') else { return (0, Vec::new()) };
    let Ok(length) = length.parse() else { return (0, Vec::new()) };
    let listed: Vec<String> = list
        .split('[')
        .skip(1)
        .filter_map(|item| item.split_once(']'))
        .map(|(name, _)| name.trim().to_owned())
        .collect();
    // A single one comes with the blank behind it.
    if listed.len() > 1 { (length, listed) } else { (length, vec![text.trim_end_matches('\n').to_owned()]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_of_console_complete() {
        let one = "\n\n[                show]\t\n\nwrite=4:show ";
        assert_eq!(candidates(one), (4, vec!["show ".to_owned()]));
        let two = "\n\n[           uuid_dump]\t[           uuid_kill]\t\n\nwrite=2:uuid_";
        assert_eq!(candidates(two), (2, vec!["uuid_dump".to_owned(), "uuid_kill".to_owned()]));
        for nothing in ["", "\n", "write=", "write=x:y", "-ERR no reply\n"] {
            assert_eq!(candidates(nothing), (0, Vec::new()), "{nothing:?}");
        }
    }
}
