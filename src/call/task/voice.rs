//! What is said by name: `say` and phrase macros become the files of a playlist.

use std::path::Path;

use jiff::Zoned;

use super::Call;
use super::playlist::{DigitRule, Item, Played, Playlist};
use crate::call::app;
use crate::engine::config::{Language, PhraseAction};
use crate::words::model::truthy;
use crate::words::say::{SayMethod, SayType, say};

/// Macros within macros.
const DEEPEST: usize = 12;

/// Steps of one phrase.
const MOST_STEPS: usize = 512;

/// The format of the words that are recorded.
const SUFFIX: &str = ".wav";

/// A macro that is being put together.
struct Phrase {
    items: Vec<Item>,
    /// A step failed, or said that the macro ends.
    over: bool,
    failed: bool,
}

impl Call {
    /// What a file string plays.
    pub(super) async fn playlist(&mut self, text: &str, start_sample: u64) -> Playlist {
        let Some(rest) = text.strip_prefix("phrase:") else { return Playlist::new(text, start_sample) };
        let (name, data) = rest.split_once(':').unwrap_or((rest, ""));
        self.phrase_list(name, data, None).await
    }

    /// A macro as a playlist; an unknown one plays nothing.
    pub(super) async fn phrase_list(&mut self, name: &str, data: &str, language: Option<&str>) -> Playlist {
        let language = language.map(str::to_owned).filter(|language| !language.is_empty());
        let language = language.or_else(|| self.variable("language")).or_else(|| self.variable("default_language"));
        let language = language.unwrap_or_else(|| "en".to_owned());
        let snapshot = self.snapshot.clone();
        let Some(found) = snapshot.voice.phrases.language(&language) else {
            let why = format!("Can't find macro {name}: there are no phrases in the language {language}");
            return Playlist::nothing(why);
        };
        if found.find(name).is_none() {
            return Playlist::nothing(format!(
                "Can't find macro {name}: the language {language} has none of that name"
            ));
        }
        let mut phrase = Phrase { items: Vec::new(), over: false, failed: false };
        self.add_phrase(found, name, data, &mut phrase, 0).await;
        if phrase.failed && phrase.items.is_empty() {
            return Playlist::nothing(format!("the phrase {name} cannot be played"));
        }
        Playlist::of(phrase.items)
    }

    /// Adds the steps of a macro.
    async fn add_phrase(&mut self, language: &Language, name: &str, data: &str, phrase: &mut Phrase, depth: usize) {
        let Some(found) = language.find(name).filter(|_| depth < DEEPEST) else {
            tracing::error!(phrase = name, "there is no such phrase, or it contains itself");
            (phrase.over, phrase.failed) = (true, true);
            return;
        };
        for input in &found.inputs {
            let subject = match &input.field {
                Some(field) => self.expand_text(field).await,
                None => data.to_owned(),
            };
            let groups = input.pattern.groups(&subject).ok().flatten();
            let actions = if groups.is_some() { &input.matched } else { &input.unmatched };
            for action in actions {
                if phrase.over || phrase.items.len() >= MOST_STEPS {
                    return;
                }
                let fill =
                    |text: &str| groups.as_ref().map_or(text.to_owned(), |groups| groups.substitute(text, &subject));
                if !phrase.items.is_empty() && found.pause_ms > 0 && !matches!(action, PhraseAction::Break) {
                    phrase.items.push(Item::Pause(found.pause_ms));
                }
                self.add_step(language, action, &fill, phrase, depth).await;
            }
            if groups.is_some() && input.stops {
                return;
            }
        }
    }

    async fn add_step(
        &mut self,
        language: &Language,
        action: &PhraseAction,
        fill: &(dyn Fn(&str) -> String + Send + Sync),
        phrase: &mut Phrase,
        depth: usize,
    ) {
        match action {
            PhraseAction::Break => phrase.over = true,
            PhraseAction::Play(text) => {
                let text = self.expand_text(&fill(text)).await;
                phrase.items.push(Item::File(self.below(language, &text)));
            }
            PhraseAction::Say { text, kind, method } => {
                let text = self.expand_text(&fill(text)).await;
                match self.said(&language.say_module, kind, method, &text) {
                    Ok(files) => {
                        phrase.items.extend(files.iter().map(|file| Item::File(self.below(language, file))));
                    }
                    Err(why) => {
                        tracing::error!(why, "say");
                        (phrase.over, phrase.failed) = (true, true);
                    }
                }
            }
            PhraseAction::Execute { application, data } => {
                let data = fill(data);
                if application.eq_ignore_ascii_case("sleep") {
                    let ms = self.expand_text(&data).await;
                    phrase.items.push(Item::Pause(ms.trim().parse().unwrap_or(0)));
                } else if app::find(application).is_some() {
                    phrase.items.push(Item::Run { application: application.clone(), data });
                } else {
                    tracing::error!(application, "phrase: there is no such application");
                    (phrase.over, phrase.failed) = (true, true);
                }
            }
            PhraseAction::Phrase { name, data } => {
                let (name, data) = (fill(name), self.expand_text(&fill(data)).await);
                Box::pin(self.add_phrase(language, &name, &data, phrase, depth + 1)).await;
            }
            PhraseAction::Speak(_) => {
                tracing::error!("phrase: there is no speech engine");
                (phrase.over, phrase.failed) = (true, true);
            }
        }
    }

    /// A file of a language lies below its prefix, unless the channel's is enforced.
    fn below(&self, language: &Language, name: &str) -> String {
        let plain = !name.contains("://") && !Path::new(name).is_absolute() && !name.starts_with('{');
        let enforced = self.a.get("sound_prefix_enforced").is_some_and(truthy);
        if plain && !enforced && !language.sound_prefix.is_empty() {
            return format!("{}/{name}", language.sound_prefix);
        }
        name.to_owned()
    }

    /// The files that say something.
    pub(super) fn said(&self, module: &str, kind: &str, method: &str, text: &str) -> Result<Vec<String>, String> {
        let language = module.split([':', '.']).next().unwrap_or_default();
        if !language.eq_ignore_ascii_case("en") {
            return Err(format!("there are no rules for the language {language}: en is all there is"));
        }
        let kind = SayType::parse(kind).map_err(|error| error.to_string())?;
        let method = SayMethod::parse(method).map_err(|error| error.to_string())?;
        let files = say(kind, method, text, &self.local_now()).map_err(|error| error.to_string())?;
        Ok(files.into_iter().map(|file| file + SUFFIX).collect())
    }

    /// The present instant in the zone of the channel.
    fn local_now(&self) -> Zoned {
        let us = i64::try_from(self.now_us()).unwrap_or(i64::MAX);
        let now = jiff::Timestamp::from_microsecond(us).unwrap_or_default();
        let zone = self.variable("timezone").and_then(|name| self.snapshot.zones.named(&name));
        now.to_zoned(zone.unwrap_or_else(|| self.snapshot.zones.server().clone()))
    }

    /// Says something to the caller; false: it cannot be said.
    pub async fn say(&mut self, module: &str, kind: &str, method: &str, text: &str, rule: DigitRule<'_>) -> Played {
        let mut list = self.say_list(module, kind, method, text);
        if !self.pre_answer().await || !self.executing() {
            return Played::Interrupted;
        }
        self.broken = false;
        self.play_list(&mut list, rule).await
    }

    pub(super) fn say_list(&self, module: &str, kind: &str, method: &str, text: &str) -> Playlist {
        match self.said(module, kind, method, text) {
            Ok(files) => Playlist::of(files.into_iter().map(Item::File).collect()),
            Err(why) => {
                tracing::error!(why, "say");
                Playlist::nothing(why)
            }
        }
    }

    /// Plays a phrase to the caller.
    pub async fn phrase(&mut self, name: &str, data: &str, rule: DigitRule<'_>) -> Played {
        if !self.pre_answer().await || !self.executing() {
            return Played::Interrupted;
        }
        self.broken = false;
        let mut list = self.phrase_list(name, data, None).await;
        self.play_list(&mut list, rule).await
    }
}
