//! Text of the caller in a file name.

use crate::program::check::rule::{Example, Findings, Rule};
use crate::program::check::taint::flows;
use crate::program::check::view::View;
use crate::words::text::Severity;

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "T102",
    name: "tainted-file-name",
    severity: Severity::Warning,
    summary: "Text that the caller chooses flows into a file name",
    why: "With slashes and dots the caller reaches other folders: files are overwritten by recordings, or read to \
          him.",
    bad: Example::Plan(
        r#"<extension name="hello">
  <condition field="destination_number" expression="^1$">
    <action application="playback" data="/tmp/${sip_h_X-File}"/>
  </condition>
</extension>
"#,
    ),
    good: Example::Plan(
        r#"<extension name="hello">
  <condition field="${sip_h_X-File}" expression="^([a-z]+)$">
    <action application="playback" data="tone_stream://$1"/>
  </condition>
</extension>
"#,
    ),
    check: Some(check),
};

fn check(view: &View<'_>, findings: &mut Findings<'_>) {
    for extension in &view.extensions {
        for flow in flows(
            extension,
            &[
                "record",
                "record_session",
                "playback",
                "displace_session",
                "stop_record_session",
                "rxfax",
                "txfax",
                "endless_playback",
                "loop_playback",
            ],
        ) {
            let message = format!("\"{}\" comes from the network and flows into a file name", flow.source);
            findings.add(
                view.part(flow.data, flow.at),
                message,
                "test it first with an anchored expression that admits only the letters it may have",
            );
        }
    }
}
