//! Keccak-256 and the trees of `docs/protocol/statement.md`, sections 2 and 3.

use sha3::{Digest, Keccak256};

use crate::error::{KernelError, Result};
use crate::lanes::hash_all;

/// A digest, and a tree's node.
pub type Hash = [u8; 32];

const LEAF: u8 = 0x00;
const NODE: u8 = 0x01;
const TENSOR: u8 = 0x02;
pub(crate) const CHUNK_BYTES: usize = 256;
const MAX_RANK: usize = 8;

/// Keccak-256 as the EVM computes it.
pub fn keccak256(data: &[u8]) -> Hash {
    Keccak256::digest(data).into()
}

fn tagged(tag: u8, parts: [&[u8]; 2]) -> Hash {
    let mut hasher = Keccak256::new();
    hasher.update([tag]);
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().into()
}

/// A node for each pair of hashes.
fn nodes(pairs: &[Hash]) -> Vec<Hash> {
    hash_all(NODE, pairs.as_flattened(), 2 * size_of::<Hash>())
}

/// Levels between the leaves and the root of a tree of so many leaves.
fn height(leaves: usize) -> u32 {
    leaves.next_power_of_two().trailing_zeros()
}

/// Roots of trees whose leaves lie one after the other, all trees one level at a time (section 2).
///
/// A node that covers only padding is never laid out: all of its height are equal.
pub(crate) fn fold_all(mut counts: Vec<usize>, mut level: Vec<Hash>) -> Vec<Hash> {
    let heights: Vec<u32> = counts.iter().map(|&count| height(count)).collect();
    let mut roots = vec![[0; 32]; counts.len()];
    let mut padding = [0; 32];
    for here in 0..=heights.iter().copied().max().unwrap_or(0) {
        let mut pairs = Vec::with_capacity(level.len() + counts.len());
        let mut rest = level.as_slice();
        for (tree, count) in counts.iter_mut().enumerate() {
            let (own, others) = rest.split_at(*count);
            rest = others;
            if heights[tree] == here {
                roots[tree] = own.first().copied().unwrap_or_default();
                *count = 0;
                continue;
            }
            pairs.extend_from_slice(own);
            if *count % 2 == 1 {
                pairs.push(padding);
            }
            *count = count.div_ceil(2);
        }
        level = nodes(&pairs);
        padding = tagged(NODE, [&padding, &padding]);
    }
    roots
}

/// Every level of a tensor's chunk tree from the leaves up, without the nodes that cover only padding.
pub fn chunk_levels(data: &[u8]) -> Vec<Vec<Hash>> {
    let mut levels = vec![chunk_leaves(data)];
    let mut padding = [0; 32];
    for here in 0..height(levels[0].len()) as usize {
        let mut pairs = levels[here].clone();
        if pairs.len() % 2 == 1 {
            pairs.push(padding);
        }
        levels.push(nodes(&pairs));
        padding = tagged(NODE, [&padding, &padding]);
    }
    levels
}

/// Root of leaves handed over as one string of 32-byte pieces.
pub fn merkle_root(leaves: &[u8]) -> Result<Hash> {
    let pieces = leaves.chunks_exact(size_of::<Hash>());
    if !pieces.remainder().is_empty() {
        return Err(KernelError::Argument(format!("{} bytes are not whole 32-byte leaves", leaves.len())));
    }
    let mut level = vec![[0; 32]; pieces.len()];
    level.iter_mut().zip(pieces).for_each(|(leaf, piece)| leaf.copy_from_slice(piece));
    Ok(fold_all(vec![level.len()], level)[0])
}

/// Leaves of a tensor's bytes, the last chunk padded with zeros; an empty tensor has one zero chunk (section 3).
pub(crate) fn chunk_leaves(data: &[u8]) -> Vec<Hash> {
    let whole = data.len() / CHUNK_BYTES * CHUNK_BYTES;
    let mut leaves = hash_all(LEAF, &data[..whole], CHUNK_BYTES);
    if whole < data.len() || data.is_empty() {
        let last = &data[whole..];
        leaves.push(tagged(LEAF, [last, &[0; CHUNK_BYTES][last.len()..]]));
    }
    leaves
}

fn shape_header(width: u8, dims: &[u32]) -> Vec<u8> {
    let mut header = vec![width, dims.len() as u8];
    for dim in dims {
        header.extend_from_slice(&dim.to_be_bytes());
    }
    header
}

pub(crate) fn check_shape(len: usize, width: u8, dims: &[u32]) -> Result<()> {
    if width != 4 && width != 8 {
        return Err(KernelError::Argument(format!("element width must be 4 or 8, got {width}")));
    }
    if dims.len() > MAX_RANK {
        return Err(KernelError::Argument(format!("rank {} is over {MAX_RANK}", dims.len())));
    }
    let expected = if dims.contains(&0) {
        Some(0)
    } else {
        dims.iter().try_fold(u128::from(width), |size, &dim| size.checked_mul(u128::from(dim)))
    };
    if expected != Some(len as u128) {
        return Err(KernelError::Argument(format!("dims {dims:?} at width {width} do not make {len} bytes")));
    }
    Ok(())
}

/// Root of a tensor, given that of its chunk tree.
pub(crate) fn root_with_header(width: u8, dims: &[u32], root: Hash) -> Hash {
    tagged(TENSOR, [&shape_header(width, dims), &root])
}

/// Root of a tensor's big-endian, row-major bytes (section 3).
pub fn tensor_root(data: &[u8], width: u8, dims: &[u32]) -> Result<Hash> {
    check_shape(data.len(), width, dims)?;
    let leaves = chunk_leaves(data);
    Ok(root_with_header(width, dims, fold_all(vec![leaves.len()], leaves)[0]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_input_has_the_digest_every_evm_knows() {
        let empty = "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470";
        assert_eq!(hex(&keccak256(b"")), empty);
    }

    #[test]
    fn one_leaf_is_its_own_root_and_none_is_zero() {
        assert_eq!(merkle_root(&[7; 32]), Ok([7; 32]));
        assert_eq!(merkle_root(&[]), Ok([0; 32]));
        assert!(merkle_root(&[7; 33]).is_err());
    }

    #[test]
    fn parallel_levels_fold_like_serial_ones() {
        let leaves: Vec<Hash> = (0..1000u32).map(|i| keccak256(&i.to_be_bytes())).collect();
        let mut level = leaves.clone();
        level.resize(1024, [0; 32]);
        while level.len() > 1 {
            level = level.chunks(2).map(|p| tagged(NODE, [&p[0], &p[1]])).collect();
        }
        assert_eq!(merkle_root(leaves.as_flattened()), Ok(level[0]));
    }

    #[test]
    fn refuses_shapes_that_do_not_describe_the_bytes() {
        assert!(tensor_root(&[0; 8], 4, &[2]).is_ok());
        assert!(tensor_root(&[0; 8], 4, &[3]).is_err());
        assert!(tensor_root(&[0; 8], 5, &[2]).is_err());
        assert!(tensor_root(&[0; 4], 4, &[1; 9]).is_err());
        assert!(tensor_root(&[0; 8], 4, &[u32::MAX; 8]).is_err());
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|b| format!("{b:02x}")).collect()
    }
}
