//! Sums of 64-bit integers times field elements, reduced once.
//!
//! A product of a field element's four limbs and one of an integer has five; sums of them are kept in six, positive and
//! negative ones apart, and a sum of up to 2^64 products fits.

use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, BigInt, Field, Fp};
use rayon::prelude::*;

use crate::error::{KernelError, Result};
use crate::field_vec::{PER_TASK, room, same_length};

const LIMBS: usize = 6;
/// Cells whose sums are open at a time: they stay in the first-level cache.
const BLOCK: usize = 128;

/// A sum of integers times field elements that is not reduced yet.
#[derive(Clone, Copy, Default)]
pub struct SmallSum {
    positive: [u64; LIMBS],
    negative: [u64; LIMBS],
}

impl SmallSum {
    /// Adds `integer` times `value`.
    #[inline]
    pub fn add(&mut self, integer: i64, value: &Fr) {
        let sum = if integer < 0 { &mut self.negative } else { &mut self.positive };
        add_product(sum, integer.unsigned_abs(), &value.0.0);
    }

    /// Both sums.
    pub fn plus(mut self, other: &Self) -> Self {
        add_limbs(&mut self.positive, &other.positive);
        add_limbs(&mut self.negative, &other.negative);
        self
    }

    /// The sum as a field element; `shift` is 2^192.
    pub fn reduce(&self, shift: Fr) -> Fr {
        reduce(&self.positive, shift) - reduce(&self.negative, shift)
    }
}

/// What `SmallSum::reduce` needs.
pub fn shift() -> Fr {
    Fr::from(2u64).pow([192])
}

#[inline]
fn add_product(sum: &mut [u64; LIMBS], factor: u64, limbs: &[u64; 4]) {
    let mut carry = 0u128;
    for (cell, &limb) in sum.iter_mut().zip(limbs) {
        carry += u128::from(*cell) + u128::from(factor) * u128::from(limb);
        *cell = carry as u64;
        carry >>= 64;
    }
    carry += u128::from(sum[4]);
    sum[4] = carry as u64;
    sum[5] += (carry >> 64) as u64;
}

fn add_limbs(sum: &mut [u64; LIMBS], other: &[u64; LIMBS]) {
    let mut carry = 0u128;
    for (cell, &limb) in sum.iter_mut().zip(other) {
        carry += u128::from(*cell) + u128::from(limb);
        *cell = carry as u64;
        carry >>= 64;
    }
}

/// The limbs are a Montgomery form, below r in groups of three.
fn reduce(limbs: &[u64; LIMBS], shift: Fr) -> Fr {
    let part = |limbs: &[u64]| -> Fr { Fp::new_unchecked(BigInt::new([limbs[0], limbs[1], limbs[2], 0])) };
    let (low, high) = limbs.split_at(3);
    if high == [0; 3] { part(low) } else { part(low) + part(high) * shift }
}

/// The integers as field elements, times `factor`.
pub fn write_integers(target: &mut [Fr], offset: usize, integers: &[i64], factor: Fr) -> Result<()> {
    let cells = room(target, offset, integers.len())?;
    let plain = factor == Fr::ONE;
    cells.par_iter_mut().with_min_len(PER_TASK).zip(integers).for_each(|(cell, &integer)| {
        *cell = if plain { Fr::from(integer) } else { factor * Fr::from(integer) };
    });
    Ok(())
}

/// A matrix of `weights.len()` columns, row by row, times the weights.
pub fn weighted_sum(matrix: &[i64], kept: usize, weights: &[Fr]) -> Result<Vec<Fr>> {
    let cells = kept.checked_mul(weights.len()).unwrap_or(usize::MAX);
    same_length("integers", matrix.len(), "cells of the matrix", cells)?;
    if weights.is_empty() {
        return Ok(vec![Fr::ZERO; kept]);
    }
    let shift = shift();
    let row = |row: &[i64]| {
        let parts = row.par_chunks(PER_TASK).zip(weights.par_chunks(PER_TASK));
        parts.map(|(row, weights)| dot(row, weights)).reduce(SmallSum::default, |a, b| a.plus(&b)).reduce(shift)
    };
    Ok(matrix.par_chunks_exact(weights.len()).with_min_len(PER_TASK.div_ceil(weights.len())).map(row).collect())
}

fn dot(integers: &[i64], weights: &[Fr]) -> SmallSum {
    let mut sum = SmallSum::default();
    integers.iter().zip(weights).for_each(|(&integer, weight)| sum.add(integer, weight));
    sum
}

/// The sum of factor times row in `length` cells, shorter rows continued by zeros.
pub fn combine_integers(rows: &[Vec<i64>], factors: &[Fr], length: usize) -> Result<Vec<Fr>> {
    same_length("rows", rows.len(), "factors", factors.len())?;
    if let Some(row) = rows.iter().find(|row| row.len() > length) {
        return Err(KernelError::Argument(format!("a row of {} integers is longer than {length}", row.len())));
    }
    let mut result = vec![Fr::ZERO; length];
    let shift = shift();
    result.par_chunks_mut(BLOCK).enumerate().for_each(|(block, cells)| {
        let mut sums = [SmallSum::default(); BLOCK];
        for (row, factor) in rows.iter().zip(factors) {
            let part = row.get(block * BLOCK..).unwrap_or_default();
            sums.iter_mut().zip(part).filter(|(_, x)| **x != 0).for_each(|(sum, &x)| sum.add(x, factor));
        }
        cells.iter_mut().zip(&sums).for_each(|(cell, sum)| *cell = sum.reduce(shift));
    });
    Ok(result)
}

/// What makes fingerprints of tuples: docs/protocol/sumcheck.md section 6.
pub struct Fingerprints<'a> {
    /// What the fingerprint is taken from.
    pub alpha: Fr,
    /// What tells tables apart.
    pub tag: Fr,
    /// One per column.
    pub factors: &'a [Fr],
    /// Columns of one length.
    pub columns: &'a [Vec<i64>],
    /// What the tag is multiplied with; 1 everywhere if there is none.
    pub mask: Option<&'a [i64]>,
}

impl Fingerprints<'_> {
    /// alpha - tag mask_i - sum of factor_j column_j[i], from `offset` on.
    pub fn write(&self, target: &mut [Fr], offset: usize) -> Result<()> {
        same_length("columns", self.columns.len(), "factors", self.factors.len())?;
        let lengths = self.columns.iter().map(Vec::len).chain(self.mask.map(<[i64]>::len));
        let mut lengths = lengths.collect::<Vec<_>>().into_iter();
        let Some(length) = lengths.next() else {
            return Err(KernelError::Argument("fingerprints of neither columns nor a mask".into()));
        };
        if let Some(other) = lengths.find(|&other| other != length) {
            return Err(KernelError::Argument(format!("columns of {length} and of {other} integers")));
        }
        let shift = shift();
        room(target, offset, length)?.par_iter_mut().with_min_len(PER_TASK).enumerate().for_each(|(i, cell)| {
            let mut sum = SmallSum::default();
            sum.add(self.mask.map_or(1, |mask| mask[i]), &self.tag);
            self.columns.iter().zip(self.factors).for_each(|(column, factor)| sum.add(column[i], factor));
            *cell = self.alpha - sum.reduce(shift);
        });
        Ok(())
    }
}
