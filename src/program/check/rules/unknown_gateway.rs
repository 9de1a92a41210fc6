//! A gateway that does not exist.

use crate::program::check::dialled::{UNKNOWN, legs};
use crate::program::check::rule::{Example, Findings, Rule};
use crate::program::check::suggest::remedy;
use crate::program::check::view::View;
use crate::words::text::Severity;

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "D603",
    name: "unknown-gateway",
    severity: Severity::Error,
    summary: "A dial string names a gateway that does not exist",
    why: "The leg fails at once with INVALID_GATEWAY.",
    bad: Example::Files(&[
        (
            "autoload_configs/sofia.conf.xml",
            r#"<configuration name="sofia.conf">
<profiles>
<profile name="external">
  <gateways>
    <gateway name="carrier"/>
  </gateways>
</profile>
</profiles>
</configuration>
"#,
        ),
        (
            "dialplan/default.xml",
            r#"<context name="default">
<extension name="hello">
  <condition field="destination_number" expression="^1$">
    <action application="bridge" data="sofia/gateway/carier/1"/>
  </condition>
</extension>
</context>
"#,
        ),
    ]),
    good: Example::Files(&[
        (
            "autoload_configs/sofia.conf.xml",
            r#"<configuration name="sofia.conf">
<profiles>
<profile name="external">
  <gateways>
    <gateway name="carrier"/>
  </gateways>
</profile>
</profiles>
</configuration>
"#,
        ),
        (
            "dialplan/default.xml",
            r#"<context name="default">
<extension name="hello">
  <condition field="destination_number" expression="^1$">
    <action application="bridge" data="sofia/gateway/carrier/1"/>
  </condition>
</extension>
</context>
"#,
        ),
    ]),
    check: Some(check),
};

fn check(view: &View<'_>, findings: &mut Findings<'_>) {
    for leg in legs(view).iter().filter(|leg| leg.endpoint.eq_ignore_ascii_case("sofia")) {
        let mut words = leg.destination.split('/');
        if !words.next().is_some_and(|word| word.eq_ignore_ascii_case("gateway")) {
            continue;
        }
        let written = words.next().unwrap_or_default();
        // A profile may stand in front of the name.
        let name = written.rsplit("::").next().unwrap_or(written);
        if name.contains(UNKNOWN) || view.gateways.contains(&name.to_ascii_lowercase()) {
            continue;
        }
        let message = format!("there is no gateway \"{name}\"");
        let known = view.gateways.iter().map(String::as_str);
        findings.add(leg.span(view), message, remedy(name, known, "define it in a profile or in the directory"));
    }
}
