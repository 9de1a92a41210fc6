//! Phrase macros: `<section name="languages">`, what `phrase:` and the application `phrase` play.

use std::sync::Arc;

use crate::engine::xml::Element;
use crate::words::model::truthy;
use crate::words::pattern::Pattern;
use crate::words::text::Diagnostic;

/// Pause between the actions of a macro that names none, ms.
const USUAL_PAUSE_MS: u64 = 100;

/// The macros of all languages.
#[derive(Debug, Clone, Default)]
pub struct Phrases {
    languages: Vec<Language>,
}

/// A language.
#[derive(Debug, Clone)]
pub struct Language {
    /// `en`.
    pub name: String,
    /// Rules by which `say` actions are said.
    pub say_module: String,
    /// Where its files lie; empty: where those of the channel do.
    pub sound_prefix: String,
    macros: Vec<Macro>,
}

/// A macro.
#[derive(Debug, Clone)]
pub struct Macro {
    name: String,
    /// Name of the `macros` element that it stands in.
    group: String,
    /// Pause between its actions, ms.
    pub pause_ms: u64,
    /// What it looks at.
    pub inputs: Vec<Input>,
}

/// One look at the data.
#[derive(Debug, Clone)]
pub struct Input {
    /// Its text is looked at, expanded; none: the data.
    pub field: Option<String>,
    /// What it is compared with.
    pub pattern: Arc<Pattern>,
    /// After a match no more inputs are looked at.
    pub stops: bool,
    /// What is done then.
    pub matched: Vec<PhraseAction>,
    /// What is done else.
    pub unmatched: Vec<PhraseAction>,
}

/// One step of a macro. Texts hold `$1` and `${variable}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PhraseAction {
    /// Plays a file string.
    Play(String),
    /// Says a text.
    Say {
        /// Text.
        text: String,
        /// Type.
        kind: String,
        /// Method.
        method: String,
    },
    /// Runs an application.
    Execute {
        /// Its name.
        application: String,
        /// Its data.
        data: String,
    },
    /// Another macro.
    Phrase {
        /// Its name.
        name: String,
        /// Its data.
        data: String,
    },
    /// Speech from text.
    Speak(String),
    /// Ends the macro.
    Break,
}

impl Phrases {
    /// Reads the section; what cannot be understood is left out and told.
    pub fn read(root: &Element, diagnostics: &mut Vec<Diagnostic>) -> Self {
        let sections = ["languages", "phrases"].into_iter().filter_map(|name| root.find("section", "name", name));
        let languages = sections.flat_map(|section| {
            section
                .named("language")
                .chain(section.named("languages").flat_map(|languages| languages.named("language")))
        });
        Self { languages: languages.map(|language| read_language(language, diagnostics)).collect() }
    }

    /// Whether any language has a macro of this name, or `name@group`.
    pub fn has_macro(&self, name: &str) -> bool {
        self.languages.iter().any(|language| language.find(name).is_some())
    }

    /// A language by name.
    pub fn language(&self, name: &str) -> Option<&Language> {
        self.languages.iter().find(|language| language.name.eq_ignore_ascii_case(name))
    }
}

impl Language {
    /// A macro by `name` or `name@group`.
    pub fn find(&self, name: &str) -> Option<&Macro> {
        let (name, group) = name.split_once('@').map_or((name, None), |(name, group)| (name, Some(group)));
        self.macros.iter().find(|one| one.name == name && group.is_none_or(|group| one.group == group))
    }
}

fn text_of(element: &Element, name: &str) -> String {
    element.attribute(name).map(|value| value.text.clone()).unwrap_or_default()
}

fn read_language(element: &Element, diagnostics: &mut Vec<Diagnostic>) -> Language {
    let name = text_of(element, "name");
    let mut macros = Vec::new();
    // The old form has the macros right below the language.
    let groups = element
        .named("phrases")
        .flat_map(|phrases| phrases.named("macros"))
        .chain(element.named("macros"))
        .map(|group| (text_of(group, "name"), group));
    for (group, one) in groups.flat_map(|(name, group)| group.named("macro").map(move |one| (name.clone(), one))) {
        let pause_ms = text_of(one, "pause").trim().parse().unwrap_or(USUAL_PAUSE_MS);
        let inputs = one.named("input").map(|input| read_input(input, diagnostics)).collect();
        macros.push(Macro { name: text_of(one, "name"), group, pause_ms, inputs });
    }
    let say_module = Some(text_of(element, "say-module")).filter(|module| !module.is_empty());
    let sound_prefix = Some(text_of(element, "sound-prefix")).filter(|prefix| !prefix.is_empty());
    Language {
        say_module: say_module.unwrap_or_else(|| name.clone()),
        sound_prefix: sound_prefix.unwrap_or_else(|| text_of(element, "sound-path")),
        name,
        macros,
    }
}

fn read_input(element: &Element, diagnostics: &mut Vec<Diagnostic>) -> Input {
    let pattern = element.attribute("pattern");
    let compiled = Arc::new(Pattern::new(pattern.map_or(".*", |pattern| &pattern.text)));
    if let (Err(error), Some(pattern)) = (compiled.compile(), pattern) {
        diagnostics.push(Diagnostic::warning("bad-pattern", pattern.span, format!("phrase: {error}")));
    }
    let mut actions = |name| {
        let actions = element.named(name).flat_map(|part| part.named("action"));
        actions.filter_map(|action| read_action(action, diagnostics)).collect()
    };
    Input {
        field: element.attribute("field").map(|field| field.text.clone()),
        pattern: compiled,
        matched: actions("match"),
        unmatched: actions("nomatch"),
        stops: element.attribute("break_on_match").is_some_and(|value| truthy(&value.text)),
    }
}

fn read_action(element: &Element, diagnostics: &mut Vec<Diagnostic>) -> Option<PhraseAction> {
    let function = text_of(element, "function");
    let data = text_of(element, "data");
    Some(match function.to_ascii_lowercase().as_str() {
        "play-file" => PhraseAction::Play(data),
        "say" => PhraseAction::Say { text: data, kind: text_of(element, "type"), method: text_of(element, "method") },
        "execute" => {
            let (application, data) = data.split_once('(').unwrap_or((&data, ""));
            let data = data.strip_suffix(')').unwrap_or(data);
            PhraseAction::Execute { application: application.trim().to_owned(), data: data.to_owned() }
        }
        "phrase" => PhraseAction::Phrase { name: text_of(element, "phrase"), data },
        "speak-text" => PhraseAction::Speak(data),
        "break" => PhraseAction::Break,
        _ => {
            let message = format!("phrase: there is no function {function}");
            diagnostics.push(Diagnostic::warning("bad-param", element.span, message));
            return None;
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::xml::{self, NoFiles};
    use crate::words::model::Variables;

    #[test]
    fn a_language_with_macros() {
        let text = r#"<document>
<section name="languages">
<language name="en" say-module="en" sound-prefix="/s/en">
<phrases>
<macros name="vm">
<macro name="count" pause="200">
<input pattern="^(1):(.*)$" break_on_match="true">
<match>
<action function="play-file" data="one.wav"/>
<action function="say" data="$1" type="items" method="pronounced"/>
<action function="execute" data="sleep(100)"/>
<action function="phrase" phrase="other" data="$2"/>
<action function="break"/>
</match>
<nomatch>
<action function="sing" data="x"/>
</nomatch>
</input>
<input field="${x}" pattern="("/>
</macro>
</macros>
</phrases>
</language>
</section>
</document>
"#;
        let loaded = xml::load("root.xml", text.as_bytes(), Variables::new(), &NoFiles);
        let mut diagnostics = Vec::new();
        let phrases = Phrases::read(&loaded.root.unwrap(), &mut diagnostics);
        let language = phrases.language("EN").unwrap();
        assert_eq!((&*language.say_module, &*language.sound_prefix), ("en", "/s/en"));
        for name in ["count", "count@vm"] {
            assert!(language.find(name).is_some());
        }
        assert!(language.find("count@x").is_none() && phrases.language("de").is_none());
        let count = language.find("count").unwrap();
        assert_eq!((count.pause_ms, count.inputs.len()), (200, 2));
        let input = &count.inputs[0];
        assert!(input.stops && input.unmatched.is_empty() && input.matched.len() == 5);
        assert_eq!(input.matched[2], PhraseAction::Execute { application: "sleep".into(), data: "100".into() });
        assert_eq!(count.inputs[1].field.as_deref(), Some("${x}"));
        let messages: Vec<_> = diagnostics.iter().map(|found| &*found.message).collect();
        assert!(messages[0].contains("no function sing") && messages[1].starts_with("phrase: "), "{messages:?}");
    }
}
