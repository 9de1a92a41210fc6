//! Codecs, resampling, tones, WAV files.
