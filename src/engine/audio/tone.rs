//! Tone scripts: `tone_stream://%(2000,4000,440,480);loops=-1`, `gentones`, `ringback`.
//!
//! ```text
//! script := item { ';' item }
//! item   := letter '=' value | tones
//! tones  := { '%(' on_ms ',' off_ms ',' freq { ',' freq } ')' | key [ '(' on_ms ',' off_ms ')' ] }
//! ```
//!
//! Read as FreeSWITCH reads it, which never fails: unknown letters and keys are passed over, a faulty tone ends the pass.
//! `v` volume in dB, `d`/`w` on and off time of keys, `l` repeats the next tone, `L` the whole script, `>`/`<` with `+`
//! fade out and in, `r` the rate the times and frequencies are computed for. `c` (channels) is ignored: we are mono. The
//! default times are FreeSWITCH's 2000 and 500 samples of 8 kHz: 250 and 62.5 ms.
//!
//! A generator makes samples as they are wanted, so an endless tone needs no memory.

use std::f64::consts::TAU;
use std::sync::Arc;

use super::dtmf::dtmf_frequencies;

/// Most frequencies of one tone.
const MAX_FREQUENCIES: usize = 18;
/// Most items of one script; what follows is passed over.
const MAX_ITEMS: usize = 1000;
/// Volumes outside are ignored, dB.
const VOLUMES: std::ops::RangeInclusive<f64> = -63.0..=0.0;
/// Level of a full-scale square wave, dBm0: what FreeSWITCH's volumes count from.
const FULL_SCALE_DBM0: f64 = 6.16;

/// A script that was read.
#[derive(Debug, Clone, PartialEq)]
pub struct ToneScript {
    items: Arc<[Item]>,
    passes: Option<u32>,
}

/// Why a script plays nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ToneError {
    /// It holds no tone.
    #[error("the tone script holds no tone")]
    NoTone,
}

#[derive(Debug, Clone, PartialEq)]
enum Item {
    /// `letter=value`.
    Set(char, f64),
    /// A tone; times in ms, the script's defaults where absent.
    Tone { on: Option<u32>, off: Option<u32>, frequencies: Vec<f64> },
    /// A fault: the pass ends here.
    End,
}

impl ToneScript {
    /// Reads what follows `tone_stream://`. `;loops=n` at the end, or `{loops=n}` in front, says how often the whole is
    /// played: at least once, -1 for ever.
    pub fn parse(text: &str) -> Result<Self, ToneError> {
        let (mut text, mut loops) = (text.trim(), None);
        while let Some((options, rest)) = text.strip_prefix('{').and_then(|rest| rest.split_once('}')) {
            loops = options.split(',').find_map(|option| option.trim().strip_prefix("loops=")).or(loops);
            text = rest.trim_start();
        }
        if let Some((script, tail)) = text.split_once(";loops=") {
            (text, loops) = (script, Some(tail));
        }
        let passes = match loops.map_or(1, integer) {
            n if n < 0 => None,
            n => Some(n.max(1).try_into().unwrap_or(u32::MAX)),
        };
        let items: Vec<Item> = parse_items(text);
        let plays = items.iter().take_while(|item| **item != Item::End).any(|item| matches!(item, Item::Tone { .. }));
        if plays { Ok(Self { items: items.into(), passes }) } else { Err(ToneError::NoTone) }
    }

    /// How often the whole is played; none: for ever.
    pub fn passes(&self) -> Option<u32> {
        self.passes
    }

    /// The same script, played once: for callers that keep the samples and repeat them.
    #[must_use]
    pub fn once(&self) -> Self {
        Self { items: Arc::clone(&self.items), passes: Some(1) }
    }

    /// Its samples at a rate, Hz.
    pub fn generator(&self, rate: u32) -> ToneGenerator {
        ToneGenerator::new(self, rate)
    }

    /// Its samples at a rate, at most `limit`.
    pub fn samples(&self, rate: u32, limit: usize) -> Vec<i16> {
        let (mut generator, mut out) = (self.generator(rate), Vec::new());
        let mut frame = [0; 160];
        loop {
            let count = generator.fill(&mut frame).min(limit - out.len());
            out.extend(frame.iter().take(count));
            if count == 0 {
                return out;
            }
        }
    }
}

fn parse_items(text: &str) -> Vec<Item> {
    let mut items = Vec::new();
    for part in text.split(';') {
        let part = part.trim_matches([' ', '\r', '\n']);
        let mut chars = part.chars();
        match (chars.next(), chars.next()) {
            (Some(letter), Some('=')) => items.push(Item::Set(letter, number(chars.as_str()))),
            _ => parse_tones(part, &mut items),
        }
        if items.len() >= MAX_ITEMS || items.last() == Some(&Item::End) {
            break;
        }
    }
    items
}

fn parse_tones(mut text: &str, items: &mut Vec<Item>) {
    while items.len() < MAX_ITEMS {
        let mut chars = text.chars();
        let Some(key) = chars.next() else { return };
        text = chars.as_str();
        let mut arguments = None;
        if let Some(rest) = text.strip_prefix('(') {
            let (inside, after) = rest.split_once(')').unwrap_or((rest, ""));
            arguments = Some(inside);
            text = after;
        }
        let words: Vec<&str> = arguments.map(|inside| inside.split(',').collect()).unwrap_or_default();
        let time = |at: usize| words.get(at).and_then(|word| u32::try_from(integer(word)).ok());
        let frequencies = match (key, words.len()) {
            ('%', 0) => continue,
            ('%', 3..) => words.iter().skip(2).take(MAX_FREQUENCIES).map(|word| number(word)).collect(),
            ('%', _) | (_, 1 | 3..) => return items.push(Item::End),
            _ => dtmf_frequencies(key).map(|pair| reference_pair(pair).to_vec()).unwrap_or_default(),
        };
        // As in FreeSWITCH, a frequency of 0 ends the list, and a tone without any is passed over.
        let frequencies: Vec<f64> = frequencies.into_iter().take_while(|hz| *hz != 0.0).collect();
        if !frequencies.is_empty() {
            items.push(Item::Tone { on: time(0), off: time(1), frequencies });
        }
    }
}

/// The reference's keys 7, 8, 9 and C sound 859 Hz where the standard says 852. Detectors take both.
fn reference_pair(pair: [f64; 2]) -> [f64; 2] {
    let [low, high] = pair;
    [if (low - 852.0).abs() < 0.5 { 859.0 } else { low }, high]
}

/// The whole number a text begins with; 0 without one.
fn integer(text: &str) -> i64 {
    let text = text.trim_start();
    let end = text.char_indices().find(|(at, c)| !(c.is_ascii_digit() || (*at == 0 && matches!(c, '-' | '+'))));
    let digits = end.map_or(text, |(at, _)| text.get(..at).unwrap_or_default());
    digits.parse().unwrap_or(0)
}

/// The decimal number a text begins with; 0 without one.
fn number(text: &str) -> f64 {
    let text = text.trim_start();
    let fits = |(at, c): (usize, char)| c.is_ascii_digit() || c == '.' || (at == 0 && matches!(c, '-' | '+'));
    let end = text.char_indices().find(|found| !fits(*found)).map_or(text.len(), |(at, _)| at);
    text.get(..end).and_then(|digits| digits.parse().ok()).unwrap_or(0.0)
}

/// Makes the samples of a script.
#[derive(Debug, Clone)]
pub struct ToneGenerator {
    items: Arc<[Item]>,
    /// Passes left; none: for ever.
    passes: Option<u32>,
    /// Runs of the script left in this pass (`L`), set once.
    runs: Option<u32>,
    at: usize,
    /// Whether anything sounded since the script's beginning: an empty script must not run for ever.
    sounded: bool,
    state: Settings,
    /// Repeats of the current tone left (`l`); none: for ever.
    repeats: Option<u32>,
    tone: Option<Sounding>,
}

/// Settings hold for all later tones; a new pass starts with the defaults.
#[derive(Debug, Clone)]
struct Settings {
    rate: f64,
    volume: f64,
    on: u64,
    off: u64,
    /// `l`, used up by the next tone.
    repeat: i64,
    step: u64,
    direction: f64,
    factor: f64,
}

#[derive(Debug, Clone)]
struct Sounding {
    /// Phase and step of each oscillator, in turns.
    oscillators: Vec<(f64, f64)>,
    on: u64,
    off: u64,
    volume: f64,
    gain: f64,
    since_step: u64,
}

impl Settings {
    fn new(rate: u32) -> Self {
        let rate = f64::from(rate.clamp(1000, 192_000));
        Self {
            rate,
            volume: -7.0,
            on: (rate / 4.0) as u64,
            off: (rate / 16.0) as u64,
            repeat: 0,
            step: 0,
            direction: 0.0,
            factor: 1.0,
        }
    }

    fn samples(&self, ms: f64) -> u64 {
        (ms.max(0.0) * self.rate / 1000.0) as u64
    }

    fn set(&mut self, letter: char, value: f64) {
        match letter {
            'r' if (1000.0..=192_000.0).contains(&value) => self.rate = value.trunc(),
            'd' => self.on = self.samples(value.trunc()),
            'w' => self.off = self.samples(value.trunc()),
            'v' if VOLUMES.contains(&value) => self.volume = value,
            'l' => self.repeat = value as i64,
            '>' => (self.step, self.direction) = (self.samples(value.trunc()), -1.0),
            '<' => (self.step, self.direction) = (self.samples(value.trunc()), 1.0),
            '+' => self.factor = value,
            _ => {}
        }
    }
}

/// Amplitude of a sine of `volume` dB.
fn gain(volume: f64) -> f64 {
    10_f64.powf((volume - FULL_SCALE_DBM0) / 20.0) * 32_767.0 * std::f64::consts::SQRT_2
}

impl ToneGenerator {
    fn new(script: &ToneScript, rate: u32) -> Self {
        Self {
            items: Arc::clone(&script.items),
            passes: script.passes,
            runs: None,
            at: 0,
            sounded: false,
            state: Settings::new(rate),
            repeats: Some(0),
            tone: None,
        }
    }

    /// Fills the frame and says how many samples are the script's; the rest is zero. Fewer than the frame holds: the end.
    pub fn fill(&mut self, frame: &mut [i16]) -> usize {
        let mut filled = 0;
        for sample in frame.iter_mut() {
            match self.sample() {
                Some(value) => {
                    *sample = value;
                    filled += 1;
                }
                None => *sample = 0,
            }
        }
        filled
    }

    fn sample(&mut self) -> Option<i16> {
        loop {
            if let Some(tone) = &mut self.tone {
                if let Some(sample) = tone.sample(&self.state) {
                    self.sounded = true;
                    return Some(sample);
                }
                self.tone = None;
                if self.repeat() {
                    continue;
                }
            }
            if !self.advance() {
                return None;
            }
        }
    }

    /// Starts the tone before `at` once more, if `l` asks for it.
    fn repeat(&mut self) -> bool {
        match &mut self.repeats {
            Some(0) => return false,
            Some(left) => *left -= 1,
            None => {}
        }
        let Some(Item::Tone { on, off, frequencies }) = self.at.checked_sub(1).and_then(|at| self.items.get(at)) else {
            return false;
        };
        let tone = Sounding::new(&self.state, *on, *off, frequencies);
        // A tone of no length would repeat for ever without a sample.
        let sounds = tone.on + tone.off > 0;
        self.tone = sounds.then_some(tone);
        sounds
    }

    /// Takes the next item; false at the end of all.
    fn advance(&mut self) -> bool {
        let item = self.items.get(self.at);
        self.at += 1;
        match item {
            Some(Item::Set('L', value)) => {
                if self.runs.is_none() && *value >= 1.0 {
                    self.runs = Some(*value as u32);
                }
                true
            }
            Some(Item::Set(letter, value)) => {
                self.state.set(*letter, *value);
                true
            }
            Some(Item::Tone { on, off, frequencies }) => {
                let repeat = std::mem::take(&mut self.state.repeat);
                self.repeats = u32::try_from(repeat).ok().map(|times| times.saturating_sub(1));
                self.tone = Some(Sounding::new(&self.state, *on, *off, frequencies));
                true
            }
            Some(Item::End) | None => self.begin_again(),
        }
    }

    /// The next run or pass of the script.
    fn begin_again(&mut self) -> bool {
        if !self.sounded {
            return false;
        }
        self.at = 0;
        self.sounded = false;
        if let Some(runs) = &mut self.runs
            && *runs > 1
        {
            *runs -= 1;
            return true;
        }
        if let Some(passes) = &mut self.passes {
            *passes = passes.saturating_sub(1);
            if *passes == 0 {
                // Stay at the end.
                self.at = self.items.len();
                return false;
            }
        }
        self.runs = None;
        self.state = Settings::new(self.state.rate as u32);
        true
    }
}

impl Sounding {
    fn new(settings: &Settings, on: Option<u32>, off: Option<u32>, frequencies: &[f64]) -> Self {
        let time = |ms: Option<u32>, default: u64| ms.map_or(default, |ms| settings.samples(f64::from(ms)));
        let starts = frequencies.first().is_some_and(|hz| *hz > 0.0);
        Self {
            oscillators: frequencies.iter().map(|hz| (0.0, hz / settings.rate)).collect(),
            on: if starts { time(on, settings.on) } else { 0 },
            off: time(off, settings.off),
            volume: settings.volume,
            gain: gain(settings.volume),
            since_step: 0,
        }
    }

    fn sample(&mut self, settings: &Settings) -> Option<i16> {
        if self.on == 0 {
            self.off = self.off.checked_sub(1)?;
            return Some(0);
        }
        self.on -= 1;
        if settings.direction != 0.0 {
            self.fade(settings);
        }
        let mut sum = 0.0;
        for (phase, step) in &mut self.oscillators {
            sum += (*phase * TAU).sin();
            *phase = (*phase + *step).fract();
        }
        let mean = sum / self.oscillators.len().max(1) as f64;
        Some((mean * self.gain).round() as i16)
    }

    fn fade(&mut self, settings: &Settings) {
        self.since_step += 1;
        let volume = self.volume + settings.direction * settings.factor;
        if self.since_step >= settings.step && VOLUMES.contains(&volume) {
            self.volume = volume;
            self.gain = gain(volume);
            self.since_step = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::goertzel::{loudest_frequency, share};
    use super::*;

    const LIMIT: usize = 100_000;

    fn samples(script: &str) -> Vec<i16> {
        ToneScript::parse(script).unwrap().samples(8000, LIMIT)
    }

    /// Lengths of the stretches of sound (positive) and silence (negative), in ms at 8 kHz.
    fn cadence(samples: &[i16]) -> Vec<i64> {
        let mut stretches: Vec<(bool, i64)> = Vec::new();
        for frame in samples.chunks(8) {
            let loud = frame.iter().any(|s| *s != 0);
            match stretches.last_mut() {
                Some((was, ms)) if *was == loud => *ms += 1,
                _ => stretches.push((loud, 1)),
            }
        }
        stretches.into_iter().map(|(loud, ms)| if loud { ms } else { -ms }).collect()
    }

    #[test]
    fn cadences() {
        for (script, expected) in [
            ("%(200,300,440)", vec![200, -300]),
            ("%(200,300,440);loops=2", vec![200, -300, 200, -300]),
            ("{loops=2}%(200,300,440)", vec![200, -300, 200, -300]),
            ("%(200,300,440);loops=0", vec![200, -300]),
            ("L=2;%(100,50,440)", vec![100, -50, 100, -50]),
            ("L=2;%(100,50,440);loops=2", vec![100, -50, 100, -50, 100, -50, 100, -50]),
            ("l=3;%(100,50,440);%(20,10,440)", vec![100, -50, 100, -50, 100, -50, 20, -10]),
            ("d=100;w=40;1%(50,60,440)2(30,20)", vec![100, -40, 50, -60, 30, -20]),
            ("1", vec![250, -63]),
            (" %(100,50,440)\r\n ; z=9; %(70,30,440) ", vec![100, -50, 70, -30]),
            ("%(100,50,440);%(10,20);%(70,30,440)", vec![100, -50]),
            ("%(100,50,440)%(10,0,0)y%(70,30,440)", vec![100, -50, 70, -30]),
        ] {
            assert_eq!(cadence(&samples(script)), expected, "{script}");
        }
    }

    #[test]
    fn frequencies_and_levels() {
        let ring = samples("%(1000,0,440,480)");
        assert!(share(&ring, 8000, 440.0) > 0.45 && share(&ring, 8000, 480.0) > 0.45);
        for hz in [300.0, 440.0, 1000.0, 1633.5, 3400.0] {
            let tone = samples(&format!("%(500,0,{hz})"));
            assert!((loudest_frequency(&tone, 8000).unwrap() - hz).abs() < 2.0, "{hz}");
        }
        let peak = |script: &str| samples(script).iter().map(|s| i32::from(s.abs())).max().unwrap();
        // 20 log (peak of a full-scale sine / peak) is what the volume says, from 3.14 dBm0 on.
        assert!((peak("%(500,0,441)") - 10_186).abs() < 40, "{}", peak("%(500,0,441)"));
        assert!((peak("v=-27;%(500,0,441)") - 1018).abs() < 5);
        assert_eq!(peak("v=20;%(500,0,441)"), peak("%(500,0,441)"));
    }

    #[test]
    fn fading() {
        let out = samples("v=-10;>=10;+=2;%(100,0,1000)");
        let loud = |part: &[i16]| part.iter().map(|s| i32::from(s.abs())).max().unwrap();
        let ratio = f64::from(loud(&out[640..720])) / f64::from(loud(&out[..79]));
        assert!((20.0 * ratio.log10() + 16.0).abs() < 0.5, "{ratio}");
        let rising = samples("v=-40;<=10;+=3;%(100,0,1000)");
        assert!(loud(&rising[700..800]) > 8 * loud(&rising[..79]));
        let wild = samples("v=-10;>=0;+=5000;%(100,0,1000)");
        assert_eq!(loud(&wild), loud(&samples("v=-10;%(100,0,1000)")));
    }

    #[test]
    fn endless_scripts_go_on_and_empty_ones_do_not() {
        let endless = ToneScript::parse("%(100,100,440);loops=-1").unwrap();
        assert_eq!((endless.passes(), endless.once().passes()), (None, Some(1)));
        assert_eq!(endless.samples(8000, 50_000).len(), 50_000);
        assert_eq!(endless.once().samples(8000, 50_000).len(), 1600);
        assert_eq!(ToneScript::parse("l=-1;%(10,0,440)").unwrap().samples(8000, 1000).len(), 1000);
        assert_eq!(samples("%(10,0,440);l=-1;%(0,0,440);l=4000000000;%(0,0,440)").len(), 80);
        for script in ["%(0,0,440);loops=-1", "l=-1;%(0,0,440)", "L=1000000000;%(0,0,440);loops=-1"] {
            assert_eq!(samples(script), [0_i16; 0], "{script}");
        }
        for script in ["", ";", "xyz", "%", "%(1,2)", "v=3", "%(100,100,0)", "1(2);%(100,1,440)"] {
            assert_eq!(ToneScript::parse(script), Err(ToneError::NoTone), "{script}");
        }
    }

    #[test]
    fn frames_are_filled_up_with_silence() {
        let mut generator = ToneScript::parse("%(30,0,440)").unwrap().generator(8000);
        let mut frame = [7; 160];
        assert_eq!((generator.fill(&mut frame), generator.fill(&mut frame)), (160, 80));
        assert!(frame[80..].iter().all(|s| *s == 0));
        assert_eq!((generator.fill(&mut frame), generator.fill(&mut frame)), (0, 0));
    }

    proptest! {
        #[test]
        fn no_script_panics_or_hangs(script in "([%lLvdw><+r;=(),.0-9A-D*# -]|loops=){0,40}") {
            if let Ok(script) = ToneScript::parse(&script) {
                prop_assert!(script.samples(8000, 2000).len() <= 2000);
            }
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,40}") {
            let _ = ToneScript::parse(&text);
        }
    }
}
