//! A dead section or configuration.

use crate::engine::xml::Element;
use crate::program::check::rule::{Example, Findings, Rule};
use crate::program::check::view::View;
use crate::words::text::Severity;

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "X119",
    name: "duplicate-configuration",
    severity: Severity::Error,
    summary: "A section or configuration of this name stands above",
    why: "The first one of a name is used; the later ones are dead.",
    bad: Example::Files(&[
        (
            "autoload_configs/a.xml",
            r#"<configuration name="switch.conf">
</configuration>
<configuration name="switch.conf">
</configuration>
"#,
        ),
        ("dialplan/default.xml", ""),
    ]),
    good: Example::Files(&[
        (
            "autoload_configs/a.xml",
            r#"<configuration name="switch.conf">
</configuration>
"#,
        ),
        ("dialplan/default.xml", ""),
    ]),
    check: Some(check),
};

fn check(view: &View<'_>, findings: &mut Findings<'_>) {
    // The dialplan's own section is a rule of its own.
    let sections = view.root.named("section").filter(|section| name(section) != "dialplan");
    duplicates(sections.collect(), findings);
    let configuration = view.section("configuration");
    let written = configuration.into_iter().flat_map(|section| section.named("configuration"));
    // A configuration without content of its own is the one that the switch adds.
    duplicates(written.filter(|element| element.span.file != 0).collect(), findings);
}

fn duplicates(elements: Vec<&Element>, findings: &mut Findings<'_>) {
    let mut seen = std::collections::HashSet::new();
    for element in elements {
        if !seen.insert(name(element)) {
            let message = format!("{} \"{}\" is defined above; this one is dead", element.name, name(element));
            findings.add(element.span, message, "put its content into the first one");
        }
    }
}

fn name(element: &Element) -> String {
    element.attribute("name").map_or(String::new(), |name| name.text.to_ascii_lowercase())
}
