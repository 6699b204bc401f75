//! Damaged files, the same ones each time, for what reads files of others.

/// `count` versions of `bytes`: cut short, or with bytes, whole words or pieces overwritten, removed or repeated.
pub fn mutations(bytes: &[u8], count: u64) -> impl Iterator<Item = Vec<u8>> + '_ {
    (0..count).map(|number| mutated(bytes, &mut Draws(number)))
}

/// SplitMix64.
struct Draws(u64);

impl Draws {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % bound.max(1) as u64) as usize
    }
}

/// Numbers that are wrong as lengths, offsets or counts.
const WORDS: [u64; 6] = [0, 1, i32::MAX as u64, u32::MAX as u64, i64::MAX as u64, u64::MAX];

fn mutated(bytes: &[u8], draws: &mut Draws) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..=draws.below(4) {
        // What describes the rest stands at the start or the end of a file; half of the damage is done there.
        let near = bytes.len().min(2048);
        let at = match draws.below(4) {
            0 => draws.below(near),
            1 => bytes.len() - near + draws.below(near),
            _ => draws.below(bytes.len()),
        };
        let end = (at + 1 + draws.below(64)).min(bytes.len());
        match draws.below(8) {
            0 => bytes.truncate(at),
            1 => drop(bytes.drain(at.min(end)..end)),
            2 => {
                let piece = bytes[at.min(end)..end].to_vec();
                let place = draws.below(bytes.len());
                bytes.splice(place..place, piece);
            }
            3 | 4 => {
                let word = WORDS[draws.below(WORDS.len())].to_le_bytes();
                let width = [2, 4, 8][draws.below(3)];
                bytes.iter_mut().skip(at).zip(&word[..width]).for_each(|(old, new)| *old = *new);
            }
            _ => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte = draws.below(256) as u8),
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_damaged_in_the_same_ways_each_time() {
        let bytes: Vec<u8> = (0..=255).collect();
        let damaged: Vec<_> = mutations(&bytes, 200).collect();
        assert!(damaged.iter().filter(|other| **other != bytes).count() > 190);
        assert!(damaged.iter().any(|other| other.len() < 256) && damaged.iter().any(|other| other.len() > 256));
        assert_eq!(damaged, mutations(&bytes, 200).collect::<Vec<_>>());
        assert_eq!(mutations(&[], 50).count(), 50);
    }
}
