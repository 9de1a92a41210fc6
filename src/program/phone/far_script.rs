//! What a scripted far end is told to do when it is called.

use std::time::Duration;

use super::g711::Codec;
use super::sound::Sound;

/// One step of a script.
#[derive(Debug, Clone)]
pub enum FarStep {
    /// Waits, still minding CANCEL and BYE.
    Wait(Duration),
    /// Sends a response to the INVITE.
    Respond(FarResponse),
    /// Changes what is said.
    Say(Sound),
    /// Sends digits as telephone events.
    Digits(String),
    /// Sends BYE with these headers.
    HangUp(Vec<(String, String)>),
}

/// A response a script sends.
#[derive(Debug, Clone)]
pub struct FarResponse {
    /// The status.
    pub status: u16,
    /// The phrase.
    pub phrase: String,
    /// Further headers (`Reason`, `Contact` of a redirect …).
    pub headers: Vec<(String, String)>,
    /// Whether it carries SDP: the answer to the INVITE's offer, or an offer when there was none.
    pub sdp: bool,
}

impl FarResponse {
    /// A response with the phrase of its code.
    pub fn new(status: u16) -> Self {
        let phrase = crate::words::model::phrase(status).to_owned();
        Self { status, phrase, headers: Vec::new(), sdp: (200..300).contains(&status) }
    }

    /// With a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With SDP.
    #[must_use]
    pub fn with_sdp(mut self) -> Self {
        self.sdp = true;
        self
    }
}

/// What the far end does with calls to one user.
#[derive(Debug, Clone, Default)]
pub struct FarScript {
    /// In order. After the last step an answered call waits for the other side's BYE, an unanswered one rings on.
    pub steps: Vec<FarStep>,
    /// Codecs it speaks; empty: PCMU and PCMA.
    pub codecs: Vec<Codec>,
    /// Says nothing at all: not even a provisional response to the INVITE.
    pub dead: bool,
}

impl FarScript {
    fn of(steps: Vec<FarStep>) -> Self {
        Self { steps, ..Self::default() }
    }

    /// Rings, answers after `ring`, says `sound`, and stays until the other side hangs up.
    pub fn answer(ring: Duration, sound: Sound) -> Self {
        Self::of(vec![
            FarStep::Respond(FarResponse::new(180)),
            FarStep::Wait(ring),
            FarStep::Say(sound),
            FarStep::Respond(FarResponse::new(200)),
        ])
    }

    /// As [`Self::answer`], and hangs up after `talk`.
    pub fn answer_then_bye(ring: Duration, sound: Sound, talk: Duration) -> Self {
        Self::answer(ring, sound).then(FarStep::Wait(talk)).then(FarStep::HangUp(Vec::new()))
    }

    /// Refuses at once.
    pub fn refuse(status: u16) -> Self {
        Self::of(vec![FarStep::Respond(FarResponse::new(status))])
    }

    /// Refuses at once with a Q.850 cause in a Reason header.
    pub fn refuse_because(status: u16, q850: u32, text: &str) -> Self {
        let reason = format!("Q.850;cause={q850};text=\"{text}\"");
        Self::of(vec![FarStep::Respond(FarResponse::new(status).header("Reason", &reason))])
    }

    /// Rings, then refuses.
    pub fn ring_then_refuse(ring: Duration, status: u16) -> Self {
        Self::of(vec![
            FarStep::Respond(FarResponse::new(180)),
            FarStep::Wait(ring),
            FarStep::Respond(FarResponse::new(status)),
        ])
    }

    /// Rings until somebody gives up.
    pub fn ring() -> Self {
        Self::of(vec![FarStep::Respond(FarResponse::new(180))])
    }

    /// Early media for `talk`, then a refusal.
    pub fn early_then_refuse(sound: Sound, talk: Duration, status: u16) -> Self {
        Self::of(vec![
            FarStep::Say(sound),
            FarStep::Respond(FarResponse::new(183).with_sdp()),
            FarStep::Wait(talk),
            FarStep::Respond(FarResponse::new(status)),
        ])
    }

    /// Redirects to a Contact.
    pub fn redirect(status: u16, contact: &str) -> Self {
        Self::of(vec![FarStep::Respond(FarResponse::new(status).header("Contact", contact))])
    }

    /// Never says a word.
    pub fn dead() -> Self {
        Self { dead: true, ..Self::default() }
    }

    /// With a further step.
    #[must_use]
    pub fn then(mut self, step: FarStep) -> Self {
        self.steps.push(step);
        self
    }

    /// With other codecs.
    #[must_use]
    pub fn speaking(mut self, codecs: &[Codec]) -> Self {
        self.codecs = codecs.to_vec();
        self
    }
}
