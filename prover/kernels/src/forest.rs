//! The roots of many tensors at once: leaves are hashed together, then all trees, level by level.
//!
//! Small tensors would keep neither vector registers nor threads busy one at a time. Memory stays at one block of bytes,
//! plus a hash for each chunk of the tensor at work and of those not yet folded.

use crate::error::Result;
use crate::keccak::{CHUNK_BYTES, Hash, check_shape, chunk_leaves, fold_all, root_with_header};

/// Bytes that are laid out before they are hashed: they stay in the cache in between.
pub const BLOCK_BYTES: usize = 1 << 18;
/// Finished tensors are folded as soon as they have so many leaves together.
const FOLD_FROM: usize = 1 << 14;
const WIDTH: u8 = 4;

/// Takes tensors of width 4 one after the other, each in blocks of big-endian bytes.
#[derive(Default)]
pub struct Forest {
    block: Vec<u8>,
    leaves: Vec<Hash>,
    finished: usize,
    unfolded: Vec<(Vec<u32>, usize)>,
    roots: Vec<Hash>,
}

impl Forest {
    /// Room for `bytes` more bytes of the tensor at work, which the caller fills in: at most BLOCK_BYTES, and whole
    /// chunks except at the tensor's end. What is left of the last chunk is zeros.
    pub fn room(&mut self, bytes: usize) -> &mut [u8] {
        let start = self.block.len();
        self.block.resize(start + bytes.next_multiple_of(CHUNK_BYTES), 0);
        &mut self.block[start..start + bytes]
    }

    /// Whether a block is full, so that `hash` is worth its while.
    pub fn is_full(&self) -> bool {
        self.block.len() >= BLOCK_BYTES
    }

    /// Hashes what was laid out.
    pub fn hash(&mut self) {
        if !self.block.is_empty() {
            self.leaves.append(&mut chunk_leaves(&self.block));
            self.block.clear();
        }
    }

    /// Ends the tensor at work, of which `bytes` were laid out.
    pub fn end(&mut self, dims: Vec<u32>, bytes: usize) -> Result<()> {
        check_shape(bytes, WIDTH, &dims)?;
        if bytes == 0 {
            self.room(CHUNK_BYTES);
        }
        let chunks = bytes.div_ceil(CHUNK_BYTES).max(1);
        self.finished += chunks;
        self.unfolded.push((dims, chunks));
        Ok(())
    }

    /// Whether the finished tensors have so many leaves that `fold` is due.
    pub fn is_many(&self) -> bool {
        self.finished >= FOLD_FROM
    }

    /// Folds the finished tensors; none may be at work.
    pub fn fold(&mut self) {
        self.hash();
        let counts = self.unfolded.iter().map(|&(_, chunks)| chunks).collect();
        let trees = fold_all(counts, std::mem::take(&mut self.leaves));
        let unfolded = self.unfolded.drain(..).zip(trees);
        self.roots.extend(unfolded.map(|((dims, _), root)| root_with_header(WIDTH, &dims, root)));
        self.finished = 0;
    }

    /// The roots of all tensors, in order.
    pub fn finish(mut self) -> Vec<Hash> {
        self.fold();
        self.roots
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keccak::tensor_root;

    fn tensor(elements: usize, seed: u32) -> Vec<u8> {
        (0..elements as u32).flat_map(|i| (i.wrapping_mul(2_654_435_761) ^ seed).to_be_bytes()).collect()
    }

    fn root_of(tensors: &[Vec<u8>]) -> Vec<Hash> {
        let mut forest = Forest::default();
        for data in tensors {
            for block in data.chunks(BLOCK_BYTES) {
                forest.room(block.len()).copy_from_slice(block);
                if forest.is_full() {
                    forest.hash();
                }
            }
            forest.end(vec![(data.len() / 4) as u32], data.len()).unwrap();
            if forest.is_many() {
                forest.fold();
            }
        }
        forest.finish()
    }

    #[test]
    fn many_tensors_have_the_roots_that_each_has_alone() {
        let sizes =
            [0, 1, 64, 65, 63, 640, 129, 70_000, 65_535, 3, 65_535, 64 * 16_384, 64 * 9, 2 * BLOCK_BYTES / 4 + 5];
        let tensors: Vec<_> = sizes.into_iter().zip(1..).map(|(elements, seed)| tensor(elements, seed)).collect();
        let alone = tensors.iter().map(|data| tensor_root(data, 4, &[(data.len() / 4) as u32]).unwrap());
        assert_eq!(root_of(&tensors), alone.collect::<Vec<_>>());
        assert_eq!(root_of(&[]), Vec::<Hash>::new());
    }

    #[test]
    fn refuses_dims_of_another_tensor() {
        let mut forest = Forest::default();
        forest.room(8);
        assert!(forest.end(vec![3], 8).is_err());
    }
}
