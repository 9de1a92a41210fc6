//! Menus of `ivr.conf`: what the application `ivr` and `freeswitch.IVRMenu` run.

use std::sync::Arc;

use crate::engine::xml::Element;
use crate::words::pattern::Pattern;
use crate::words::text::Diagnostic;

/// Wait for a key when nothing else is said, ms.
const USUAL_TIMEOUT_MS: u32 = 10_000;

/// A menu.
#[derive(Debug, Clone)]
pub struct Menu {
    /// Its name.
    pub name: String,
    /// Played at the first pass.
    pub greet_long: String,
    /// Played at later ones.
    pub greet_short: String,
    /// Played after keys that mean nothing.
    pub invalid_sound: String,
    /// Played when the outermost menu is left.
    pub exit_sound: String,
    /// Played before a transfer.
    pub transfer_sound: String,
    /// Macro that repeats the keys for approval.
    pub confirm_macro: String,
    /// Key of approval.
    pub confirm_key: String,
    /// Times that approval is asked for.
    pub confirm_attempts: u32,
    /// Wait for the first key, ms.
    pub timeout_ms: u32,
    /// Wait between keys, ms.
    pub inter_digit_ms: u32,
    /// Most keys.
    pub digit_len: u32,
    /// Passes with keys that mean nothing until the menu is left.
    pub max_failures: u32,
    /// Passes without keys until the menu is left.
    pub max_timeouts: u32,
    /// `app arg`, then.
    pub exec_on_max_failures: String,
    /// `app arg`, then.
    pub exec_on_max_timeouts: String,
    /// Digits that must be entered first.
    pub pin: String,
    /// Asks for them.
    pub pin_file: String,
    /// Refuses them.
    pub bad_pin_file: String,
    /// What keys do.
    pub entries: Vec<MenuEntry>,
}

impl Default for Menu {
    fn default() -> Self {
        Self {
            name: String::new(),
            greet_long: String::new(),
            greet_short: String::new(),
            invalid_sound: String::new(),
            exit_sound: String::new(),
            transfer_sound: String::new(),
            confirm_macro: String::new(),
            confirm_key: String::new(),
            confirm_attempts: 3,
            timeout_ms: USUAL_TIMEOUT_MS,
            inter_digit_ms: USUAL_TIMEOUT_MS / 2,
            digit_len: 0,
            max_failures: 3,
            max_timeouts: 3,
            exec_on_max_failures: String::new(),
            exec_on_max_timeouts: String::new(),
            pin: String::new(),
            pin_file: "ivr/ivr-please_enter_pin_followed_by_pound.wav".to_owned(),
            bad_pin_file: "conference/conf-bad-pin.wav".to_owned(),
            entries: Vec::new(),
        }
    }
}

/// What keys do.
#[derive(Debug, Clone)]
pub struct MenuEntry {
    /// The keys.
    pub digits: MenuDigits,
    /// What they do.
    pub action: MenuAction,
    /// With what.
    pub param: String,
}

/// Keys of an entry.
#[derive(Debug, Clone)]
pub enum MenuDigits {
    /// These.
    Literal(String),
    /// `/…/`: those that match; `$1` stands in the parameter.
    Pattern(Arc<Pattern>),
}

/// What an entry does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MenuAction {
    /// Runs an application: `app arg`.
    Execute,
    /// Opens another menu.
    Sub,
    /// Plays a file.
    Play,
    /// Back to the menu above.
    Back,
    /// Back to the outermost menu.
    Top,
    /// Leaves all menus.
    Exit,
}

impl MenuAction {
    /// By its name.
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name.to_ascii_lowercase().as_str() {
            "menu-exec-app" | "menu-exec-api" => Self::Execute,
            "menu-sub" => Self::Sub,
            "menu-play-sound" => Self::Play,
            "menu-back" => Self::Back,
            "menu-top" => Self::Top,
            "menu-exit" => Self::Exit,
            _ => return None,
        })
    }
}

impl MenuDigits {
    /// `/regex/`, or the keys themselves.
    pub fn parse(text: &str) -> Self {
        match text.strip_prefix('/').and_then(|text| text.strip_suffix('/')) {
            Some(pattern) => Self::Pattern(Arc::new(Pattern::new(pattern))),
            None => Self::Literal(text.to_owned()),
        }
    }

    /// The parameter of the entry when these keys are its own.
    pub fn take(&self, keys: &str, param: &str) -> Option<String> {
        match self {
            Self::Literal(own) => (own == keys).then(|| param.to_owned()),
            Self::Pattern(pattern) => {
                let groups = pattern.groups(keys).ok().flatten()?;
                Some(groups.substitute(param, keys))
            }
        }
    }
}

/// Reads the menus of a document.
pub fn read_menus(root: &Element, diagnostics: &mut Vec<Diagnostic>) -> Vec<Menu> {
    let section = root.find("section", "name", "configuration");
    let conf = section.and_then(|section| section.find("configuration", "name", "ivr.conf"));
    let menus = conf.into_iter().flat_map(|conf| conf.named("menus")).flat_map(|menus| menus.named("menu"));
    menus.map(|menu| read_menu(menu, diagnostics)).collect()
}

fn read_menu(element: &Element, diagnostics: &mut Vec<Diagnostic>) -> Menu {
    let given = |name: &str| element.attribute(name).map(|value| value.text.trim().to_owned());
    let text = |name: &str| given(name).unwrap_or_default();
    let number = |name: &str| given(name).and_then(|text| text.parse::<u32>().ok()).filter(|number| *number > 0);
    let usual = Menu::default();
    let timeout_ms = number("timeout").unwrap_or(usual.timeout_ms);
    let max_failures = number("max-failures").unwrap_or(usual.max_failures);
    let mut menu = Menu {
        name: text("name"),
        greet_long: text("greet-long"),
        greet_short: text("greet-short"),
        invalid_sound: text("invalid-sound"),
        exit_sound: text("exit-sound"),
        transfer_sound: text("transfer-sound"),
        confirm_macro: text("confirm-macro"),
        confirm_key: text("confirm-key"),
        confirm_attempts: number("confirm-attempts").unwrap_or(usual.confirm_attempts),
        timeout_ms,
        inter_digit_ms: number("inter-digit-timeout").unwrap_or(timeout_ms / 2),
        digit_len: number("digit-len").unwrap_or(0),
        max_failures,
        max_timeouts: number("max-timeouts").unwrap_or(max_failures),
        exec_on_max_failures: text("exec-on-max-failures"),
        exec_on_max_timeouts: text("exec-on-max-timeouts"),
        pin: text("pin"),
        pin_file: given("pin-file").unwrap_or(usual.pin_file),
        bad_pin_file: given("bad-pin-file").unwrap_or(usual.bad_pin_file),
        entries: Vec::new(),
    };
    if menu.digit_len == 0 {
        let message = format!("the menu {} takes no keys: its digit-len is missing", menu.name);
        diagnostics
            .push(Diagnostic::warning("bad-param", element.span, message).remedy("write digit-len=\"1\" or more"));
    }
    for entry in element.named("entry") {
        let of = |name: &str| entry.attribute(name).map(|value| value.text.trim().to_owned()).unwrap_or_default();
        let mut tell = |message: String| diagnostics.push(Diagnostic::warning("bad-param", entry.span, message));
        let Some(action) = MenuAction::parse(&of("action")) else {
            tell(format!("the menu {} has an entry with the unknown action {}", menu.name, of("action")));
            continue;
        };
        let digits = MenuDigits::parse(&of("digits"));
        if let MenuDigits::Pattern(pattern) = &digits
            && let Err(error) = pattern.compile()
        {
            tell(format!("the menu {}: {error}", menu.name));
        }
        menu.entries.push(MenuEntry { digits, action, param: of("param") });
    }
    menu
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::xml::{self, NoFiles};
    use crate::words::model::Variables;

    #[test]
    fn menus_of_a_document() {
        let text = r#"<document>
<section name="configuration">
<configuration name="ivr.conf">
<menus>
<menu name="main" greet-long="a.wav" timeout="6000" digit-len="4" max-failures="2">
<entry digits="1" action="menu-exec-app" param="transfer 100 XML default"/>
<entry digits="/^(10\d\d)$/" action="menu-exec-app" param="transfer $1"/>
<entry digits="9" action="menu-dance"/>
</menu>
<menu name="bare"/>
</menus>
</configuration>
</section>
</document>
"#;
        let loaded = xml::load("root.xml", text.as_bytes(), Variables::new(), &NoFiles);
        let mut diagnostics = Vec::new();
        let menus = read_menus(&loaded.root.unwrap(), &mut diagnostics);
        let main = &menus[0];
        assert_eq!((main.timeout_ms, main.inter_digit_ms, main.max_failures, main.max_timeouts), (6000, 3000, 2, 2));
        assert_eq!(main.entries.len(), 2);
        let taken: Vec<_> = main.entries.iter().map(|entry| entry.digits.take("1042", &entry.param)).collect();
        assert_eq!(taken, [None, Some("transfer 1042".to_owned())]);
        assert_eq!(menus[1].timeout_ms, 10_000);
        assert_eq!(diagnostics.len(), 2, "the unknown action and the menu without keys: {diagnostics:?}");
    }
}
