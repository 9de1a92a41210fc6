//! A hangup cause that does not exist.

use crate::program::check::dialled::legs;
use crate::program::check::failure::cause;
use crate::program::check::rule::{Example, Findings, Rule};
use crate::program::check::suggest::remedy;
use crate::program::check::view::View;
use crate::words::model::Cause;
use crate::words::text::Severity;

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "D409",
    name: "unknown-cause",
    severity: Severity::Warning,
    summary: "There is no such hangup cause",
    why: "An unknown cause means NORMAL_CLEARING. Causes have FreeSWITCH's names or numbers; SIP status codes are \
          none.",
    bad: Example::Plan(
        r#"<extension name="hello">
  <condition field="destination_number" expression="^1$">
    <action application="hangup" data="BUSY"/>
  </condition>
</extension>
"#,
    ),
    good: Example::Plan(
        r#"<extension name="hello">
  <condition field="destination_number" expression="^1$">
    <action application="hangup" data="USER_BUSY"/>
  </condition>
</extension>
"#,
    ),
    check: Some(check),
};

fn check(view: &View<'_>, findings: &mut Findings<'_>) {
    let causes = || Cause::all().map(Cause::name);
    let mut look = |word: &str, at| {
        if !word.is_empty() && cause(word).is_none() {
            let message = format!("there is no hangup cause \"{word}\"; it means NORMAL_CLEARING");
            findings.add(at, message, remedy(word, causes(), "see switch causes"));
        }
    };
    for action in view.actions().filter(|action| action.is(&["hangup", "sched_hangup"])) {
        let Some(data) = action.constant() else { continue };
        let word = if action.is(&["hangup"]) { Some(data.text.trim()) } else { data.text.split_whitespace().nth(1) };
        look(word.unwrap_or_default(), data.span);
    }
    for leg in legs(view).iter().filter(|leg| leg.endpoint.eq_ignore_ascii_case("error")) {
        if !leg.destination.contains('\u{1}') {
            look(&leg.destination, leg.span(view));
        }
    }
}
