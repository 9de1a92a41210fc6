//! `group_confirm_key`: a called leg that answers must dial a key before it gets the call.

use std::time::Duration;

use tokio::time::Instant;

use super::{Call, DigitRule};
use crate::call::leg::LegId;
use crate::words::expand::Template;

/// Time for the key after each prompt, ms.
const READ_TIMEOUT_MS: u32 = 5000;
/// Longest time a leg is asked.
const LONGEST: Duration = Duration::from_mins(1);

impl Call {
    /// Whether a leg that answered takes the call. Other legs wait meanwhile.
    pub(super) async fn confirms(&mut self, id: LegId) -> bool {
        let key = self.callee(id).and_then(|callee| callee.channel.get("group_confirm_key").map(str::to_owned));
        let Some(key) = key.filter(|key| !key.is_empty()) else { return true };
        let mut confirmed = false;
        self.in_front(id, true, async |call: &mut Self| confirmed = call.confirmed(&key).await).await;
        confirmed
    }

    /// Asks the leg in front. `exec` as key: the application in `group_confirm_file` decides by leaving the leg up.
    async fn confirmed(&mut self, key: &str) -> bool {
        let named = |name: &str| self.a.get(name).map(str::to_owned).filter(|text| text != "undef");
        let (file, wrong) = (named("group_confirm_file"), named("group_confirm_error_file"));
        if key.eq_ignore_ascii_case("exec") {
            let (app, data) =
                file.as_deref().map(|file| file.split_once(' ').unwrap_or((file, ""))).unwrap_or_default();
            self.execute_named(app, &Template::parse(data)).await;
            return self.a.up();
        }
        let read = self.a.get("group_confirm_read_timeout").and_then(|text| text.parse().ok());
        let read = read.filter(|ms| *ms > 0).unwrap_or(READ_TIMEOUT_MS);
        let length = u32::try_from(key.chars().count()).unwrap_or(u32::MAX);
        let until = Instant::now() + LONGEST;
        while self.executing() && Instant::now() < until {
            if let Some(file) = &file {
                self.play(file, 0, DigitRule::Barge).await;
            }
            let dialled = self.get_digits(length, "", read, 0, 0).await.digits;
            if dialled == key {
                return true;
            }
            if let (Some(wrong), false) = (&wrong, dialled.is_empty()) {
                self.play(wrong, 0, DigitRule::Barge).await;
            }
        }
        false
    }
}
