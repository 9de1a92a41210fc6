//! The decisions of a hunt, for explanations and for the debug log.

use std::fmt::Write;

use super::ast::Span;

/// Is told of each decision while a hunt makes it.
pub trait Recorder {
    /// One decision.
    fn record(&mut self, decision: &Decision<'_>);
}

/// How loud a log line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Something is wrong with the dialplan or the request.
    Error,
    /// Something is probably wrong.
    Warning,
    /// One line per hunt.
    Info,
    /// Everything else.
    Debug,
}

/// One decision. `level` counts nested conditions from 0.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Decision<'a> {
    /// A context is about to be walked.
    Processing {
        /// Caller's name.
        caller_name: &'a str,
        /// Caller's number.
        caller_number: &'a str,
        /// Number hunted for.
        destination: &'a str,
        /// Context asked for.
        context: &'a str,
    },
    /// The dialplan string names a dialplan that does not exist.
    UnknownDialplan {
        /// Its name.
        name: &'a str,
    },
    /// Neither the context nor `global` exists.
    NoContext {
        /// Context asked for.
        context: &'a str,
    },
    /// An extension is about to be walked.
    Extension {
        /// Context.
        context: &'a str,
        /// Extension.
        extension: &'a str,
        /// Value of `continue`.
        continues: bool,
        /// Its place.
        span: Span,
    },
    /// The walk of an extension ended.
    Ended {
        /// Extension.
        extension: &'a str,
        /// Its result.
        matched: bool,
        /// False: the hunt goes on with the next extension.
        stops: bool,
    },
    /// A field was matched with an expression.
    Regex {
        /// Extension.
        extension: &'a str,
        /// The field as written.
        field: &'a str,
        /// Its value.
        value: &'a str,
        /// The expression, expanded.
        expression: &'a str,
        /// The groups of the match (the whole match first); empty when it failed.
        groups: &'a [Option<String>],
        /// Whether it matched.
        passed: bool,
        /// Value of `break`.
        breaks: &'a str,
        /// Nesting.
        level: usize,
        /// Place of the condition or regex.
        span: Span,
    },
    /// A condition without field and date attributes.
    Absolute {
        /// Extension.
        extension: &'a str,
        /// Nesting.
        level: usize,
        /// Its place.
        span: Span,
    },
    /// Date and time attributes were compared with the clock.
    DateTime {
        /// Extension.
        extension: &'a str,
        /// Whether all of them hold.
        passed: bool,
        /// Value of `break`.
        breaks: &'a str,
        /// Nesting.
        level: usize,
        /// Place of the condition or regex.
        span: Span,
    },
    /// A group of `<regex>` elements was evaluated.
    Group {
        /// Extension.
        extension: &'a str,
        /// `all`, `any` or `xor`.
        rule: &'static str,
        /// Whether the group holds.
        passed: bool,
        /// Nesting.
        level: usize,
        /// Place of the condition.
        span: Span,
    },
    /// Nested conditions are about to be walked.
    Nested {
        /// Extension.
        extension: &'a str,
        /// Nesting of the conditions inside.
        level: usize,
        /// `require-nested` is true.
        required: bool,
    },
    /// An action is collected, or run when inline.
    Action {
        /// Extension.
        extension: &'a str,
        /// Application as written.
        application: &'a str,
        /// Data after `$n` substitution.
        data: &'a str,
        /// Runs during the hunt.
        inline: bool,
        /// From `<anti-action>`.
        anti: bool,
        /// Nesting.
        level: usize,
        /// Its place.
        span: Span,
    },
    /// An application that may not run inline was skipped.
    InlineRefused {
        /// Application.
        application: &'a str,
        /// Place of the action.
        span: Span,
    },
    /// An action was dropped because its data holds `\'`.
    DataRefused {
        /// Application.
        application: &'a str,
        /// Data.
        data: &'a str,
        /// Place of the action.
        span: Span,
    },
    /// A pattern cannot be used; the condition fails.
    BadPattern {
        /// The expression.
        expression: &'a str,
        /// Why.
        reason: &'a str,
        /// Place of the condition or regex.
        span: Span,
    },
    /// The variable `timezone` names no zone; date conditions fail.
    UnknownZone {
        /// Its value.
        zone: &'a str,
        /// Place of the condition or regex.
        span: Span,
    },
    /// Conditions are nested too deeply.
    TooDeep {
        /// Extension.
        extension: &'a str,
    },
    /// No extension contributed an action.
    NoRoute {
        /// Context walked.
        context: &'a str,
    },
}

impl Decision<'_> {
    /// The log line of this decision, in the words FreeSWITCH users search for. `channel` is the channel's name.
    pub fn log_line(&self, channel: &str) -> Option<(Level, String)> {
        let mut line = String::new();
        let level = self.write_line(channel, &mut line)?;
        Some((level, line))
    }

    fn write_line(&self, channel: &str, line: &mut String) -> Option<Level> {
        let written = match *self {
            Self::Processing { caller_name, caller_number, destination, context } => {
                write!(line, "Processing {caller_name} <{caller_number}>->{destination} in context {context}").ok()?;
                return Some(Level::Info);
            }
            Self::UnknownDialplan { name } => {
                write!(line, "Dialplan [{name}] not found, skipping").ok()?;
                return Some(Level::Error);
            }
            Self::NoContext { context } => {
                write!(line, "Context {context} not found").ok()?;
                return Some(Level::Warning);
            }
            Self::InlineRefused { application, .. } => {
                write!(line, "Application {application}: This application cannot be executed inline").ok()?;
                return Some(Level::Error);
            }
            Self::DataRefused { application, data, .. } => {
                write!(line, "App not added, Invalid character sequence: {application}({data})").ok()?;
                return Some(Level::Warning);
            }
            Self::BadPattern { expression, reason, .. } => {
                write!(line, "COMPILE ERROR: {reason} in /{expression}/").ok()?;
                return Some(Level::Error);
            }
            Self::UnknownZone { zone, .. } => {
                write!(line, "Timezone '{zone}' not found").ok()?;
                return Some(Level::Error);
            }
            Self::TooDeep { extension } => {
                write!(line, "Conditions of [{extension}] are nested too deeply").ok()?;
                return Some(Level::Error);
            }
            Self::NoRoute { .. } => {
                line.push_str("No Route, Aborting");
                return Some(Level::Info);
            }
            Self::Ended { .. } | Self::Group { .. } => return None,
            Self::Extension { context, extension, continues, .. } => {
                write!(line, "Dialplan: {channel} parsing [{context}->{extension}] continue={continues}")
            }
            Self::Regex { extension, field, value, expression, passed, breaks, level, .. } => {
                let result = if passed { "PASS" } else { "FAIL" };
                indent(line, level);
                write!(
                    line,
                    "Dialplan: {channel} Regex ({result}) [{}] {field}({value}) =~ /{expression}/ break={breaks}",
                    At(extension, level)
                )
            }
            Self::Absolute { extension, level, .. } => {
                indent(line, level);
                write!(line, "Dialplan: {channel} Absolute Condition [{}]", At(extension, level))
            }
            Self::DateTime { extension, passed, breaks, level, .. } => {
                let result = if passed { "Date/Time Match (PASS)" } else { "Date/TimeMatch (FAIL)" };
                indent(line, level);
                write!(line, "Dialplan: {channel} {result} [{}] break={breaks}", At(extension, level))
            }
            Self::Nested { extension, level, required } => {
                let required = if required { "TRUE" } else { "FALSE" };
                indent(line, level);
                write!(
                    line,
                    "Dialplan: {channel} Processing recursive conditions level:{level} [{}] require-nested={required}",
                    At(extension, level)
                )
            }
            Self::Action { application, data, inline, anti, level, .. } => {
                let kind = if anti { "ANTI-Action" } else { "Action" };
                let inline = if inline { "INLINE" } else { "" };
                indent(line, level);
                write!(line, "Dialplan: {channel} {kind} {application}({data}) {inline}")
            }
        };
        written.ok().map(|()| Level::Debug)
    }
}

fn indent(line: &mut String, level: usize) {
    for _ in 0..level {
        line.push_str("|--- ");
    }
}

/// Name of an extension at a nesting level: nested walks add `_recur_N`.
struct At<'a>(&'a str, usize);

impl std::fmt::Display for At<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)?;
        if self.1 > 0 { write!(f, "_recur_{}", self.1) } else { Ok(()) }
    }
}
