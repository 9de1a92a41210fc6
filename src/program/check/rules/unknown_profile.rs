//! A SIP profile that does not exist.

use crate::program::check::dialled::{UNKNOWN, legs};
use crate::program::check::rule::{Example, Findings, Rule};
use crate::program::check::suggest::remedy;
use crate::program::check::view::View;
use crate::words::text::Severity;

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "D604",
    name: "unknown-profile",
    severity: Severity::Error,
    summary: "A dial string names a SIP profile that does not exist",
    why: "The leg fails at once with INVALID_PROFILE.",
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
    <action application="bridge" data="sofia/externl/1@192.0.2.1"/>
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
    <action application="bridge" data="sofia/external/1@192.0.2.1"/>
  </condition>
</extension>
</context>
"#,
        ),
    ]),
    check: Some(check),
};

fn check(view: &View<'_>, findings: &mut Findings<'_>) {
    let known = || {
        view.profiles
            .iter()
            .flat_map(|profile| std::iter::once(&profile.name).chain(&profile.aliases))
            .map(String::as_str)
    };
    for leg in legs(view).iter().filter(|leg| leg.endpoint.eq_ignore_ascii_case("sofia")) {
        let name = leg.destination.split('/').next().unwrap_or_default();
        let special = name.eq_ignore_ascii_case("gateway") || name.contains(UNKNOWN);
        // A domain of the directory names the profile that serves it.
        let domain = view.directory.domains().any(|domain| domain.eq_ignore_ascii_case(name));
        if special || domain || known().any(|profile| profile.eq_ignore_ascii_case(name)) {
            continue;
        }
        let message = format!("there is no SIP profile \"{name}\"");
        findings.add(leg.span(view), message, remedy(name, known(), "correct the name"));
    }
}
