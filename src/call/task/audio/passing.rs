//! Media that is not ours: descriptions of one side are passed to the other.
//!
//! `bypass_media`: as they are, audio flows between the two directly. `proxy_media`: with our address in them; packets go
//! through a port on either side and are not looked into. Both hold while the legs are bridged; when one of them needs
//! audio of ours afterwards, it is asked by a new offer (`media_back`).

use std::net::SocketAddr;

use bytes::Bytes;

use super::{Call, LegAudio};
use crate::call::leg::{EventSink, Headers, LegCommand, LegId, RequestToken};
use crate::call::media::{MediaCommand, MediaEngine, PortId, StreamCodec, StreamSetup};
use crate::engine::sdp::{Codec, SessionDescription};
use crate::words::model::{Cause, Variables};

/// How long the far end may think about a new offer.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(10);

/// Whose media a leg has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Passing {
    /// Ours.
    #[default]
    No,
    /// That of the other leg, directly.
    Bypass,
    /// That of the other leg, through our ports.
    Proxy,
}

/// A new offer that was passed on to the other leg.
#[derive(Debug)]
pub(in super::super) struct Relayed {
    /// Who made it.
    from: LegId,
    /// Its request, to be answered.
    asked: RequestToken,
    /// Our request to the other leg.
    token: u64,
    to: LegId,
    /// It asks for an offer: the ACK brings the answer.
    late: bool,
    /// For a good answer.
    headers: Headers,
}

impl LegAudio {
    /// What the far end described last, as it stood.
    pub(in super::super) fn far(&self) -> Option<&Bytes> {
        self.far.as_ref()
    }

    /// Whose media it has.
    pub fn passing(&self) -> Passing {
        self.passing
    }

    /// What the far end has described, to be passed on; none: nothing yet, or its media is ours.
    pub fn passed(&self) -> Option<(Passing, &Bytes)> {
        let description = self.far.as_ref().filter(|_| self.passing != Passing::No)?;
        Some((self.passing, description))
    }

    /// Passes a description on to this leg's far end; opens the port that a proxy needs.
    pub(in super::super) fn pass(
        &mut self,
        passing: Passing,
        description: &Bytes,
        engine: &dyn MediaEngine,
        near: Option<PortId>,
        sink: EventSink,
    ) -> Result<Option<Bytes>, Cause> {
        self.passing = passing;
        let text = if passing == Passing::Proxy {
            self.open(engine, near, sink)?;
            self.through_us(description).ok_or(Cause::INCOMPATIBLE_DESTINATION)?
        } else {
            description.clone()
        };
        self.description = Some(text.clone());
        Ok(Some(text))
    }

    /// What the far end was told last: a refresh repeats it.
    fn tells(&mut self, sdp: Option<&Bytes>) {
        if let Some(sdp) = sdp {
            self.description = Some(sdp.clone());
        }
    }

    /// A description of the other side with our address in it.
    fn through_us(&self, description: &Bytes) -> Option<Bytes> {
        let (params, port) = (self.params.as_ref()?, self.port.as_ref()?);
        let address = SocketAddr::new(params.advertise, port.local().port());
        let description = SessionDescription::parse(description).ok()?;
        Some(Bytes::from(description.relayed_by(address).to_string()))
    }

    /// The far end's description, when its media is not ours. A proxy begins to send there.
    pub(super) fn described(&mut self, description: &Bytes, variables: &Variables) -> Result<(), Cause> {
        let parsed = SessionDescription::parse(description).map_err(|_| Cause::INCOMPATIBLE_DESTINATION)?;
        self.far = Some(description.clone());
        if self.passing == Passing::Proxy
            && let (Some(remote), Some(port)) = (parsed.audio_address(), &self.port)
        {
            port.command(MediaCommand::Setup(StreamSetup {
                remote,
                rtcp: None,
                // Nothing is made of the packets: names and numbers do not matter.
                codec: StreamCodec { name: String::new(), payload: 0, rate: 8000, ptime: 20 },
                dtmf: None,
                send: true,
                receive: true,
                auto_adjust: !variables.get("disable_rtp_auto_adjust").is_some_and(crate::words::model::truthy),
                timeout_ms: 0,
                raw: true,
            }));
        }
        Ok(())
    }

    /// The media is ours again: an offer of ours to the far end, with codecs that it has named.
    pub(super) fn reclaim(
        &mut self,
        engine: &dyn MediaEngine,
        sink: EventSink,
        variables: &Variables,
    ) -> Result<Option<Bytes>, Cause> {
        self.passing = Passing::No;
        let far = self.far.take().and_then(|far| SessionDescription::parse(&far).ok());
        let ours = self.preferences(variables);
        let common: Vec<Codec> = far.map(|far| far.common_codecs(&ours)).unwrap_or_default();
        self.version += 1;
        self.offer(engine, None, sink, if common.is_empty() { ours } else { common }, None)
    }
}

impl Call {
    /// How the media of a leg at this endpoint is to be handled: only SIP legs have a far end of their own, and a caller
    /// that hears us already stays with us.
    pub(in super::super) fn passing_to(&self, endpoint: &str) -> Passing {
        let free = !self.audio.is_set_up() && self.audio.far.is_some();
        if !free || !endpoint.eq_ignore_ascii_case("sofia") || self.a.answered {
            return Passing::No;
        }
        match () {
            () if self.is_true("bypass_media") => Passing::Bypass,
            () if self.is_true("proxy_media") => Passing::Proxy,
            () => Passing::No,
        }
    }

    /// What a called leg has described becomes the description for the caller. None: its media is ours.
    pub(super) fn passed_description(&mut self) -> Option<Result<Option<Bytes>, Cause>> {
        if self.audio.is_set_up() || self.a.answered {
            return None;
        }
        let passed = |callee: &super::super::Callee| {
            let (passing, description) = callee.audio.passed()?;
            Some((passing, description.clone(), callee.audio.port_id()))
        };
        let (passing, description, near) = self.callees.iter().find_map(passed)?;
        let result = self.audio.pass(passing, &description, &*self.services.media, near, self.sink.clone());
        if result.is_ok()
            && let Some(offer) = self.audio.far.clone()
        {
            let _ = self.audio.described(&offer, &self.a.variables);
        }
        Some(result)
    }

    /// The media of the channel in front is ours again, when it was not: true when it can be used.
    pub(in super::super) async fn media_back(&mut self) -> bool {
        if self.audio.passing == Passing::No {
            return true;
        }
        let sink = self.sink.clone();
        if !self.a.answered {
            // Nothing is settled before the answer: the description is ours from now on.
            (self.audio.passing, self.audio.description) = (Passing::No, None);
            self.a.early = false;
            return Box::pin(self.pre_answer()).await;
        }
        let sdp = self.audio.reclaim(&*self.services.media, sink, &self.a.variables);
        let Ok(sdp) = sdp else { return false };
        let token = self.next_token();
        let (done, answer) = tokio::sync::oneshot::channel();
        self.media_waits = Some((token, done));
        self.tell(LegCommand::Reinvite { token: RequestToken(token), headers: Vec::new(), sdp });
        self.serve_while(tokio::time::timeout(PATIENCE, answer)).await.is_ok_and(|answer| answer.unwrap_or(false))
    }

    /// The answer to the offer of [`Call::media_back`].
    pub(in super::super) fn media_is_back(&mut self, token: u64, status: u16, sdp: Option<&[u8]>) {
        let Some((_, done)) = self.media_waits.take_if(|(waits, _)| *waits == token) else { return };
        let agreed = sdp.filter(|_| status / 100 == 2).map(|sdp| self.audio.answered(sdp, &self.a.variables));
        let _ = done.send(matches!(agreed, Some(Ok(()))));
    }

    /// A new offer of one side of a bridge whose media is not ours goes to the other side. True: it did.
    /// `headers` go into the answer.
    pub(in super::super) fn relay_offer(
        &mut self,
        from: LegId,
        asked: RequestToken,
        sdp: Option<&Bytes>,
        headers: &Headers,
    ) -> bool {
        let passes = self.audio.passing != Passing::No && self.a.answered;
        let Some(to) = self.across(from).filter(|_| passes && self.relayed.is_none()) else { return false };
        let token = self.next_token();
        let sdp = self.carried(from, to, sdp);
        self.relayed = Some(Relayed { from, asked, token, to, late: sdp.is_none(), headers: headers.clone() });
        self.tell_side(to, LegCommand::Reinvite { token: RequestToken(token), headers: Vec::new(), sdp });
        true
    }

    /// The answer to an offer that was passed on goes back. True: it was one.
    pub(in super::super) fn relay_answer(&mut self, token: u64, status: u16, sdp: Option<&Bytes>) -> bool {
        let Some(Relayed { from, asked, to, late, headers, .. }) =
            self.relayed.take_if(|relayed| relayed.token == token)
        else {
            return false;
        };
        let ok = status / 100 == 2;
        if let Some(sdp) = sdp.filter(|_| ok) {
            let (audio, variables) = self.side(to);
            let _ = audio.described(sdp, variables);
        }
        let (audio, _) = self.side(from);
        let sdp = match sdp.filter(|_| ok) {
            Some(sdp) if audio.passing == Passing::Proxy => audio.through_us(sdp),
            sdp => sdp.cloned(),
        };
        audio.tells(sdp.as_ref());
        if late && ok {
            self.relayed_ack = Some((from, to));
        }
        let headers = if ok { headers } else { Headers::new() };
        self.tell_side(from, LegCommand::Respond { token: asked, status, headers, sdp });
        true
    }

    /// The bridge is over: an offer that still waits for an answer of the other side gets none.
    pub(in super::super) fn end_relay(&mut self) {
        (self.relayed_ack, self.moving) = (None, None);
        if let Some(Relayed { from, asked, .. }) = self.relayed.take() {
            let (headers, sdp) = (Headers::new(), None);
            self.tell_side(from, LegCommand::Respond { token: asked, status: 500, headers, sdp });
        }
    }

    /// What one side says, as the other is to be told: the first is known by it, the second gets our port where we relay.
    fn carried(&mut self, from: LegId, to: LegId, sdp: Option<&Bytes>) -> Option<Bytes> {
        if let Some(sdp) = sdp {
            let (audio, variables) = self.side(from);
            let _ = audio.described(sdp, variables);
        }
        let (audio, _) = self.side(to);
        let sdp = match sdp {
            Some(sdp) if audio.passing == Passing::Proxy => audio.through_us(sdp),
            sdp => sdp.cloned(),
        };
        audio.tells(sdp.as_ref());
        sdp
    }

    /// The ACK of an offer that was asked for across the bridge.
    pub(in super::super) fn relay_ack(&mut self, from: LegId, sdp: Option<&Bytes>) -> bool {
        let Some((_, to)) = self.relayed_ack.take_if(|(asked, _)| *asked == from) else { return false };
        let sdp = self.carried(from, to, sdp);
        self.tell_side(to, LegCommand::Ack { sdp });
        true
    }

    pub(super) fn side(&mut self, id: LegId) -> (&mut LegAudio, &Variables) {
        match self.callees.iter_mut().find(|callee| callee.id == id) {
            Some(callee) => (&mut callee.audio, &callee.channel.variables),
            None => (&mut self.audio, &self.a.variables),
        }
    }

    pub(in super::super) fn tell_side(&mut self, id: LegId, command: LegCommand) {
        match self.callees.iter_mut().find(|callee| callee.id == id) {
            Some(callee) => callee.send(command),
            None => self.tell(command),
        }
    }
}
