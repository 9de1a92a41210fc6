//! Codecs, resampling, tones, silence, WAV files, tone detection. Samples are 16-bit linear, mono.
//!
//! Everything here is a pure function or a small machine; files are read and threads are run elsewhere.
//!
//! * [`g711`], [`AudioCodec`]: octets to samples and back; a new codec is a row in [`AUDIO_CODECS`].
//! * [`encode_frames`]: a prompt encoded once into the frames a stream sends.
//! * [`Wav`], [`WavReader`], [`wav_bytes`]: WAV files.
//! * [`Resampler`], [`resample`]: between any two sampling rates.
//! * [`ToneScript`], [`Silence`]: `tone_stream://` and `silence_stream://`.
//! * [`goertzel`], [`DtmfDetector`], [`ToneWatch`], [`dtmf_samples`]: what is heard, and digits as tones.
//! * [`Level`], the volume.
//! * [`Mixdown`], [`SilenceWatch`]: two directions of a call on one time line, for recording.
//!
//! What is not here: the path grammar of prompts, files.

mod codec;
mod dtmf;
mod frames;
pub mod g711;
pub mod goertzel;
mod level;
mod mixdown;
mod resample;
mod silence;
mod tone;
mod watch;
mod wav;

pub use codec::{AUDIO_CODECS, AudioCodec, Decoder, Encoder, octet_table};
pub use dtmf::{DtmfDetector, dtmf_frequencies, dtmf_samples};
pub use frames::{Frames, encode_frames};
pub use level::Level;
pub use mixdown::{Lane, Mixdown, SilenceWatch, Tracks};
pub use resample::{Resampler, resample};
pub use silence::{Silence, SilenceError};
pub use tone::{ToneError, ToneGenerator, ToneScript};
pub use watch::ToneWatch;
pub use wav::{Wav, WavEncoding, WavError, WavFormat, WavReader, wav_bytes, wav_header};
