//! Menus: `ivr` and `freeswitch.IVRMenu`. A greeting, keys, and what they do, until the caller leaves or gives up.

use std::sync::Arc;

use super::{Call, DigitRule};
use crate::call::control::ReadSpec;
use crate::call::event::EventName;
use crate::engine::config::{Menu, MenuAction};
use crate::words::expand::Template;

/// Menus within menus, as in FreeSWITCH.
const DEEPEST: usize = 12;

/// Tries for the PIN, as in FreeSWITCH.
const PIN_TRIES: u32 = 3;

/// Finds the menus that entries name.
pub(super) type Menus<'m> = dyn Fn(&str) -> Option<Arc<Menu>> + Send + Sync + 'm;

/// How a menu was left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Left {
    /// Back to the one above.
    Back,
    /// To the outermost.
    Top,
    /// Out of all; also when the caller has gone or was sent elsewhere.
    All,
}

impl Call {
    /// Runs a menu until it is left.
    pub async fn ivr(&mut self, name: &str, menus: &(dyn Fn(&str) -> Option<Arc<Menu>> + Send + Sync)) {
        let Some(menu) = menus(name) else {
            tracing::error!(menu = name, "ivr: there is no such menu");
            return;
        };
        self.a.variables.set("ivr_menu_status", "success");
        while self.menu(&menu, menus, 0).await == Left::Top && self.executing() {}
        if self.executing() && !menu.exit_sound.is_empty() {
            self.play(&menu.exit_sound, 0, DigitRule::Keep).await;
        }
    }

    async fn menu(&mut self, menu: &Menu, menus: &Menus<'_>, depth: usize) -> Left {
        self.tell_menu("menu::enter", menu);
        let left = self.run_menu(menu, menus, depth).await;
        self.tell_menu("menu::exit", menu);
        left
    }

    async fn run_menu(&mut self, menu: &Menu, menus: &Menus<'_>, depth: usize) -> Left {
        if !menu.pin.is_empty() && !self.knows_pin(menu).await {
            return Left::Back;
        }
        let (mut failures, mut timeouts, mut first) = (0, 0, true);
        while self.executing() {
            for (reached, status, exec) in [
                (failures >= menu.max_failures, "failure", &menu.exec_on_max_failures),
                (timeouts >= menu.max_timeouts, "timeout", &menu.exec_on_max_timeouts),
            ] {
                if reached {
                    self.a.variables.set("ivr_menu_status", status);
                    self.menu_application(exec).await;
                    return Left::Back;
                }
            }
            let greeting = if first || menu.greet_short.is_empty() { &menu.greet_long } else { &menu.greet_short };
            first = false;
            let keys = self.menu_keys(menu, greeting).await;
            if !self.executing() {
                break;
            }
            if keys.is_empty() {
                timeouts += 1;
                continue;
            }
            if !menu.confirm_macro.is_empty() && !menu.confirm_key.is_empty() && !self.is_confirmed(menu, &keys).await {
                continue;
            }
            let mut matched = false;
            for entry in &menu.entries {
                let Some(param) = entry.digits.take(&keys, &entry.param) else { continue };
                matched = true;
                let left = match entry.action {
                    MenuAction::Execute => {
                        if param.trim_start().starts_with("transfer") && !menu.transfer_sound.is_empty() {
                            self.play(&menu.transfer_sound, 0, DigitRule::Keep).await;
                        }
                        self.menu_application(&param).await;
                        None
                    }
                    MenuAction::Play => {
                        self.play(&param, 0, DigitRule::Barge).await;
                        None
                    }
                    MenuAction::Sub => self.sub_menu(&param, menus, depth).await,
                    MenuAction::Back => Some(Left::Back),
                    MenuAction::Top => Some(Left::Top),
                    MenuAction::Exit => Some(Left::All),
                };
                if let Some(left) = left {
                    return left;
                }
                if !self.executing() {
                    return Left::All;
                }
            }
            if matched {
                failures = 0;
            } else {
                failures += 1;
                if !menu.invalid_sound.is_empty() {
                    self.play(&menu.invalid_sound, 0, DigitRule::Barge).await;
                }
            }
        }
        Left::All
    }

    async fn sub_menu(&mut self, name: &str, menus: &Menus<'_>, depth: usize) -> Option<Left> {
        let Some(sub) = menus(name).filter(|_| depth + 1 < DEEPEST) else {
            tracing::error!(menu = name, "there is no such menu, or too many lie within each other");
            return None;
        };
        match Box::pin(self.menu(&sub, menus, depth + 1)).await {
            Left::Back => None,
            left => Some(left),
        }
    }

    /// `app arg` of a menu.
    async fn menu_application(&mut self, text: &str) {
        let (name, data) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
        if !name.is_empty() {
            Box::pin(self.execute_named(name, &Template::parse(data))).await;
        }
    }

    async fn menu_keys(&mut self, menu: &Menu, greeting: &str) -> String {
        let terminators = self.variable("ivr_menu_terminator").unwrap_or_else(|| "#".to_owned());
        if menu.digit_len == 0 {
            self.play(greeting, 0, DigitRule::Barge).await;
            self.a.digits.clear();
            return String::new();
        }
        let spec = ReadSpec {
            min: 1,
            max: menu.digit_len,
            prompt: greeting.to_owned(),
            timeout_ms: menu.timeout_ms,
            terminators,
            digit_timeout_ms: menu.inter_digit_ms,
        };
        self.read(&spec).await
    }

    /// Repeats the keys and asks for approval.
    async fn is_confirmed(&mut self, menu: &Menu, keys: &str) -> bool {
        for _ in 0..menu.confirm_attempts.max(1) {
            let spec = ReadSpec {
                min: 1,
                max: 1,
                prompt: format!("phrase:{}:{keys}", menu.confirm_macro),
                timeout_ms: menu.timeout_ms,
                // The key of approval must reach us even when it is the usual terminator.
                terminators: String::new(),
                digit_timeout_ms: menu.inter_digit_ms,
            };
            let key = self.read(&spec).await;
            if !self.executing() {
                return false;
            }
            if !key.is_empty() {
                return key == menu.confirm_key;
            }
        }
        false
    }

    async fn knows_pin(&mut self, menu: &Menu) -> bool {
        for _ in 0..PIN_TRIES {
            let spec = ReadSpec {
                min: 1,
                max: u32::try_from(menu.pin.len()).unwrap_or(u32::MAX).saturating_add(1),
                prompt: menu.pin_file.clone(),
                timeout_ms: menu.timeout_ms,
                terminators: "#".to_owned(),
                digit_timeout_ms: menu.inter_digit_ms,
            };
            let pin = self.read(&spec).await;
            if pin == menu.pin {
                return true;
            }
            if !self.executing() {
                return false;
            }
            self.play(&menu.bad_pin_file, 0, DigitRule::Barge).await;
        }
        false
    }

    fn tell_menu(&mut self, what: &str, menu: &Menu) {
        let events = &self.services.events;
        if events.wants(EventName::CUSTOM, Some(what)) {
            let mut event = events.make(EventName::CUSTOM, Some(what));
            event.add("Menu-Name", &menu.name);
            event.add("Unique-ID", &self.a.uuid);
            events.publish(event);
        }
    }
}
