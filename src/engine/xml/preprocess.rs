//! The line-based preprocessor: `$${globals}`, `<include>` lines, `X-PRE-PROCESS` and `<!--#…-->` directives.

use super::Loader;
use super::flat::Flat;
use crate::words::model::Variables;
use crate::words::text::{Diagnostic, Sources, Span};

/// Files included in one another.
const MAX_DEPTH: usize = 100;

/// A longer line is cut.
const MAX_LINE: usize = 1 << 20;

/// Bytes of flat text; what comes later is left out.
const MAX_FLAT: usize = 64 << 20;

/// Bytes that expanding globals may add to one load; what comes later is left out.
const MAX_EXPANDED: usize = 256 << 20;

/// Bytes of one line once its globals are expanded.
const MAX_EXPANDED_LINE: usize = 16 << 20;

/// Files of one load.
const MAX_FILES: usize = 10_000;

/// Flattens a root file.
pub(super) fn run(
    name: &str,
    text: &[u8],
    globals: Variables,
    loader: &dyn Loader,
) -> (Flat, Sources, Variables, Vec<Diagnostic>) {
    let mut run = Run {
        loader,
        globals,
        flat: Flat::default(),
        sources: Sources::new(),
        found: Vec::new(),
        files: 0,
        expanded: 0,
        full: false,
        commented: false,
    };
    run.file(name, text, None, 0);
    (run.flat, run.sources, run.globals, run.found)
}

struct Run<'l> {
    loader: &'l dyn Loader,
    globals: Variables,
    flat: Flat,
    sources: Sources,
    found: Vec<Diagnostic>,
    files: usize,
    /// Bytes that globals have added.
    expanded: usize,
    /// A limit is reached: nothing more is read.
    full: bool,
    /// Inside a `<!-- -->` comment that began on an earlier line.
    commented: bool,
}

/// A directive, whichever form it was written in.
struct Directive<'t> {
    command: &'t str,
    data: &'t str,
    /// The line it stands on.
    span: Span,
}

impl Run<'_> {
    fn warn(&mut self, code: &'static str, span: impl Into<Option<Span>>, message: impl Into<String>, remedy: &str) {
        self.found.push(Diagnostic::warning(code, span, message).remedy(remedy));
    }

    fn fail(&mut self, code: &'static str, span: impl Into<Option<Span>>, message: impl Into<String>, remedy: &str) {
        self.found.push(Diagnostic::error(code, span, message).remedy(remedy));
    }

    fn file(&mut self, name: &str, bytes: &[u8], from: Option<Span>, depth: usize) {
        if depth >= MAX_DEPTH || self.files >= MAX_FILES {
            let message = format!("{name} is not read: {MAX_DEPTH} files deep, or {MAX_FILES} files in all");
            return self.fail("include-limit", from, message, "take the directive out");
        }
        self.files += 1;
        let (text, guessed) = decode(bytes);
        let file = self.sources.add(name, &*text);
        if guessed {
            let at = Span { file, start: 0, end: 0 };
            self.warn("not-utf8", at, "this file is not UTF-8; it is read as Latin-1", "save it as UTF-8");
        }
        let folder = name.rsplit_once('/').map_or("", |(folder, _)| if folder.is_empty() { "/" } else { folder });
        let mut swallowing = false;
        let mut at = 0;
        while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty() && !self.full) {
            let mut length = rest.find(['\n', '\r']).map_or(rest.len(), |end| end + 1);
            if length > MAX_LINE {
                length = (0..=MAX_LINE).rev().find(|cut| rest.is_char_boundary(*cut)).unwrap_or(rest.len());
                let here = span(file, at, at);
                self.warn("long-line", here, "a line of more than 1 MiB is cut in two here", "break the line");
            }
            let line = rest.get(..length).unwrap_or(rest);
            self.line(line, span(file, at, at + length), folder, &mut swallowing, depth);
            at += length;
            if self.flat.text().len() > MAX_FLAT {
                self.overflow(span(file, at, at), "the configuration is larger than 64 MiB; the rest is left out");
            }
        }
    }

    /// Stops reading.
    fn overflow(&mut self, at: Span, message: &str) {
        if !self.full {
            self.full = true;
            self.fail("too-large", at, message, "make it smaller");
        }
    }

    fn line(&mut self, raw: &str, at: Span, folder: &str, swallowing: &mut bool, depth: usize) {
        let line = self.expand(raw, at);
        if ["<include>", "</include>", "<?"].iter().any(|mark| raw.contains(mark)) {
            if has_content(raw) {
                self.warn(
                    "include-line",
                    at,
                    "content on the same line as <include>, </include> or <? is ignored",
                    "put it on a line of its own",
                );
            }
            return;
        }
        let mut from = 0;
        if *swallowing {
            let Some(end) = line.text().find("-->") else { return };
            *swallowing = false;
            from = end + 3;
        }
        let text = line.text().get(from..).unwrap_or_default();
        if let Some(place) = find_ignoring_case(text, "x-pre-process") {
            self.new_directive(text, place, at, folder, depth);
        } else if let Some(begin) = text.find("<!--#") {
            self.copy(&line, from..from + begin);
            let inner = text.get(begin + 5..).unwrap_or_default();
            let end = inner.find("-->");
            let body = inner.get(..end.unwrap_or(inner.len())).unwrap_or_default();
            let (command, argument) = body.split_once([' ', '\t']).unwrap_or((body, ""));
            let argument = argument.trim();
            let data = match argument.strip_prefix('"') {
                Some(quoted) => quoted.split('"').next().unwrap_or_default(),
                None => argument,
            };
            self.directive(&Directive { command: command.trim(), data, span: at }, folder, depth);
            match end {
                Some(end) => self.copy(&line, from + begin + 5 + end + 3..line.text().len()),
                None => *swallowing = true,
            }
        } else {
            self.copy(&line, from..line.text().len());
        }
    }

    fn copy(&mut self, line: &Flat, range: std::ops::Range<usize>) {
        let text = line.text().get(range.clone()).unwrap_or_default();
        self.commented = commented_after(text, self.commented);
        self.flat.append(line, range);
    }

    /// `<X-PRE-PROCESS cmd="…" data="…"/>`, whose name stands at `place` of the line.
    fn new_directive(&mut self, text: &str, place: usize, at: Span, folder: &str, depth: usize) {
        let (before, rest) = text.split_at_checked(place).unwrap_or((text, ""));
        let Some(before) = before.strip_suffix('<') else { return };
        let value = |text: &str, name: &str| -> Option<(String, usize)> {
            let begin = text.find(name)? + name.len();
            let open = begin + text.get(begin..)?.find('"')?;
            if !text.get(begin..open)?.chars().all(|letter| letter == '=' || letter.is_whitespace()) {
                return None;
            }
            let value = text.get(open + 1..)?.split_once('"')?.0;
            Some((value.to_owned(), open + 1 + value.len() + 1))
        };
        let parsed = value(rest, "cmd").and_then(|(command, used)| {
            let after = rest.get(used..)?;
            let (data, end) = value(after, "data")?;
            Some((command, data, after.get(end..)?.to_owned()))
        });
        let Some((command, data, after)) = parsed else {
            self.warn(
                "directive-ignored",
                at,
                "this pre-process directive has no effect",
                "write cmd=\"…\" before data=\"…\", both on one line and in double quotes",
            );
            return;
        };
        if self.commented || before.contains("<!--") {
            let remedy = "take it out, or write <X-NO-PRE-PROCESS";
            self.warn("directive-in-comment", at, "a directive inside a comment is executed all the same", remedy);
        }
        let after = after.trim().trim_start_matches('/').trim_start_matches('>').trim();
        if !(before.trim().is_empty() || before.trim() == "<!--") || !(after.is_empty() || after == "-->") {
            let remedy = "give the directive a line of its own";
            self.warn("directive-line", at, "text on the same line as a directive is lost", remedy);
        }
        self.directive(&Directive { command: &command, data: &data, span: at }, folder, depth);
    }

    fn directive(&mut self, directive: &Directive<'_>, folder: &str, depth: usize) {
        let Directive { command, data, span } = *directive;
        match command.to_ascii_lowercase().as_str() {
            "set" => {
                if let Some((name, value)) = data.split_once('=') {
                    self.set(name.trim_end(), value.trim_start(), span);
                }
            }
            "env-set" => {
                if let Some((name, variable)) = data.split_once("=$")
                    && let Some(value) = self.loader.environment(variable)
                {
                    self.set(name, &value, span);
                }
            }
            "exec-set" => {
                let Some((name, line)) = data.split_once('=') else { return };
                match self.loader.run(line.trim_start()) {
                    Ok(output) if !output.trim_end().is_empty() => self.set(name.trim_end(), output.trim_end(), span),
                    Ok(_) => {}
                    Err(error) => {
                        self.fail("exec-failed", span, format!("the command failed: {error}"), "correct the command");
                    }
                }
            }
            "exec" => match self.loader.run(data) {
                Ok(output) => {
                    self.commented = commented_after(&output, self.commented);
                    self.flat.replace(&output, span);
                }
                Err(error) => {
                    self.fail("exec-failed", span, format!("the command failed: {error}"), "correct the command");
                }
            },
            "stun-set" => {
                let message = "stun-set is not implemented; the variable stays as it was";
                self.warn("stun-set", span, message, "set the address with cmd=\"set\"");
            }
            "include" => self.include(data, span, folder, depth),
            _ => {}
        }
    }

    /// Stores a global. No global carries a reference to a run-time variable.
    fn set(&mut self, name: &str, value: &str, at: Span) {
        if value.contains("${") {
            self.warn(
                "global-reference",
                at,
                format!("${{…}} in the global variable \"{name}\" becomes %{{…}} and is never expanded"),
                "write $${…} for another global variable",
            );
        }
        self.globals.set(name, &value.replace("${", "%{"));
    }

    fn include(&mut self, pattern: &str, at: Span, folder: &str, depth: usize) {
        let path = if pattern.starts_with('/') || pattern.contains("://") || folder.is_empty() {
            pattern.to_owned()
        } else {
            format!("{}/{pattern}", folder.trim_end_matches('/'))
        };
        let files = match self.loader.glob(&path) {
            Ok(files) => files,
            Err(error) => {
                return self.fail(
                    "include-failed",
                    at,
                    format!("cannot include {path}: {error}"),
                    "correct the pattern",
                );
            }
        };
        if files.is_empty() && !pattern.contains(['*', '?', '[']) {
            let message = format!("there is no file {path} to include");
            self.warn("include-missing", at, message, "correct the name, or take the directive out");
        }
        for file in files {
            match self.loader.read(&file) {
                Ok(bytes) => self.file(&file, &bytes, Some(at), depth + 1),
                Err(error) => self.fail(
                    "include-failed",
                    at,
                    format!("cannot read {file}: {error}"),
                    "let it be read, or take it out",
                ),
            }
        }
    }

    /// Puts the values of globals in place of `$${name}`. Values are not scanned again.
    fn expand(&mut self, raw: &str, at: Span) -> Flat {
        let mut line = Flat::default();
        let mut done = 0;
        while let Some(begin) = raw.get(done..).and_then(|rest| rest.find("$${")).map(|found| done + found) {
            let Some(length) = raw.get(begin..).and_then(|rest| rest.find('}')) else {
                let here = sub_span(at, begin, begin + 3);
                self.fail(
                    "unterminated-global",
                    here,
                    "this $${ has no closing brace on its line; it stays as it is",
                    "write }",
                );
                break;
            };
            line.copy(raw.get(done..begin).unwrap_or_default(), sub_span(at, done, begin));
            done = begin + length + 1;
            let name = raw.get(begin + 3..begin + length).unwrap_or_default();
            let here = sub_span(at, begin, done);
            if let Some(value) = self.globals.get(name) {
                self.expanded += value.len();
                if self.expanded > MAX_EXPANDED || line.text().len() + value.len() > MAX_EXPANDED_LINE {
                    self.overflow(here, "the values of global variables make the configuration too large");
                    return line;
                }
                line.replace(value, here);
            } else {
                let message = format!("the global variable \"{name}\" is not set here; it is empty");
                self.warn("undefined-global", here, message, "set it above this line");
            }
        }
        line.copy(raw.get(done..).unwrap_or_default(), sub_span(at, done, raw.len()));
        line
    }
}

fn span(file: u32, start: usize, end: usize) -> Span {
    let place = |at| u32::try_from(at).unwrap_or(u32::MAX);
    Span { file, start: place(start), end: place(end) }
}

/// A part of a line.
fn sub_span(line: Span, start: usize, end: usize) -> Span {
    span(line.file, line.start as usize + start, line.start as usize + end)
}

/// Text of a file, and whether its encoding had to be guessed.
fn decode(bytes: &[u8]) -> (String, bool) {
    let wide = |combine: fn([u8; 2]) -> u16| {
        let units: Vec<u16> =
            bytes.chunks_exact(2).skip(1).filter_map(|pair| pair.try_into().ok()).map(combine).collect();
        (String::from_utf16_lossy(&units), false)
    };
    match bytes {
        [0xff, 0xfe, ..] => wide(u16::from_le_bytes),
        [0xfe, 0xff, ..] => wide(u16::from_be_bytes),
        _ => {
            let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
            match std::str::from_utf8(bytes) {
                Ok(text) => (text.to_owned(), false),
                Err(_) => (bytes.iter().map(|byte| char::from(*byte)).collect(), true),
            }
        }
    }
}

/// Whether a line that is dropped for its `<include>` or declaration holds anything else.
fn has_content(line: &str) -> bool {
    let mut kept = String::new();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once("<?") {
        kept.push_str(before);
        rest = after.split_once("?>").map_or("", |(_, after)| after);
    }
    kept.push_str(rest);
    let kept = kept.replace("<include>", "").replace("</include>", "");
    let rest = kept.trim();
    let comment = rest.starts_with("<!--") && rest.ends_with("-->");
    !rest.is_empty() && !comment
}

/// Whether a comment is open after this text.
fn commented_after(text: &str, mut commented: bool) -> bool {
    let mut rest = text;
    loop {
        let mark = if commented { "-->" } else { "<!--" };
        let Some(at) = rest.find(mark) else { return commented };
        commented = !commented;
        rest = rest.get(at + mark.len()..).unwrap_or_default();
    }
}

/// First place of an ASCII word, in any case.
fn find_ignoring_case(text: &str, word: &str) -> Option<usize> {
    text.as_bytes().windows(word.len()).position(|window| window.eq_ignore_ascii_case(word.as_bytes()))
}
