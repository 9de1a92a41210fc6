//! The table of audio codecs: from samples to payload and back.

use super::g711;

/// One row of the table.
#[derive(Debug)]
pub struct AudioCodec {
    /// RTP encoding name.
    pub name: &'static str,
    /// RTP clock, Hz; with the name it identifies the codec, as in SDP.
    pub clock: u32,
    /// Sampling rate of its samples, Hz.
    pub rate: u32,
    encoder: fn() -> Box<dyn Encoder>,
    decoder: fn() -> Box<dyn Decoder>,
}

/// Codecs we can encode and decode.
pub static AUDIO_CODECS: &[AudioCodec] = &[
    AudioCodec { name: "PCMU", clock: 8000, rate: 8000, encoder: || Box::new(Ulaw), decoder: || Box::new(Ulaw) },
    AudioCodec { name: "PCMA", clock: 8000, rate: 8000, encoder: || Box::new(Alaw), decoder: || Box::new(Alaw) },
];

/// Encodes one direction of a stream; may remember what came before.
pub trait Encoder: Send {
    /// Appends the payload of these samples: whole packet times.
    fn encode(&mut self, samples: &[i16], payload: &mut Vec<u8>);
}

/// Decodes one direction of a stream; may remember what came before.
pub trait Decoder: Send {
    /// Appends the samples of a payload.
    fn decode(&mut self, payload: &[u8], samples: &mut Vec<i16>);
}

impl AudioCodec {
    /// By RTP encoding name, ignoring case, and clock.
    pub fn find(name: &str, clock: u32) -> Option<&'static AudioCodec> {
        AUDIO_CODECS.iter().find(|codec| codec.name.eq_ignore_ascii_case(name) && codec.clock == clock)
    }

    /// An encoder at its beginning.
    pub fn encoder(&self) -> Box<dyn Encoder> {
        (self.encoder)()
    }

    /// A decoder at its beginning.
    pub fn decoder(&self) -> Box<dyn Decoder> {
        (self.decoder)()
    }

    /// Samples in a packet of `ptime` ms.
    pub fn samples(&self, ptime: u32) -> usize {
        per_packet(self.rate, ptime)
    }

    /// Timestamp units in a packet of `ptime` ms.
    pub fn units(&self, ptime: u32) -> u32 {
        per_packet(self.clock, ptime) as u32
    }

    /// One packet of digital silence.
    pub fn silence(&self, ptime: u32) -> Vec<u8> {
        let mut payload = Vec::new();
        self.encoder().encode(&vec![0; self.samples(ptime)], &mut payload);
        payload
    }
}

fn per_packet(rate: u32, ptime: u32) -> usize {
    // Packet times are milliseconds of a packet; a second is more than any.
    (u64::from(rate) * u64::from(ptime.min(1000)) / 1000) as usize
}

/// Where octets of one codec are octets of another: the table between them, so that transcoding needs no samples.
pub fn octet_table(from: &AudioCodec, to: &AudioCodec) -> Option<&'static [u8; 256]> {
    match (from.name, to.name) {
        ("PCMU", "PCMA") => Some(&g711::ULAW_TO_ALAW),
        ("PCMA", "PCMU") => Some(&g711::ALAW_TO_ULAW),
        _ => None,
    }
}

struct Ulaw;

impl Encoder for Ulaw {
    fn encode(&mut self, samples: &[i16], payload: &mut Vec<u8>) {
        payload.extend(samples.iter().map(|sample| g711::ulaw_encode(*sample)));
    }
}

impl Decoder for Ulaw {
    fn decode(&mut self, payload: &[u8], samples: &mut Vec<i16>) {
        expand(&g711::ULAW_TO_LINEAR, payload, samples);
    }
}

struct Alaw;

impl Encoder for Alaw {
    fn encode(&mut self, samples: &[i16], payload: &mut Vec<u8>) {
        payload.extend(samples.iter().map(|sample| g711::alaw_encode(*sample)));
    }
}

impl Decoder for Alaw {
    fn decode(&mut self, payload: &[u8], samples: &mut Vec<i16>) {
        expand(&g711::ALAW_TO_LINEAR, payload, samples);
    }
}

#[expect(clippy::indexing_slicing, reason = "an octet cannot leave a table of 256")]
fn expand(table: &[i16; 256], payload: &[u8], samples: &mut Vec<i16>) {
    samples.extend(payload.iter().map(|code| table[usize::from(*code)]));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_encodes_and_decodes_a_packet() {
        for codec in AUDIO_CODECS {
            assert!(std::ptr::eq(AudioCodec::find(&codec.name.to_lowercase(), codec.clock).unwrap(), codec));
            for ptime in [10, 20, 60] {
                let silence = codec.silence(ptime);
                let mut samples = Vec::new();
                codec.decoder().decode(&silence, &mut samples);
                assert_eq!(samples.len(), codec.samples(ptime), "{} {ptime}", codec.name);
                assert!(samples.iter().all(|sample| sample.abs() <= 8));
            }
        }
        assert!(AudioCodec::find("PCMU", 16_000).is_none() && AudioCodec::find("OPUS", 48_000).is_none());
    }

    #[test]
    fn octet_tables_equal_the_way_through_samples() {
        for from in AUDIO_CODECS {
            for to in AUDIO_CODECS {
                let Some(table) = octet_table(from, to) else { continue };
                let codes: Vec<u8> = (0..=255).collect();
                let (mut samples, mut payload) = (Vec::new(), Vec::new());
                from.decoder().decode(&codes, &mut samples);
                to.encoder().encode(&samples, &mut payload);
                assert_eq!(payload, table);
            }
        }
    }
}
