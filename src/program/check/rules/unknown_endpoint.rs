//! An endpoint that does not exist.

use crate::program::check::dialled::legs;
use crate::program::check::rule::{Example, Findings, Rule};
use crate::program::check::suggest::remedy;
use crate::program::check::view::View;
use crate::words::text::Severity;

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "D607",
    name: "unknown-endpoint",
    severity: Severity::Error,
    summary: "A dial string names an endpoint that does not exist",
    why: "The leg fails at once with CHAN_NOT_IMPLEMENTED.",
    bad: Example::Plan(
        r#"<extension name="hello">
  <condition field="destination_number" expression="^1$">
    <action application="bridge" data="sofa/internal/1@192.0.2.1"/>
  </condition>
</extension>
"#,
    ),
    good: Example::Plan(
        r#"<extension name="hello">
  <condition field="destination_number" expression="^1$">
    <action application="bridge" data="sofia/internal/1@192.0.2.1"/>
  </condition>
</extension>
"#,
    ),
    check: Some(check),
};

/// Endpoints of FreeSWITCH and of this switch.
const ENDPOINTS: &[&str] = &[
    "sofia",
    "user",
    "group",
    "error",
    "loopback",
    "null",
    "pickup",
    "verto",
    "verto.rtc",
    "rtc",
    "freetdm",
    "portaudio",
    "alsa",
    "skinny",
    "dingaling",
    "h323",
    "opal",
    "rtmp",
    "khomp",
    "gsmopen",
    "msrp",
    "signalwire",
    "modem",
];

fn check(view: &View<'_>, findings: &mut Findings<'_>) {
    for leg in legs(view) {
        let name = leg.endpoint.trim();
        if !ENDPOINTS.iter().any(|known| known.eq_ignore_ascii_case(name)) {
            let message = format!("there is no endpoint \"{name}\"");
            findings.add(
                leg.span(view),
                message,
                remedy(name, ENDPOINTS.iter().copied(), "write endpoint/destination"),
            );
        }
    }
}
