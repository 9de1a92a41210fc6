//! A leg's audio: what was offered, what was agreed, the port; and the progress of the caller's leg that needs it.

mod moving;
mod passing;

use bytes::Bytes;

use super::Call;
use super::record::Recording;
use super::refusal::headers_of;
use crate::call::event::EventName;
use crate::call::leg::{EventSink, LegCommand, MediaParams};
use crate::call::media::{MediaCommand, MediaEngine, MediaPort, PortId, StreamCodec, StreamSetup};
use crate::engine::sdp::{Agreed, Codec, Direction, Local, Preference, SessionDescription};
use crate::words::model::{Cause, Variables};

pub(super) use moving::Moving;
pub(super) use passing::{Passing, Relayed};

/// Codecs of a leg whose endpoint names none.
const LAST_RESORT: &str = "PCMU,PCMA";

/// The audio of one leg.
#[derive(Default)]
pub struct LegAudio {
    params: Option<MediaParams>,
    /// Codecs of the profile, read once.
    profile: Vec<Codec>,
    /// What the far end offers.
    offer: Option<SessionDescription>,
    raw_offer: bool,
    /// What the far end described last, as it stood.
    far: Option<Bytes>,
    /// Whose media it has.
    passing: Passing,
    /// We hold the far end, or have asked it to be held.
    holding: bool,
    /// An offer of ours waits for the answer in the ACK.
    offered_late: bool,
    agreed: Option<Agreed>,
    port: Option<Box<dyn MediaPort>>,
    /// The description we sent last.
    description: Option<Bytes>,
    session: u64,
    version: u64,
    /// Codecs we offered.
    offered: Vec<Codec>,
    /// What is being recorded.
    pub(super) recordings: Vec<Recording>,
    pub(super) last_recording: u32,
}

impl LegAudio {
    /// That of a caller. An offer that cannot be read is found out when an answer is needed.
    pub fn caller(params: Option<MediaParams>, offer: Option<Bytes>) -> Self {
        let parsed = offer.as_ref().and_then(|bytes| SessionDescription::parse(bytes).ok());
        Self { raw_offer: offer.is_some(), offer: parsed, far: offer, ..Self::callee(params) }
    }

    /// That of a called leg.
    pub fn callee(params: Option<MediaParams>) -> Self {
        let list = params.as_ref().map_or(LAST_RESORT, |params| &params.codecs);
        Self { profile: codecs(list), params, ..Self::default() }
    }

    /// Whether the leg has media at all.
    pub fn wants_media(&self) -> bool {
        self.params.is_some()
    }

    /// Whether the far end offered something, readable or not.
    pub fn has_offer(&self) -> bool {
        self.raw_offer
    }

    /// Whether the caller leaves the offer to us, which it has not got yet: it comes with the answer, for nothing before
    /// that is sure to arrive (RFC 3261 13.2.1).
    pub fn offers_late(&self) -> bool {
        self.params.is_some() && !self.raw_offer && self.description.is_none()
    }

    /// Whether callers may leave the offer to us.
    pub fn takes_late_offers(&self) -> bool {
        self.params.as_ref().is_some_and(|params| params.late_offers)
    }

    /// Our offer to a caller that made none: the codec that the other side has comes first.
    fn offer_late(
        &mut self,
        engine: &dyn MediaEngine,
        near: Option<PortId>,
        sink: EventSink,
        variables: &Variables,
        first: Option<Codec>,
    ) -> Result<Option<Bytes>, Cause> {
        let mut codecs = self.preferences(variables);
        if let Some(first) = first {
            codecs.sort_by_key(|own| own.info != first.info);
        }
        self.offered_late = true;
        self.offer(engine, near, sink, codecs, None)
    }

    /// The ACK is here. An offer of ours that it does not answer, or not usably, is an error.
    pub fn acknowledged(&mut self, sdp: Option<&[u8]>, variables: &Variables) -> Result<(), Cause> {
        if !std::mem::take(&mut self.offered_late) {
            return Ok(());
        }
        match sdp {
            Some(sdp) => self.answered(sdp, variables),
            // What was agreed before still holds.
            None if self.agreed.is_some() => Ok(()),
            None => Err(Cause::INCOMPATIBLE_DESTINATION),
        }
    }

    /// The port, once audio is set up.
    pub fn port(&self) -> Option<&dyn MediaPort> {
        self.port.as_deref()
    }

    /// The port's number.
    pub fn port_id(&self) -> Option<PortId> {
        self.port.as_ref().map(|port| port.id())
    }

    /// Whether the far end takes no audio: it holds us.
    pub fn is_held(&self) -> bool {
        self.agreed.as_ref().is_some_and(|agreed| !agreed.direction.receives())
    }

    /// Whether we hold the far end.
    pub fn holds(&self) -> bool {
        self.holding
    }

    /// An offer that holds the far end (`sendonly`, RFC 3264 8.4) or lets it go on; none: nothing was agreed yet.
    pub(super) fn hold(&mut self, on: bool) -> Option<Bytes> {
        let agreed = self.agreed.as_ref()?;
        let (codec, dtmf) = (agreed.codec, agreed.dtmf);
        self.holding = on;
        self.version += 1;
        let text = Bytes::from(SessionDescription::offer(&self.local(dtmf)?, &[codec]).to_string());
        self.offered = vec![codec];
        self.description = Some(text.clone());
        Some(text)
    }

    /// The far end has refused the offer of [`LegAudio::hold`].
    pub(super) fn forget_hold(&mut self, holding: bool) {
        self.holding = holding;
    }

    /// Whether a stream was agreed.
    pub fn is_set_up(&self) -> bool {
        self.agreed.is_some()
    }

    /// Whether the far end has described its side, whoever the media belongs to.
    pub fn is_described(&self) -> bool {
        self.agreed.is_some() || self.passed().is_some()
    }

    /// Codec in use; empty before.
    pub fn codec_name(&self) -> &'static str {
        self.agreed.as_ref().map_or("", |agreed| agreed.codec.info.name)
    }

    /// Tells the port something; without one nothing happens.
    pub fn command(&self, command: MediaCommand) {
        if let Some(port) = &self.port {
            port.command(command);
        }
    }

    /// Codecs we take: those of the channel's variables, else the profile's.
    fn preferences(&self, variables: &Variables) -> Vec<Codec> {
        let named = variables.get("absolute_codec_string").or_else(|| variables.get("codec_string"));
        named.map_or_else(|| self.profile.clone(), codecs)
    }

    /// The caller's codecs that we know, in its order, in the form of `ep_codec_string`.
    pub fn offered_codecs(&self) -> Option<String> {
        let common = self.common();
        let text: Vec<String> = common
            .iter()
            .map(|codec| {
                let info = codec.info;
                format!("{}.{}@{}h@{}i@{}b", info.module, info.name, info.rate, codec.ptime, info.bitrate)
            })
            .collect();
        (!text.is_empty()).then(|| text.join(","))
    }

    fn common(&self) -> Vec<Codec> {
        self.offer.as_ref().map_or_else(Vec::new, |offer| offer.common_codecs(&self.profile))
    }

    /// Codecs to offer a called leg: the one in use, else those the caller offered and we know.
    pub fn codecs_for_callee(&self) -> Vec<Codec> {
        match &self.agreed {
            Some(agreed) => vec![agreed.codec],
            None => self.common(),
        }
    }

    /// Whether digits come by INFO: the far end has no telephone events, or the leg was told so.
    pub fn takes_info_digits(&self, variables: &Variables) -> bool {
        let named = variables.get("dtmf_type").is_some_and(|kind| kind.eq_ignore_ascii_case("info"));
        let liberal = variables.get("liberal_dtmf").is_some_and(crate::words::model::truthy);
        named || liberal || self.agreed.as_ref().is_none_or(|agreed| agreed.dtmf.is_none())
    }

    /// Telephone-event number of the caller.
    pub fn dtmf_payload(&self) -> Option<u8> {
        match &self.agreed {
            Some(agreed) => agreed.dtmf,
            None => self.offer.as_ref()?.agree(&self.profile, Preference::Generous).ok()?.dtmf,
        }
    }

    fn open(&mut self, engine: &dyn MediaEngine, near: Option<PortId>, sink: EventSink) -> Result<(), Cause> {
        let Some(params) = &self.params else { return Ok(()) };
        if self.port.is_none() {
            let port = engine.open(params.bind, near, sink).map_err(|error| {
                tracing::error!(%error, "no media port");
                Cause::SWITCH_CONGESTION
            })?;
            // Any number will do that differs between the legs of a phone's memory; the port's own is at hand.
            self.session = (u64::from(port.local().port()) << 32) | (port.id().0 & 0xffff_ffff);
            self.port = Some(port);
        }
        Ok(())
    }

    fn local(&self, dtmf: Option<u8>) -> Option<Local> {
        let (params, port) = (self.params.as_ref()?, self.port.as_ref()?);
        let address = std::net::SocketAddr::new(params.advertise, port.local().port());
        Some(Local {
            name: "switch".to_owned(),
            session: self.session,
            version: self.session.wrapping_add(self.version),
            address,
            dtmf,
            direction: if self.holding { Direction::SendOnly } else { Direction::SendRecv },
        })
    }

    fn start_stream(&self, variables: &Variables) {
        let (Some(agreed), Some(params), Some(port)) = (&self.agreed, &self.params, &self.port) else { return };
        let held = !agreed.direction.receives() || self.holding;
        let seconds = if held { params.rtp_hold_timeout_s } else { params.rtp_timeout_s };
        let own = |name: &str, scale: u32| {
            variables.get(name).and_then(|text| text.parse::<u32>().ok()).map(|n| n.saturating_mul(scale))
        };
        let timeout = own("media_timeout", 1).or_else(|| own("rtp_timeout_sec", 1000));
        let hold = own("media_hold_timeout", 1).or_else(|| own("rtp_hold_timeout_sec", 1000));
        let timeout_ms = match (held, timeout, hold) {
            (false, Some(ms), _) | (true, _, Some(ms)) => ms,
            (true, Some(ms), None) => ms.saturating_mul(10),
            _ => seconds.saturating_mul(1000),
        };
        let auto_adjust = !variables.get("disable_rtp_auto_adjust").is_some_and(crate::words::model::truthy);
        port.command(MediaCommand::Setup(StreamSetup {
            remote: agreed.remote,
            rtcp: agreed.rtcp,
            codec: StreamCodec {
                name: agreed.codec.info.name.to_owned(),
                payload: agreed.payload,
                rate: agreed.codec.info.rate,
                ptime: agreed.codec.ptime,
            },
            dtmf: agreed.dtmf,
            send: agreed.direction.receives(),
            receive: agreed.direction.sends(),
            auto_adjust,
            timeout_ms,
            raw: false,
        }));
    }

    /// Answers the far end's offer: opens the port, starts the stream, gives the description. The same description again
    /// when that was done before. None: the leg has no media.
    pub fn answer(
        &mut self,
        engine: &dyn MediaEngine,
        near: Option<PortId>,
        sink: EventSink,
        variables: &Variables,
        force: Option<Codec>,
    ) -> Result<Option<Bytes>, Cause> {
        if self.params.is_none() || self.description.is_some() {
            return Ok(self.description.clone());
        }
        let offer = self.offer.as_ref().ok_or(Cause::INCOMPATIBLE_DESTINATION)?;
        let mut ours = self.preferences(variables);
        if let Some(codec) = force {
            ours.sort_by_key(|own| own.info != codec.info);
        }
        let named = variables.get("rtp_codec_negotiation");
        let rule = named.or(self.params.as_ref().map(|params| &*params.negotiation)).unwrap_or_default();
        let preference = if force.is_some() { Preference::Greedy } else { Preference::parse(rule) };
        let agreed = offer.agree(&ours, preference).map_err(|error| {
            tracing::warn!(%error, "the offer cannot be answered");
            Cause::INCOMPATIBLE_DESTINATION
        })?;
        self.open(engine, near, sink)?;
        let local = self.local(agreed.dtmf).ok_or(Cause::INCOMPATIBLE_DESTINATION)?;
        let offer = self.offer.as_ref().ok_or(Cause::INCOMPATIBLE_DESTINATION)?;
        let text = Bytes::from(offer.answer(&local, &agreed).to_string());
        self.agreed = Some(agreed);
        self.description = Some(text.clone());
        self.start_stream(variables);
        Ok(Some(text))
    }

    /// Makes an offer of these codecs; opens the port.
    pub fn offer(
        &mut self,
        engine: &dyn MediaEngine,
        near: Option<PortId>,
        sink: EventSink,
        codecs: Vec<Codec>,
        dtmf: Option<u8>,
    ) -> Result<Option<Bytes>, Cause> {
        let Some(params) = &self.params else { return Ok(None) };
        let dtmf = dtmf.unwrap_or(params.dtmf_payload);
        self.open(engine, near, sink)?;
        let Some(local) = self.local(Some(dtmf)) else { return Ok(None) };
        let text = Bytes::from(SessionDescription::offer(&local, &codecs).to_string());
        self.offered = codecs;
        self.description = Some(text.clone());
        Ok(Some(text))
    }

    /// Takes the far end's answer to our offer, also a repeated one.
    pub fn answered(&mut self, sdp: &[u8], variables: &Variables) -> Result<(), Cause> {
        if self.params.is_none() {
            return Ok(());
        }
        if self.passing != Passing::No {
            return self.described(&Bytes::copy_from_slice(sdp), variables);
        }
        let agreed = SessionDescription::parse(sdp)
            .map_err(|error| tracing::warn!(%error, "the answer cannot be read"))
            .ok()
            .and_then(|answer| {
                answer
                    .agree(&self.offered, Preference::Generous)
                    .map_err(|error| tracing::warn!(%error, "the answer cannot be used"))
                    .ok()
            })
            .ok_or(Cause::INCOMPATIBLE_DESTINATION)?;
        self.far = Some(Bytes::copy_from_slice(sdp));
        if self.agreed.as_ref() != Some(&agreed) {
            self.agreed = Some(agreed);
            self.start_stream(variables);
        }
        Ok(())
    }

    /// Answers a new offer within the call. None asks for an offer of ours: the present description is repeated.
    pub fn reoffered(&mut self, sdp: Option<&[u8]>, variables: &Variables) -> Result<Option<Bytes>, Cause> {
        let Some(sdp) = sdp else {
            if let Some(present) = &self.agreed {
                self.offered = vec![present.codec];
                self.offered_late = true;
            }
            return Ok(self.description.clone());
        };
        if self.params.is_none() {
            return Ok(None);
        }
        let far = Bytes::copy_from_slice(sdp);
        let offer = SessionDescription::parse(sdp).map_err(|_| Cause::INCOMPATIBLE_DESTINATION)?;
        // The codec stays when it still can: a hold must not change it.
        let mut ours = self.preferences(variables);
        if let Some(present) = &self.agreed {
            ours.sort_by_key(|own| own.info != present.codec.info);
        }
        let agreed = offer.agree(&ours, Preference::Greedy).map_err(|_| Cause::INCOMPATIBLE_DESTINATION)?;
        self.version += 1;
        let local = self.local(agreed.dtmf).ok_or(Cause::INCOMPATIBLE_DESTINATION)?;
        let text = Bytes::from(offer.answer(&local, &agreed).to_string());
        let changed = self.agreed.as_ref() != Some(&agreed);
        self.far = Some(far);
        self.agreed = Some(agreed);
        self.description = Some(text.clone());
        if changed {
            self.start_stream(variables);
        }
        Ok(Some(text))
    }

    /// Our present description.
    pub fn description(&self) -> Option<Bytes> {
        self.description.clone()
    }

    /// Releases the port and gives its counters.
    pub fn close(&mut self) -> crate::call::media::MediaStats {
        self.port.take().map(|port| port.stats()).unwrap_or_default()
    }

    /// The codec agreed.
    pub fn codec(&self) -> Option<Codec> {
        self.agreed.as_ref().map(|agreed| agreed.codec)
    }
}

/// Codecs of a list, the last resort when it names none we know.
fn codecs(list: &str) -> Vec<Codec> {
    let (codecs, _) = Codec::list(list.trim_start_matches('='));
    if codecs.is_empty() { Codec::list(LAST_RESORT).0 } else { codecs }
}

impl Call {
    /// The caller's description, made when it is first needed; a failure hangs the caller up.
    fn caller_description(&mut self) -> Result<Option<Bytes>, Cause> {
        if let Some(passed) = self.passed_description() {
            return passed;
        }
        let near = self.callees.iter().find_map(|callee| callee.audio.port_id());
        let callees = self.callees.iter().find_map(|callee| callee.audio.codec());
        let sink = self.sink.clone();
        let (engine, variables) = (&*self.services.media, &self.a.variables);
        let result = if self.audio.offers_late() {
            self.audio.offer_late(engine, near, sink, variables, callees)
        } else {
            let force = callees.filter(|_| self.a.is_true("inherit_codec"));
            self.audio.answer(engine, near, sink, variables, force)
        };
        if let Err(cause) = result {
            self.a.variables.set("endpoint_disposition", "CODEC NEGOTIATION ERROR");
            self.hangup(cause);
        }
        result
    }

    /// `answer`: 200 with SDP. True when the channel is answered.
    pub async fn answer(&mut self) -> bool {
        if !self.a.up() {
            return false;
        }
        if self.a.answered {
            return true;
        }
        let Ok(sdp) = self.caller_description() else { return false };
        let mut headers = headers_of(&self.a.variables, &["sip_rh_"]);
        headers.extend(self.callee_identity());
        headers.extend(self.begin_session_timer());
        self.tell(LegCommand::Answer { headers, sdp });
        if !self.a.early && self.a.direction == "inbound" && self.audio.wants_media() {
            // As in FreeSWITCH the answer of a caller passes through early media.
            self.a.early = true;
            self.fire(EventName::CHANNEL_PROGRESS_MEDIA, &[]);
            self.a.early = false;
        }
        self.a.answered = true;
        self.a.times.answered = self.now_us();
        self.a.status = 200;
        self.a.variables.set("endpoint_disposition", "ANSWER");
        tracing::info!("answered");
        self.audio.gate_recordings(&self.a);
        self.fire(EventName::CHANNEL_ANSWER, &[]);
        self.execute_on("execute_on_answer").await;
        true
    }

    /// Who is called, for the caller's display: when there is just one.
    fn callee_identity(&self) -> Option<(String, String)> {
        let [callee] = &self.callees[..] else { return None };
        if self.a.get("sip_cid_type").is_some_and(|kind| kind.eq_ignore_ascii_case("none")) {
            return None;
        }
        let profile = &callee.channel.profile;
        let (name, number) = (profile.callee_id_name.replace(['"', '\\'], ""), &profile.callee_id_number);
        let host = self.a.get("sip_local_network_addr")?;
        let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        let value = format!("\"{name}\" <sip:{number}@{host}>;party=calling;privacy=off;screen=no");
        Some(("Remote-Party-ID".to_owned(), value))
    }

    /// `pre_answer`: 183 with SDP. True when media can be sent.
    pub async fn pre_answer(&mut self) -> bool {
        if !self.a.up() {
            return false;
        }
        if self.a.has_media() {
            return true;
        }
        if self.audio.offers_late() {
            return self.answer().await;
        }
        let Ok(sdp) = self.caller_description() else { return false };
        let status = if self.a.is_true("early_use_180") { 180 } else { 183 };
        let headers = headers_of(&self.a.variables, &["sip_ph_"]);
        self.tell(LegCommand::Provisional { status, phrase: None, headers, sdp });
        self.a.early = true;
        let now = self.now_us();
        if self.a.times.progress_media == 0 {
            self.a.times.progress_media = now;
        }
        self.a.variables.set("endpoint_disposition", "EARLY MEDIA");
        self.fire(EventName::CHANNEL_PROGRESS_MEDIA, &[]);
        self.execute_on("execute_on_pre_answer").await;
        self.execute_on("execute_on_media").await;
        true
    }

    /// `ring_ready`: 180, or 182 when queued; once, and never after media.
    pub async fn ring_ready(&mut self, queued: bool) {
        if !self.a.up() || self.a.rung || self.a.has_media() {
            return;
        }
        let mut headers = headers_of(&self.a.variables, &["sip_ph_"]);
        headers.extend(self.callee_identity());
        let status = if queued { 182 } else { 180 };
        self.tell(LegCommand::Provisional { status, phrase: None, headers, sdp: None });
        self.a.rung = true;
        if self.a.times.progress == 0 {
            self.a.times.progress = self.now_us();
        }
        self.fire(EventName::CHANNEL_PROGRESS, &[]);
        self.execute_on("execute_on_ring").await;
    }
}
