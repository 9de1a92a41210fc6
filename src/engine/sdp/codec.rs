//! Codecs we negotiate, and preference lists `NAME[@RATEh][@PTIMEi][@BITRATEb][@CHANNELSc]`.

use std::fmt;

/// One row of the table of audio codecs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CodecInfo {
    /// RTP encoding name.
    pub name: &'static str,
    /// Static payload number (RFC 3551); none: dynamic.
    pub payload: Option<u8>,
    /// RTP clock, Hz. Not always the sampling rate: G.722 and Opus differ.
    pub rate: u32,
    /// Channels.
    pub channels: u8,
    /// Usual packet time, ms.
    pub ptime: u32,
    /// Bit rate, bit/s.
    pub bitrate: u32,
    /// Format parameters (`a=fmtp`) of our offers and answers; empty: none.
    pub fmtp: &'static str,
    /// FreeSWITCH's module of the codec, as `ep_codec_string` shows it.
    pub module: &'static str,
}

/// Codecs we can speak.
pub const CODECS: &[CodecInfo] = &[g711("PCMU", 0), g711("PCMA", 8)];

const fn g711(name: &'static str, payload: u8) -> CodecInfo {
    CodecInfo {
        name,
        payload: Some(payload),
        rate: 8000,
        channels: 1,
        ptime: 20,
        bitrate: 64_000,
        fmtp: "",
        module: "CORE_PCM_MODULE",
    }
}

/// A codec with the packet time wanted or agreed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Codec {
    /// Its row.
    pub info: &'static CodecInfo,
    /// Packet time, ms, 10..=60.
    pub ptime: u32,
}

impl Codec {
    /// By name and clock, ignoring case.
    pub fn find(name: &str, rate: u32) -> Option<&'static CodecInfo> {
        CODECS.iter().find(|info| info.name.eq_ignore_ascii_case(name) && info.rate == rate)
    }

    /// By static payload number.
    pub fn of_payload(payload: u8) -> Option<&'static CodecInfo> {
        CODECS.iter().find(|info| info.payload == Some(payload))
    }

    /// A preference list. Items we do not speak are passed over and handed back; of a codec named twice the first counts.
    pub fn list(text: &str) -> (Vec<Codec>, Vec<String>) {
        let (mut codecs, mut unknown) = (Vec::<Codec>::new(), Vec::new());
        for item in text.split(',').map(str::trim).filter(|item| !item.is_empty()) {
            match Self::preference(item) {
                Some(codec) if !codecs.iter().any(|c| c.info == codec.info) => codecs.push(codec),
                Some(_) => {}
                None => unknown.push(item.to_owned()),
            }
        }
        (codecs, unknown)
    }

    /// One item of a list. `MODULE.` before the name is passed over: `ep_codec_string` reads as a list.
    fn preference(item: &str) -> Option<Codec> {
        let mut parts = item.split('@');
        let name = parts.next()?;
        let name = name.rsplit_once('.').map_or(name, |(_, name)| name);
        let (mut rate, mut channels, mut ptime) = (None, None, None);
        for part in parts {
            let unit = part.chars().next_back()?;
            let number: u32 = part.strip_suffix(unit)?.parse().ok()?;
            match unit.to_ascii_lowercase() {
                'h' => rate = Some(number),
                'c' => channels = Some(number),
                'i' => ptime = Some(number),
                'b' => {}
                _ => return None,
            }
        }
        let info = CODECS.iter().find(|info| {
            info.name.eq_ignore_ascii_case(name)
                && rate.is_none_or(|rate| rate == info.rate)
                && channels.is_none_or(|channels| channels == u32::from(info.channels))
        })?;
        Some(Codec { info, ptime: ptime.and_then(valid_ptime).unwrap_or(info.ptime) })
    }
}

impl fmt::Display for Codec {
    /// As `ep_codec_string` shows it: `CORE_PCM_MODULE.PCMU@8000h@20i@64000b`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let info = self.info;
        write!(f, "{}.{}@{}h@{}i@{}b", info.module, info.name, info.rate, self.ptime, info.bitrate)?;
        if info.channels > 1 {
            write!(f, "@{}c", info.channels)?;
        }
        Ok(())
    }
}

/// Packet times we can send: 10 to 60 ms in steps of 10.
pub fn valid_ptime(ms: u32) -> Option<u32> {
    ((10..=60).contains(&ms) && ms.is_multiple_of(10)).then_some(ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn preference_lists() {
        let (codecs, unknown) = Codec::list(
            "OPUS, PCMA@8000h@30i,CORE_PCM_MODULE.PCMU@8000h@20i@64000b,PCMA,PCMU@16000h,PCMU@x,PCMU@2c,pcmu@1c,PCMU@é",
        );
        let shown: Vec<String> = codecs.iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["CORE_PCM_MODULE.PCMA@8000h@30i@64000b", "CORE_PCM_MODULE.PCMU@8000h@20i@64000b"]);
        assert_eq!(unknown, ["OPUS", "PCMU@16000h", "PCMU@x", "PCMU@2c", "PCMU@é"]);
    }

    #[test]
    fn a_packet_time_we_cannot_send_becomes_the_usual_one() {
        for (item, ptime) in [("PCMU@15i", 20), ("PCMU@60i", 60), ("PCMU@70i", 20), ("PCMU@0i", 20), ("PCMU@10i", 10)] {
            assert_eq!(Codec::list(item).0.first().unwrap().ptime, ptime, "{item}");
        }
    }

    #[test]
    fn rows_are_distinct_and_their_text_reads_back() {
        for (at, info) in CODECS.iter().enumerate() {
            assert_eq!(valid_ptime(info.ptime), Some(info.ptime));
            let codec = Codec { info, ptime: info.ptime };
            assert_eq!(Codec::list(&codec.to_string()), (vec![codec], vec![]));
            assert!(!CODECS[at + 1..].iter().any(|other| other.name == info.name && other.rate == info.rate));
        }
    }

    proptest::proptest! {
        #[test]
        fn no_list_panics(text in "\\PC{0,60}") {
            let (codecs, _) = Codec::list(&text);
            proptest::prop_assert!(codecs.len() <= CODECS.len());
        }
    }
}
