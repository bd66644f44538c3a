//! Keccak-256 of many messages of one length, eight at a time.
//!
//! The states lie side by side, element by element, so that one instruction does the same step for all eight where the
//! processor has registers of 512 bits, for four or two where they are narrower.

use multiversion::multiversion;
use rayon::prelude::*;
use sha3::{Digest, Keccak256};

use crate::keccak::Hash;

const LANES: usize = 8;
const STATE_WORDS: usize = 25;
/// What one permutation absorbs: 1,088 of the state's 1,600 bits.
const RATE_BYTES: usize = 136;
/// Room for a chunk of 256 bytes.
const MAX_BLOCKS: usize = 2;
const WORD_BYTES: usize = size_of::<u64>();
/// Fewer messages than this are hashed sooner than a second thread wakes up.
const MESSAGES_PER_TASK: usize = 512;

type States = [[u64; LANES]; STATE_WORDS];

/// Hashes of `tag ‖ message` for messages of `size` bytes that lie one after the other; `size` is a chunk's at most.
pub(crate) fn hash_all(tag: u8, messages: &[u8], size: usize) -> Vec<Hash> {
    let mut hashes = vec![[0; 32]; messages.len() / size];
    if hashes.len() <= MESSAGES_PER_TASK {
        hash_some(tag, messages, size, &mut hashes);
    } else {
        let tasks = hashes.par_chunks_mut(MESSAGES_PER_TASK).zip(messages.par_chunks(MESSAGES_PER_TASK * size));
        tasks.for_each(|(hashes, messages)| hash_some(tag, messages, size, hashes));
    }
    hashes
}

fn hash_some(tag: u8, messages: &[u8], size: usize, hashes: &mut [Hash]) {
    let mut padded = Padded::new(tag, size);
    for (hashes, messages) in hashes.chunks_mut(LANES).zip(messages.chunks(LANES * size)) {
        if let [hash] = hashes {
            *hash = Keccak256::new().chain_update([tag]).chain_update(messages).finalize().into();
        } else {
            hash_eight(messages, size, &mut padded, hashes);
        }
    }
}

/// Eight messages behind their tags, padded to whole blocks as Keccak does: a one after the last bit, a one at the end.
struct Padded {
    rooms: [[u8; MAX_BLOCKS * RATE_BYTES]; LANES],
    used: usize,
}

impl Padded {
    fn new(tag: u8, size: usize) -> Self {
        let used = (1 + size + 1).next_multiple_of(RATE_BYTES);
        let mut room = [0; MAX_BLOCKS * RATE_BYTES];
        room[0] = tag;
        room[1 + size] = 0x01;
        room[used - 1] |= 0x80;
        Self { rooms: [room; LANES], used }
    }
}

/// At most eight messages; lanes without one hash what is left in them, which nobody reads.
fn hash_eight(messages: &[u8], size: usize, padded: &mut Padded, hashes: &mut [Hash]) {
    for (room, message) in padded.rooms.iter_mut().zip(messages.chunks_exact(size)) {
        room[1..=size].copy_from_slice(message);
    }
    let mut states = [[0; LANES]; STATE_WORDS];
    for start in (0..padded.used).step_by(RATE_BYTES) {
        for (lane, room) in padded.rooms.iter().enumerate() {
            let words = room[start..start + RATE_BYTES].chunks_exact(WORD_BYTES);
            for (word, bytes) in states.iter_mut().zip(words) {
                word[lane] ^= u64::from_le_bytes(bytes.try_into().expect("eight bytes"));
            }
        }
        permute(&mut states);
    }
    for (lane, hash) in hashes.iter_mut().enumerate() {
        for (bytes, word) in hash.chunks_exact_mut(WORD_BYTES).zip(&states) {
            bytes.copy_from_slice(&word[lane].to_le_bytes());
        }
    }
}

const ROUND_CONSTANTS: [u64; 24] = [
    0x0000_0000_0000_0001,
    0x0000_0000_0000_8082,
    0x8000_0000_0000_808a,
    0x8000_0000_8000_8000,
    0x0000_0000_0000_808b,
    0x0000_0000_8000_0001,
    0x8000_0000_8000_8081,
    0x8000_0000_0000_8009,
    0x0000_0000_0000_008a,
    0x0000_0000_0000_0088,
    0x0000_0000_8000_8009,
    0x0000_0000_8000_000a,
    0x0000_0000_8000_808b,
    0x8000_0000_0000_008b,
    0x8000_0000_0000_8089,
    0x8000_0000_0000_8003,
    0x8000_0000_0000_8002,
    0x8000_0000_0000_0080,
    0x0000_0000_0000_800a,
    0x8000_0000_8000_000a,
    0x8000_0000_8000_8081,
    0x8000_0000_0000_8080,
    0x0000_0000_8000_0001,
    0x8000_0000_8000_8008,
];
/// FIPS 202's rho and pi as one walk over all words but the first: where each goes, and by how much it is turned.
const PLACES: [usize; 24] = [10, 7, 11, 17, 18, 3, 5, 16, 8, 21, 24, 4, 15, 23, 19, 13, 12, 2, 20, 14, 22, 9, 6, 1];
const TURNS: [u32; 24] = [1, 3, 6, 10, 15, 21, 28, 36, 45, 55, 2, 14, 27, 41, 56, 8, 25, 43, 62, 18, 39, 61, 20, 44];

/// Keccak-f[1600] of all states. The loop over lanes is around a whole round, which is how the compiler finds it.
#[multiversion(targets("x86_64+avx512f", "x86_64+avx2"))]
fn permute(states: &mut States) {
    for constant in ROUND_CONSTANTS {
        for lane in 0..LANES {
            let mut state = std::array::from_fn(|word| states[word][lane]);
            round(&mut state, constant);
            for (words, word) in states.iter_mut().zip(state) {
                words[lane] = word;
            }
        }
    }
}

/// One round of FIPS 202, section 3.2.
#[inline(always)]
fn round(state: &mut [u64; STATE_WORDS], constant: u64) {
    let mut columns = [0; 5];
    for x in 0..5 {
        columns[x] = state[x] ^ state[x + 5] ^ state[x + 10] ^ state[x + 15] ^ state[x + 20];
    }
    for x in 0..5 {
        let change = columns[(x + 4) % 5] ^ columns[(x + 1) % 5].rotate_left(1);
        for y in 0..5 {
            state[5 * y + x] ^= change;
        }
    }
    let mut carried = state[1];
    for (place, turn) in PLACES.into_iter().zip(TURNS) {
        carried = std::mem::replace(&mut state[place], carried.rotate_left(turn));
    }
    for y in 0..5 {
        let row: [u64; 5] = std::array::from_fn(|x| state[5 * y + x]);
        for x in 0..5 {
            state[5 * y + x] = row[x] ^ (!row[(x + 1) % 5] & row[(x + 2) % 5]);
        }
    }
    state[0] ^= constant;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lanes_hash_as_each_message_does_alone() {
        for size in [1, 64, 134, 135, 136, 256, 270] {
            for count in [0, 1, 2, 7, 8, 9, 17, MESSAGES_PER_TASK + 1] {
                let messages: Vec<u8> = (0..size * count).map(|i| (i * 131 + i / 251 + size) as u8).collect();
                let alone = messages.chunks(size).map(|message| Keccak256::digest([&[7], message].concat()).into());
                assert_eq!(hash_all(7, &messages, size), alone.collect::<Vec<Hash>>(), "{count} of {size} bytes");
            }
        }
    }
}
