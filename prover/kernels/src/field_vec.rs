//! Vectors over the scalar field: tables of weights, products of them, and sums into cells.
//!
//! Indices are little-endian: bit j of an index belongs to variable j, and `point[0]` to the lowest bit.

use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, Field, Zero};
use rayon::prelude::*;

use crate::error::{KernelError, Result};

/// Fewer elements than this are done sooner than a second thread wakes up.
pub const PER_TASK: usize = 1 << 11;

/// Refuses more elements than memory can be had for, where a collection would end the process.
fn check_memory(count: Option<usize>) -> Result<usize> {
    let fits = |count: &usize| Vec::<Fr>::new().try_reserve_exact(*count).is_ok();
    count.filter(fits).ok_or_else(|| KernelError::Argument("a vector larger than memory".into()))
}

/// A vector of equal elements.
pub fn filled(value: Fr, count: usize) -> Result<Vec<Fr>> {
    Ok(vec![value; check_memory(Some(count))?])
}

/// eq(point, i) for all 2^len(point) indices i.
pub fn eq_table(point: &[Fr]) -> Result<Vec<Fr>> {
    let (low, high) = point.split_at(point.len() / 2);
    check_memory(u32::try_from(point.len()).ok().and_then(|bits| 1usize.checked_shl(bits)))?;
    Ok(outer_pair(&eq_by_doubling(high), &eq_by_doubling(low)))
}

fn eq_by_doubling(point: &[Fr]) -> Vec<Fr> {
    let mut table = vec![Fr::ONE];
    for &z in point.iter().rev() {
        let split = |&value: &Fr| {
            let high = value * z;
            [value - high, high]
        };
        table = table.iter().flat_map(split).collect();
    }
    table
}

/// The products of one weight of each vector over a row-major grid whose first axis is the slowest.
pub fn outer(weights: &[&[Fr]]) -> Result<Vec<Fr>> {
    check_memory(points(weights))?;
    let mut product = vec![Fr::ONE];
    for axis in weights {
        product = if product.len() == 1 && product[0] == Fr::ONE { axis.to_vec() } else { outer_pair(&product, axis) };
    }
    Ok(product)
}

fn points(weights: &[&[Fr]]) -> Option<usize> {
    weights.iter().try_fold(1usize, |product, axis| product.checked_mul(axis.len()))
}

fn outer_pair(slow: &[Fr], fast: &[Fr]) -> Vec<Fr> {
    let width = fast.len();
    // A division costs as much as the product.
    let bits = width.is_power_of_two().then(|| width.trailing_zeros());
    let cell = |i: usize| match bits {
        Some(bits) => slow[i >> bits] * fast[i & (width - 1)],
        None => slow[i / width] * fast[i % width],
    };
    (0..slow.len() * width).into_par_iter().with_min_len(PER_TASK).map(cell).collect()
}

/// (1 - x) v[2i] + x v[2i+1].
pub fn fold(values: &[Fr], x: Fr) -> Result<Vec<Fr>> {
    if values.len() % 2 != 0 {
        return Err(KernelError::Argument(format!("a vector of {} elements has no halves", values.len())));
    }
    Ok(fold_pairs(values, x))
}

/// As `fold`, of a vector known to be even.
pub fn fold_pairs(values: &[Fr], x: Fr) -> Vec<Fr> {
    let pair = |pair: &[Fr]| pair[0] + x * (pair[1] - pair[0]);
    values.par_chunks_exact(2).with_min_len(PER_TASK).map(pair).collect()
}

/// As `fold_pairs`, in the vector's own memory: blocks side by side, then moved together.
pub fn fold_in_place(values: &mut Vec<Fr>, x: Fr) {
    let length = values.len();
    values.par_chunks_mut(2 * PER_TASK).for_each(|block| {
        for i in 0..block.len() / 2 {
            block[i] = block[2 * i] + x * (block[2 * i + 1] - block[2 * i]);
        }
    });
    for start in (2 * PER_TASK..length).step_by(2 * PER_TASK) {
        let end = length.min(start + 2 * PER_TASK);
        values.copy_within(start..start + (end - start) / 2, start / 2);
    }
    values.truncate(length / 2);
}

/// v[2i] + v[2i+1].
pub fn sum_pairs(values: &[Fr]) -> Vec<Fr> {
    values.par_chunks_exact(2).with_min_len(PER_TASK).map(|pair| pair[0] + pair[1]).collect()
}

/// The sum of factor times vector, shorter vectors continued by zeros.
pub fn linear_combination(vectors: &[&[Fr]], factors: &[Fr]) -> Result<Vec<Fr>> {
    same_length("vectors", vectors.len(), "factors", factors.len())?;
    let length = vectors.iter().map(|vector| vector.len()).max().unwrap_or(0);
    let mut total = vec![Fr::ZERO; length];
    total.par_chunks_mut(PER_TASK).enumerate().for_each(|(block, cells)| {
        for (vector, factor) in vectors.iter().zip(factors) {
            let part = vector.get(block * PER_TASK..).unwrap_or_default();
            cells.iter_mut().zip(part).for_each(|(cell, value)| *cell += *factor * value);
        }
    });
    Ok(total)
}

/// For each point of the row-major grid of the weights' lengths, the product of its weights added to its cell; a
/// negative cell drops the point.
pub fn functional(cells: &[i64], count: usize, weights: &[&[Fr]]) -> Result<Vec<Fr>> {
    same_length("cells", cells.len(), "points", points(weights).unwrap_or(usize::MAX))?;
    check_memory(Some(count))?;
    if let Some(cell) = cells.iter().find(|&&cell| cell >= 0 && cell as u64 >= count as u64) {
        return Err(KernelError::Argument(format!("cell {cell} is none of {count}")));
    }
    let Some((&fast, slow)) = weights.split_last() else {
        return Ok((0..count).map(|cell| if cells[0] == cell as i64 { Fr::ONE } else { Fr::ZERO }).collect());
    };
    let slow = outer(slow)?;
    if cells.is_empty() {
        return Ok(vec![Fr::ZERO; count]);
    }
    // Each task has a result of its own, so there are no more of them than points pay for.
    let tasks = rayon::current_num_threads().min(cells.len() / count.max(PER_TASK)).max(1);
    let rows = slow.len().div_ceil(tasks);
    let parts = cells.par_chunks(rows * fast.len()).zip(slow.par_chunks(rows));
    let add = |mut left: Vec<Fr>, right: Vec<Fr>| {
        left.iter_mut().zip(right).for_each(|(cell, value)| *cell += value);
        left
    };
    Ok(parts.map(|(cells, slow)| functional_part(cells, count, slow, fast)).reduce_with(add).unwrap_or_default())
}

fn functional_part(cells: &[i64], count: usize, slow: &[Fr], fast: &[Fr]) -> Vec<Fr> {
    let mut result = vec![Fr::ZERO; count];
    for (row, &weight) in cells.chunks_exact(fast.len()).zip(slow).filter(|(_, weight)| !weight.is_zero()) {
        for (&cell, &value) in row.iter().zip(fast).filter(|(cell, _)| **cell >= 0) {
            result[cell as usize] += weight * value;
        }
    }
    result
}

/// Refuses two lengths that should be equal.
pub fn same_length(one: &str, length: usize, other: &str, expected: usize) -> Result<()> {
    if length == expected {
        return Ok(());
    }
    Err(KernelError::Argument(format!("{length} {one} for {expected} {other}")))
}

/// n of a length 2^n.
pub fn variables(length: usize) -> Result<usize> {
    if length.is_power_of_two() {
        return Ok(length.ilog2() as usize);
    }
    Err(KernelError::Argument(format!("{length} elements are no power of two")))
}

/// The cells of `target` from `offset` on that `length` elements take.
pub fn room(target: &mut [Fr], offset: usize, length: usize) -> Result<&mut [Fr]> {
    let all = target.len();
    let end = offset.checked_add(length).filter(|&end| end <= all);
    end.map(|end| &mut target[offset..end])
        .ok_or_else(|| KernelError::Argument(format!("{length} elements from {offset} are outside a vector of {all}")))
}
