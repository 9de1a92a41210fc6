//! A call of `gsub` as the last argument.

use crate::program::check::rule::{Example, Findings, Rule};
use crate::program::check::scripts::{known_calls, span};
use crate::program::check::view::View;
use crate::words::text::Severity;

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "L112",
    name: "lua-two-values",
    severity: Severity::Error,
    summary: "A call of gsub as the last argument passes two values",
    why: "`gsub` gives the new text and the number of replacements, and a call in the last place passes all its values on: \
          the method gets a number more than is written, which it refuses or takes for something else.",
    bad: Example::Script(
        r#"local name = "hello world"
session:setVariable("name", name:gsub(" ", "_"))
"#,
    ),
    good: Example::Script(
        r#"local name = "hello world"
session:setVariable("name", (name:gsub(" ", "_")))
"#,
    ),
    check: Some(check),
};

fn check(view: &View<'_>, findings: &mut Findings<'_>) {
    for script in view.scripts {
        for call in known_calls(script).into_iter().filter(|call| call.signature().is_some()) {
            let Some(last) = call.arguments.last().filter(|last| last.substitutes) else { continue };
            let message =
                format!("{} gets two values from this: the text and the number of replacements", call.full_name());
            findings.add(span(script, last.at.clone()), message, "put parentheses around it: (text:gsub(…))");
        }
    }
}
