//! The pages of the rules, written from their table.

use std::fmt::Write as _;

use super::rule::{Example, Rule};

/// Name of a rule's page in `docs/lints`.
pub fn file_name(rule: &Rule) -> String {
    format!("{}-{}.md", rule.code, rule.name)
}

/// The page of a rule, in Markdown.
pub fn page(rule: &Rule) -> String {
    let Rule { code, name, severity, summary, why, .. } = rule;
    let mut out = format!("# {code} {name}\n\n{summary} ({severity}).\n\n{why}\n");
    for (title, shown) in [("Bad", &rule.bad), ("Good", &rule.good)] {
        let _ = write!(out, "\n## {title}\n");
        match shown {
            Example::Plan(text) => {
                let _ = write!(out, "\n```xml\n{}\n```\n", text.trim_end());
            }
            Example::Script(text) => {
                let _ = write!(out, "\n```lua\n{}\n```\n", text.trim_end());
            }
            Example::Files(files) => {
                for (file, text) in *files {
                    let language = if file.starts_with("scripts/") { "lua" } else { "xml" };
                    let _ = write!(out, "\n`{file}`:\n\n```{language}\n{}\n```\n", text.trim_end());
                }
            }
        }
    }
    let _ = write!(
        out,
        "\n## Switching it off\n\n`switch check --allow {name}`, the param `check-allow` of `switch.conf`, or a comment \
         on the line or alone on the line above: `{}`.\n",
        if rule.is_about_scripts() {
            format!("-- switch-check: allow {name}")
        } else {
            format!("<!-- switch-check: allow {name} -->")
        }
    );
    out
}

/// The list of all pages.
pub fn index(rules: &[&Rule]) -> String {
    let mut out = String::from(
        "# What `switch check` finds\n\nThese pages are written from the rules' own table. Each bad and good example is a \
         test of its rule. Examples that show extensions only stand in the context `default`, beside the users 1000 and \
         1001 of the domain `example.com`.\n\n| Code | Name | Severity | Finds |\n|---|---|---|---|\n",
    );
    for rule in rules {
        let Rule { code, name, severity, summary, .. } = rule;
        let _ = writeln!(out, "| [{code}]({}) | `{name}` | {severity} | {summary} |", file_name(rule));
    }
    out
}
