//! Keys within a bridge that run applications (`bind_meta_app`): the meta key, `*` by default, and one more within 5 s.

use std::time::Duration;

use tokio::time::Instant;

use super::Call;
use crate::call::app;
use crate::call::leg::LegId;
use crate::words::expand::Template;

/// Bindings of one call.
const MOST_BINDINGS: usize = 32;
/// Time between the meta key and the other.
const PATIENCE: Duration = Duration::from_secs(5);

/// One binding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetaApp {
    key: char,
    /// The caller's keys count; the called leg's do.
    from_a: bool,
    from_b: bool,
    runs: Runs,
    /// It goes with its first use.
    once: bool,
    app: String,
    args: String,
}

/// On which leg the application runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Runs {
    OnA,
    OnB,
    OnSame,
    OnOther,
}

impl MetaApp {
    /// `<key> <a|b|ab> <flags> <app>[::<args>]`; none: that is not what was written.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.trim().splitn(4, ' ');
        let (key, listen, flags, call) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?.trim());
        let mut keys = key.chars();
        let key = keys.next().filter(|key| "0123456789ABCD".contains(key.to_ascii_uppercase()))?;
        let (app, args) = call.split_once("::").unwrap_or((call, ""));
        if keys.next().is_some() || app.is_empty() {
            return None;
        }
        let has = |text: &str, letter: char| text.to_ascii_lowercase().contains(letter);
        let runs = match () {
            () if has(flags, 'o') => Runs::OnOther,
            () if has(flags, 'b') => Runs::OnB,
            () if has(flags, 'a') => Runs::OnA,
            () => Runs::OnSame,
        };
        let (app, args) = (app.to_owned(), args.to_owned());
        let key = key.to_ascii_uppercase();
        Some(Self { key, from_a: has(listen, 'a'), from_b: has(listen, 'b'), runs, once: has(flags, '1'), app, args })
    }
}

/// Bindings, and the meta keys that were pressed and wait for the other.
#[derive(Debug, Default)]
pub(super) struct MetaKeys {
    bindings: Vec<MetaApp>,
    pressed_by_a: Option<Instant>,
    pressed_by_b: Option<Instant>,
}

impl MetaKeys {
    /// What a digit comes to.
    fn press(&mut self, by_a: bool, digit: char, meta: char, now: Instant) -> Option<MetaApp> {
        let pressed = if by_a { &mut self.pressed_by_a } else { &mut self.pressed_by_b };
        let waited = pressed.take().is_some_and(|at| now.duration_since(at) <= PATIENCE);
        if !waited {
            *pressed = (digit == meta).then_some(now);
            return None;
        }
        let listens = |binding: &MetaApp| binding.key == digit && if by_a { binding.from_a } else { binding.from_b };
        let at = self.bindings.iter().position(listens)?;
        let binding = self.bindings.get(at).cloned();
        if binding.as_ref().is_some_and(|binding| binding.once) {
            self.bindings.remove(at);
        }
        binding
    }
}

impl Call {
    /// Adds a binding; a key that was bound is bound anew.
    pub fn bind_meta_app(&mut self, binding: MetaApp) {
        self.meta.bindings.retain(|known| known.key != binding.key);
        if self.meta.bindings.len() < MOST_BINDINGS {
            self.meta.bindings.push(binding);
        }
    }

    /// Takes back one binding, or all.
    pub fn unbind_meta_app(&mut self, key: Option<char>) {
        self.meta.bindings.retain(|known| key.is_some_and(|key| !known.key.eq_ignore_ascii_case(&key)));
    }

    /// Runs an application on the leg in front. One that takes its time has the other side wait with music.
    async fn run_meta_app(&mut self, app: &str, args: String) {
        let takes_time = app::find(app)
            .is_some_and(|app| app.name == "execute_extension" || (app.media && matches!(app.run, app::Run::Wait(_))));
        let partner = self.bridge_partner().filter(|_| takes_time);
        let held = partner.is_some_and(|partner| self.put_on_hold(partner));
        Box::pin(self.execute_named(app, &Template::parse(args))).await;
        if let Some(partner) = partner.filter(|_| held) {
            self.take_off_hold();
            if self.executing() && self.bridge_partner() == Some(partner) {
                self.join_audio(partner);
            }
        }
    }

    /// Looks at the digits that either side of a bridge has pressed, and runs what they name; true when anything ran.
    /// `bridge_terminate_key` has no say while there are bindings.
    pub(super) async fn meta_keys(&mut self, id: LegId) -> bool {
        if self.meta.bindings.is_empty() {
            return false;
        }
        let meta = self.a.get("bind_meta_key").and_then(|text| text.chars().next()).unwrap_or('*');
        let Some(callee) = self.callees.iter_mut().find(|callee| callee.id == id) else { return false };
        let of_a = self.a.digits.drain(..).map(|digit| (true, digit.key));
        let digits: Vec<(bool, char)> =
            of_a.chain(callee.channel.digits.drain(..).map(|digit| (false, digit.key))).collect();
        let now = Instant::now();
        let mut ran = false;
        for (by_a, digit) in digits {
            let Some(MetaApp { runs, app, args, .. }) = self.meta.press(by_a, digit, meta, now) else { continue };
            ran = true;
            let on_a = match runs {
                Runs::OnA => true,
                Runs::OnB => false,
                Runs::OnSame => by_a,
                Runs::OnOther => !by_a,
            };
            if on_a {
                self.run_meta_app(&app, args).await;
            } else {
                self.in_front(id, true, async |call: &mut Self| call.run_meta_app(&app, args).await).await;
            }
        }
        ran
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bindings_are_read() {
        let binding = MetaApp::parse("1 ab o1 hangup::CALL_REJECTED").unwrap();
        assert!(binding.from_a && binding.from_b && binding.once && binding.runs == Runs::OnOther);
        assert_eq!((binding.key, &*binding.app, &*binding.args), ('1', "hangup", "CALL_REJECTED"));
        assert_eq!(MetaApp::parse("a b s park").map(|binding| (binding.key, binding.runs)), Some(('A', Runs::OnSame)));
        for wrong in ["", "1 a s", "12 a s park", "* a s park", "1 a s ::x"] {
            assert_eq!(MetaApp::parse(wrong), None, "{wrong}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn two_keys_in_time() {
        let binding = MetaApp::parse("1 a s hangup").unwrap();
        let mut keys = MetaKeys { bindings: vec![binding.clone()], ..MetaKeys::default() };
        let now = Instant::now();
        assert_eq!(keys.press(true, '1', '*', now), None, "no meta key");
        assert_eq!(keys.press(true, '*', '*', now), None);
        assert_eq!(keys.press(false, '1', '*', now), None, "the other side's");
        assert_eq!(keys.press(true, '1', '*', now + PATIENCE), Some(binding));
        assert_eq!(keys.press(true, '*', '*', now), None);
        assert_eq!(keys.press(true, '1', '*', now + PATIENCE * 2), None, "too late");
    }
}
