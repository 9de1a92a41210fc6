//! A prompt in the form a stream sends it: encoded once, cut into packets, kept as long as it is played often.

use std::sync::Arc;

use super::codec::AudioCodec;
use super::resample::Resampler;

/// Encoded audio of whole packets. Copies share the octets.
#[derive(Debug, Clone)]
pub struct Frames {
    octets: Arc<[u8]>,
    frame_len: usize,
}

impl Frames {
    /// Octets of one packet.
    pub fn frame_len(&self) -> usize {
        self.frame_len
    }

    /// Number of packets.
    pub fn len(&self) -> usize {
        self.octets.len() / self.frame_len.max(1)
    }

    /// Whether there is nothing to send.
    pub fn is_empty(&self) -> bool {
        self.octets.is_empty()
    }

    /// Payload of packet `at`.
    pub fn get(&self, at: usize) -> Option<&[u8]> {
        let start = at.checked_mul(self.frame_len)?;
        self.octets.get(start..start.checked_add(self.frame_len)?).filter(|frame| !frame.is_empty())
    }

    /// All octets, packet after packet.
    pub fn octets(&self) -> &Arc<[u8]> {
        &self.octets
    }
}

/// Samples at `rate` as packets of `ptime` ms, the last one filled up with silence. For codecs whose packets have one
/// length.
pub fn encode_frames(samples: &[i16], rate: u32, codec: &AudioCodec, ptime: u32) -> Frames {
    let mut converted = Vec::new();
    let mut samples = samples;
    if rate != codec.rate {
        let mut resampler = Resampler::new(rate, codec.rate);
        resampler.process(samples, &mut converted);
        resampler.finish(&mut converted);
        samples = &converted;
    }
    let (mut encoder, per_frame) = (codec.encoder(), codec.samples(ptime).max(1));
    let mut octets = Vec::with_capacity(samples.len().next_multiple_of(per_frame));
    let (whole, rest) = samples.split_at(samples.len() - samples.len() % per_frame);
    let frame_len = codec.silence(ptime).len();
    for frame in whole.chunks_exact(per_frame) {
        encoder.encode(frame, &mut octets);
    }
    if !rest.is_empty() {
        let mut last = rest.to_vec();
        last.resize(per_frame, 0);
        encoder.encode(&last, &mut octets);
    }
    Frames { octets: octets.into(), frame_len }
}

#[cfg(test)]
mod tests {
    use super::super::g711;
    use super::*;

    #[test]
    fn the_last_packet_is_filled_with_silence() {
        let codec = AudioCodec::find("PCMA", 8000).unwrap();
        let frames = encode_frames(&[1000; 161], 8000, codec, 20);
        assert_eq!((frames.len(), frames.frame_len(), frames.octets().len()), (2, 160, 320));
        assert_eq!(frames.get(0).unwrap(), [g711::alaw_encode(1000); 160]);
        let last = frames.get(1).unwrap();
        assert_eq!((last[0], last[1], last[159]), (g711::alaw_encode(1000), g711::ALAW_SILENCE, g711::ALAW_SILENCE));
        assert_eq!((frames.get(2), frames.get(usize::MAX)), (None, None));
    }

    #[test]
    fn other_rates_keep_their_length() {
        let codec = AudioCodec::find("PCMU", 8000).unwrap();
        for (rate, samples) in [(8000, 8000), (16_000, 16_000), (44_100, 44_100), (48_000, 48_000), (11_025, 11_025)] {
            assert_eq!(encode_frames(&vec![0; samples], rate, codec, 20).len(), 50, "{rate}");
        }
        let nothing = encode_frames(&[], 16_000, codec, 20);
        assert!(nothing.is_empty() && nothing.get(0).is_none());
    }
}
