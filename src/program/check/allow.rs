//! Rules that are switched off: on the command line, in the configuration, or beside the line.

use crate::engine::xml::Element;
use crate::words::text::{Diagnostic, Sources};

/// What a comment says: `<!-- switch-check: allow NAME, NAME -->`, in Lua `-- switch-check: allow NAME`.
const MARK: &str = "switch-check: allow ";

/// Names in the param `check-allow` of `switch.conf`.
pub(super) fn configured(root: &Element) -> Vec<String> {
    let settings = root
        .find("section", "name", "configuration")
        .and_then(|section| section.find("configuration", "name", "switch.conf"))
        .and_then(|configuration| configuration.named("settings").next());
    let params = settings.into_iter().flat_map(|settings| settings.named("param"));
    let named = params.filter(|param| param.attribute("name").is_some_and(|name| name.text == "check-allow"));
    named.filter_map(|param| param.attribute("value")).flat_map(|value| names(&value.text)).collect()
}

/// Names or codes between commas and blanks.
pub(super) fn names(list: &str) -> Vec<String> {
    list.split([',', ' ']).map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// Whether a comment on the line of the mistake, or alone on the line above it, allows it.
pub(super) fn beside(found: &Diagnostic, code: &str, sources: &Sources) -> bool {
    let Some((span, place)) = found.span.and_then(|span| Some((span, sources.locate(span)?))) else { return false };
    let allowed = |line: &str| {
        let Some((_, rest)) = line.split_once(MARK) else { return false };
        let list = rest.split("-->").next().unwrap_or_default();
        names(list).iter().any(|name| name == found.code || name.eq_ignore_ascii_case(code))
    };
    let above = sources.line(span.file, place.line.saturating_sub(1)).unwrap_or_default().trim();
    let alone = above.starts_with("--") || (above.starts_with("<!--") && above.ends_with("-->"));
    allowed(place.text) || (alone && allowed(above))
}

#[cfg(test)]
mod tests {
    use crate::program::check::{Subject, check};

    /// Names of what is found, with these lines in front of and behind the bad one.
    fn found(above: &str, behind: &str, setting: &str) -> Vec<&'static str> {
        let folder = tempfile::tempdir().unwrap();
        let plan = format!(
            "<context name=\"a\">\n<extension name=\"a\">\n<condition>\n{above}\n<action application=\"nosuch\"/>{behind}\n\
             </condition>\n</extension>\n</context>\n"
        );
        let setting = format!(
            "<configuration name=\"switch.conf\"><settings><param name=\"check-allow\" value=\"{setting}\"/></settings>\
             </configuration>"
        );
        for (name, text) in [("dialplan/a.xml", plan), ("autoload_configs/switch.conf.xml", setting)] {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let report = check(&Subject::below(folder.path()), &[]).unwrap();
        report.diagnostics.iter().map(|found| found.code).collect()
    }

    #[test]
    fn rules_are_switched_off_beside_the_line_and_in_the_configuration() {
        let comment = "<!-- switch-check: allow no-action, unknown-application -->";
        let other = "<!-- switch-check: allow no-action -->";
        for (above, behind, setting, count) in [
            ("", "", "", 1),
            (comment, "", "", 0),
            ("", comment, "", 0),
            ("<!-- switch-check: allow D401 -->", "", "", 0),
            (other, other, "no-action", 1),
            ("", "", "no-action, unknown-application", 0),
            ("", "", "D401", 0),
            // On a line with something else it is about that line only.
            (&format!("<action application=\"answer\"/>{comment}"), "", "", 1),
        ] {
            assert_eq!(found(above, behind, setting).len(), count, "{above:?} {behind:?} {setting:?}");
        }
    }
}
