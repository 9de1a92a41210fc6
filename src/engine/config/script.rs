//! `lua.conf`: where scripts lie, what they may do, which ones start by themselves.

use crate::engine::xml::Element;
use crate::words::model::{falsy, truthy};
use crate::words::text::{Diagnostic, Span};

/// What `lua.conf` says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ScriptSettings {
    /// `script-directory`, every one: templates of `package.path`, `/x/?.lua`.
    pub directories: Vec<String>,
    /// Limits as named (`lua-max-seconds`) and their values.
    pub limits: Vec<(String, u64)>,
    /// `lua-profile` is `restricted`.
    pub restricted: bool,
    /// `lua-root`, every one: folders whose files a restricted script may open.
    pub roots: Vec<String>,
    /// `lua-compat` is `none`: what older scripts expect is not there.
    pub modern: bool,
    /// `lua-strict`: reading a global that was never set is warned of.
    pub strict: bool,
    /// `lua-mail-command`: a command that takes a mail on its standard input.
    pub mail_command: Option<String>,
    /// `startup-script`, every one, with its arguments.
    pub startup: Vec<(String, Span)>,
    /// The `hook` elements.
    pub hooks: Vec<ScriptHook>,
    /// The XML handler, when it is bound to the dialplan.
    pub dialplan_handler: Option<String>,
}

/// A script that runs at each event of a kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScriptHook {
    /// Name of the event.
    pub event: String,
    /// Its subclass.
    pub subclass: Option<String>,
    /// Script and arguments.
    pub script: String,
    /// Where it is written.
    pub span: Span,
}

/// The limits that may be set.
const LIMITS: [&str; 7] = [
    "lua-max-instructions",
    "lua-max-seconds",
    "lua-max-cpu-seconds",
    "lua-max-memory-mb",
    "lua-max-handles",
    "lua-max-scripts",
    "lua-hangup-grace-ms",
];

impl ScriptSettings {
    /// Reads the configuration of that name.
    pub fn read(conf: &Element, diagnostics: &mut Vec<Diagnostic>) -> Self {
        let mut read = Self::default();
        let mut handler = None;
        for param in conf.named("settings").flat_map(|settings| settings.named("param")) {
            let (Some(name), Some(value)) = (param.attribute("name"), param.attribute("value")) else { continue };
            let text = value.text.trim();
            let mut wrong = |message: String, remedy: &str| {
                let found = Diagnostic::warning("bad-param", value.span, format!("lua.conf: {message}"));
                diagnostics.push(found.remedy(remedy));
            };
            let key = name.text.to_ascii_lowercase();
            match key.as_str() {
                "script-directory" => read.directories.push(text.to_owned()),
                "startup-script" => read.startup.push((text.to_owned(), value.span)),
                "lua-root" => read.roots.push(text.to_owned()),
                "lua-mail-command" => read.mail_command = Some(text.to_owned()).filter(|text| !text.is_empty()),
                "lua-strict" => read.strict = truthy(text),
                "lua-compat" => read.modern = text.eq_ignore_ascii_case("none") || falsy(text),
                "lua-profile" if text.eq_ignore_ascii_case("restricted") => read.restricted = true,
                "lua-profile" if text.eq_ignore_ascii_case("full") => read.restricted = false,
                "lua-profile" => {
                    // What was meant to bind scripts must not leave them free.
                    read.restricted = true;
                    wrong(format!("there is no profile {text}; restricted is taken"), "write full or restricted");
                }
                "module-directory" => wrong(
                    "native modules are not loaded, so module-directory has no effect".to_owned(),
                    "docs/lua.md lists the modules that are built in: cjson, lfs, socket, bit32",
                ),
                "xml-handler-script" => handler = Some(text.to_owned()),
                "xml-handler-bindings" => match handler.take() {
                    Some(script) => {
                        let sections = text.to_ascii_lowercase();
                        if sections.replace("dialplan", "").contains(char::is_alphabetic) {
                            wrong(
                                format!("the XML handler is asked for the dialplan alone, not for all of {text}"),
                                "keep directory and configuration in files",
                            );
                        }
                        if sections.contains("dialplan") {
                            read.dialplan_handler = Some(script);
                        }
                    }
                    None => wrong(
                        "xml-handler-bindings before xml-handler-script binds nothing".to_owned(),
                        "write xml-handler-script first",
                    ),
                },
                _ if LIMITS.contains(&key.as_str()) => match text.parse() {
                    Ok(limit) => read.limits.push((key, limit)),
                    Err(_) => {
                        wrong(format!("{} = {text} is no number", name.text), "write a whole number, 0: no limit");
                    }
                },
                _ => wrong(format!("there is no param {}", name.text), "docs/lua.md lists what there is"),
            }
        }
        for hook in conf.named("settings").flat_map(|settings| settings.named("hook")) {
            let text = |name| hook.attribute(name).map(|value| value.text.trim().to_owned());
            match (text("event"), text("script")) {
                (Some(event), Some(script)) if !event.is_empty() && !script.is_empty() => {
                    let subclass = text("subclass").filter(|subclass| !subclass.is_empty());
                    read.hooks.push(ScriptHook { event, subclass, script, span: hook.span });
                }
                _ => {
                    let message = "lua.conf: a hook needs event and script".to_owned();
                    diagnostics.push(Diagnostic::warning("bad-param", hook.span, message));
                }
            }
        }
        read
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::xml::{self, NoFiles};
    use crate::words::model::Variables;

    fn read(params: &str) -> (ScriptSettings, Vec<String>) {
        let text = format!("<document>\n<settings>\n{params}\n</settings>\n</document>\n");
        let loaded = xml::load("root.xml", text.as_bytes(), Variables::new(), &NoFiles);
        let mut diagnostics = Vec::new();
        let settings = ScriptSettings::read(&loaded.root.unwrap(), &mut diagnostics);
        (settings, diagnostics.into_iter().map(|found| found.message).collect())
    }

    #[test]
    fn everything_that_may_be_said() {
        let (settings, wrong) = read(
            "<param name=\"script-directory\" value=\"/x/?.lua\"/>\n<param name=\"lua-max-seconds\" value=\"5\"/>\n\
             <param name=\"lua-profile\" value=\"restricted\"/>\n<param name=\"lua-root\" value=\"/srv\"/>\n\
             <param name=\"startup-script\" value=\"a.lua one\"/>\n<param name=\"startup-script\" value=\"b.lua\"/>\n\
             <param name=\"xml-handler-script\" value=\"h.lua\"/>\n\
             <param name=\"xml-handler-bindings\" value=\"dialplan\"/>\n\
             <hook event=\"CUSTOM\" subclass=\"sofia::register\" script=\"r.lua\"/>\n<hook event=\"X\"/>",
        );
        assert_eq!(settings.directories, ["/x/?.lua"]);
        assert_eq!(settings.limits, [("lua-max-seconds".to_owned(), 5)]);
        assert!(settings.restricted);
        assert_eq!((settings.startup.len(), settings.hooks.len()), (2, 1));
        assert_eq!(settings.hooks[0].subclass.as_deref(), Some("sofia::register"));
        assert_eq!(settings.dialplan_handler.as_deref(), Some("h.lua"));
        assert_eq!(wrong, ["lua.conf: a hook needs event and script"]);
    }

    #[test]
    fn mistakes_are_told() {
        for (param, told) in [
            ("<param name=\"lua-max-seconds\" value=\"soon\"/>", "is no number"),
            ("<param name=\"lua-profile\" value=\"ful\"/>", "restricted is taken"),
            ("<param name=\"module-directory\" value=\"/x/?.so\"/>", "native modules"),
            ("<param name=\"xml-handler-bindings\" value=\"dialplan\"/>", "binds nothing"),
            ("<param name=\"lua-fun\" value=\"1\"/>", "there is no param lua-fun"),
            (
                "<param name=\"xml-handler-script\" value=\"h.lua\"/>\n\
                 <param name=\"xml-handler-bindings\" value=\"dialplan|directory\"/>",
                "the dialplan alone",
            ),
        ] {
            let (_, wrong) = read(param);
            assert!(wrong.len() == 1 && wrong[0].contains(told), "{param}: {wrong:?}");
        }
    }
}
