//! A number that no extension takes.

use crate::program::check::routes::gate;
use crate::program::check::rule::{Example, Findings, Rule};
use crate::program::check::target::targets;
use crate::program::check::view::{Extension, View};
use crate::words::pattern::{Pattern, Shape};
use crate::words::text::Severity;
use std::collections::{HashMap, HashSet};

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "D602",
    name: "unknown-extension",
    severity: Severity::Warning,
    summary: "A transfer goes to a number that no extension takes",
    why: "No extension of the context can match this number. The call ends with NO_ROUTE_DESTINATION; \
          `execute_extension` finds nothing and goes on.",
    bad: Example::Plan(
        r#"<extension name="hello">
  <condition field="destination_number" expression="^1$">
    <action application="transfer" data="2 XML default"/>
  </condition>
</extension>
"#,
    ),
    good: Example::Plan(
        r#"<extension name="hello">
  <condition field="destination_number" expression="^1$">
    <action application="transfer" data="2 XML default"/>
  </condition>
</extension>
<extension name="two">
  <condition field="destination_number" expression="^2$">
    <action application="answer"/>
  </condition>
</extension>
"#,
    ),
    check: Some(check),
};

/// Comparisons of one check; targets behind them are not looked at.
const MOST_COMPARISONS: usize = 200_000;

/// What the extensions of a context ask of a number.
#[derive(Default)]
struct Wanted {
    /// An extension asks nothing that can be told here.
    open: bool,
    exact: HashSet<String>,
    others: Vec<Pattern>,
}

impl Wanted {
    fn of(extensions: &[&Extension<'_>]) -> Self {
        let mut wanted = Self::default();
        for extension in extensions {
            match gate(extension) {
                Some(pattern) => match pattern.shape() {
                    Shape::Exact(number) => {
                        wanted.exact.insert(number.clone());
                    }
                    _ => wanted.others.push(pattern),
                },
                None => wanted.open = true,
            }
        }
        wanted
    }

    /// Whether an extension may take the number; none when there was too much to compare.
    fn takes(&self, number: &str, left: &mut usize) -> Option<bool> {
        if self.open || self.exact.contains(number) {
            return Some(true);
        }
        *left = left.checked_sub(self.others.len())?;
        Some(self.others.iter().any(|pattern| pattern.is_match(number) != Ok(false)))
    }
}

fn check(view: &View<'_>, findings: &mut Findings<'_>) {
    let mut left = MOST_COMPARISONS;
    let mut known: HashMap<(String, bool), Wanted> = HashMap::new();
    for target in targets(view).iter().filter(|target| target.is_xml()) {
        let (Some(number), Some(context)) = (&target.number, &target.context) else { continue };
        if !view.dialplan.has_context(context) {
            continue;
        }
        let wanted = known.entry((context.to_ascii_lowercase(), target.executes)).or_insert_with(|| {
            let there = view.extensions.iter().filter(|extension| {
                extension.context.name.text.eq_ignore_ascii_case(context) && (target.executes || !extension.continues())
            });
            Wanted::of(&there.collect::<Vec<_>>())
        });
        if wanted.takes(number, &mut left) == Some(false) {
            let message = format!("no extension of context \"{context}\" takes \"{number}\"");
            let at = target.data.text.find(number.as_str()).map(|at| at..at + number.len());
            let at = at.map_or(target.data.span, |at| view.part(target.data, at));
            findings.add(at, message, "correct the number, or add an extension for it");
        }
    }
}
