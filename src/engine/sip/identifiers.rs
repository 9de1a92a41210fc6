//! Names a stack gives away: tags, branches, Call-IDs; and which shard a Call-ID belongs to. All from seeded generators.

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

/// The shard (0..`shards`) that owns the calls of this Call-ID. FNV-1a: the same on every shard and at every start.
pub fn shard_of(call_id: &[u8], shards: usize) -> usize {
    let hash = call_id
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3));
    // The low bits of FNV mix best after folding the high ones in.
    ((hash ^ (hash >> 32)) % shards.max(1) as u64) as usize
}

/// Makes Call-IDs that [`shard_of`] maps to one shard.
#[derive(Debug)]
pub struct CallIds {
    random: SmallRng,
    shard: usize,
    shards: usize,
}

impl CallIds {
    /// For one shard of `shards`. Seeds of different generators must differ, or their Call-IDs repeat each other.
    pub fn new(seed: u64, shard: usize, shards: usize) -> Self {
        let shards = shards.max(1);
        Self { random: SmallRng::seed_from_u64(seed), shard: shard % shards, shards }
    }

    /// A new one, shaped like a UUID as FreeSWITCH's are.
    pub fn next_id(&mut self) -> String {
        let mut random: u128 = self.random.random();
        loop {
            let id = uuid_text(random);
            if shard_of(id.as_bytes(), self.shards) == self.shard {
                return id;
            }
            random = random.wrapping_add(1);
        }
    }
}

fn uuid_text(value: u128) -> String {
    let hex = format!("{value:032x}");
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    format!("{}-{}-{}-{}-{}", part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32))
}

/// The stack's own generator.
#[derive(Debug)]
pub(super) struct Names {
    random: SmallRng,
}

impl Names {
    pub(super) fn new(seed: u64) -> Self {
        Self { random: SmallRng::seed_from_u64(seed) }
    }

    /// A tag: 13 characters of 64 random bits.
    pub(super) fn tag(&mut self) -> String {
        base32(self.random.random())
    }

    /// The random part of a branch.
    pub(super) fn branch(&mut self) -> u64 {
        self.random.random()
    }

    pub(super) fn call_id(&mut self) -> String {
        uuid_text(self.random.random())
    }

    /// First CSeq of a dialog: any number with room for counting on.
    pub(super) fn cseq(&mut self) -> u32 {
        self.random.random_range(1..1 << 27)
    }

    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.random.random_range(0..bound.max(1))
    }
}

const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// 64 bits as 13 letters and digits.
pub(super) fn base32(mut value: u64) -> String {
    let mut out = String::with_capacity(13);
    for _ in 0..13 {
        out.push(char::from(ALPHABET.get((value & 31) as usize).copied().unwrap_or(b'a')));
        value >>= 5;
    }
    out
}

/// Reads [`base32`] back.
pub(super) fn from_base32(text: &[u8]) -> Option<u64> {
    if text.len() != 13 {
        return None;
    }
    text.iter().rev().try_fold(0_u64, |value, byte| {
        let digit = ALPHABET.iter().position(|letter| letter == byte)? as u64;
        Some((value << 5) | digit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_survive_their_text() {
        for value in [0, 1, 31, 32, u64::MAX, 0x0123_4567_89ab_cdef] {
            assert_eq!(from_base32(base32(value).as_bytes()), Some(value));
        }
        assert_eq!(from_base32(b"short"), None);
        assert_eq!(from_base32(b"AAAAAAAAAAAAA"), None);
    }

    #[test]
    fn call_ids_belong_to_their_shard() {
        for shards in 1..6 {
            for shard in 0..shards {
                let mut ids = CallIds::new(7, shard, shards);
                for _ in 0..50 {
                    assert_eq!(shard_of(ids.next_id().as_bytes(), shards), shard);
                }
            }
        }
    }

    #[test]
    fn shards_are_filled_evenly() {
        let mut names = Names::new(1);
        let mut counts = [0_u32; 4];
        for _ in 0..4000 {
            counts[shard_of(names.call_id().as_bytes(), 4)] += 1;
        }
        assert!(counts.iter().all(|count| (900..1100).contains(count)), "{counts:?}");
    }
}
