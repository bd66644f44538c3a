//! Sums of 64-bit integers times field elements, reduced once.
//!
//! A product of a field element's four limbs and one of an integer has five; sums of them are kept in six, positive and
//! negative ones apart, and a sum of up to 2^64 products fits.

use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, BigInt, BigInteger, Field, Fp, PrimeField};
use rayon::prelude::*;

use crate::error::{KernelError, Result};
use crate::field_vec::{PER_TASK, filled, room, same_length};

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

    /// Takes away `integer` times `value`.
    #[inline]
    pub fn subtract(&mut self, integer: i64, value: &Fr) {
        let sum = if integer < 0 { &mut self.positive } else { &mut self.negative };
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

/// The limbs are a Montgomery form. Most sums are below 2^317, of few terms or small ones: a quotient of 64 bits does.
fn reduce(limbs: &[u64; LIMBS], shift: Fr) -> Fr {
    if limbs[5] == 0 && limbs[4] >> 61 == 0 {
        return Fp::new_unchecked(remainder(limbs));
    }
    let part = |limbs: &[u64]| -> Fr { Fp::new_unchecked(BigInt::new([limbs[0], limbs[1], limbs[2], 0])) };
    part(&limbs[..3]) + part(&limbs[3..]) * shift
}

/// 2^317 / r, rounded down.
const RECIPROCAL: u64 = 0xa948_e8c4_c474_094f;

/// What is left of a number T below 2^317 modulo r, after Barrett: with t = T / 2^253 and q = t * RECIPROCAL / 2^64, both
/// rounded down, T / r - 3 < q <= T / r.
fn remainder(limbs: &[u64; LIMBS]) -> BigInt<4> {
    let t = limbs[3] >> 61 | limbs[4] << 3;
    let q = ((u128::from(t) * u128::from(RECIPROCAL)) >> 64) as u64;
    let mut rest = [0; 4];
    let (mut carry, mut borrow) = (0u128, false);
    for (i, cell) in rest.iter_mut().enumerate() {
        carry += u128::from(q) * u128::from(Fr::MODULUS.0[i]);
        let (difference, one) = limbs[i].overflowing_sub(carry as u64);
        let (difference, other) = difference.overflowing_sub(u64::from(borrow));
        (*cell, borrow) = (difference, one | other);
        carry >>= 64;
    }
    let mut rest = BigInt::new(rest);
    while rest >= Fr::MODULUS {
        rest.sub_with_borrow(&Fr::MODULUS);
    }
    rest
}

/// The integers as field elements, times `factor`.
pub fn write_integers(target: &mut [Fr], offset: usize, integers: &[i64], factor: Fr) -> Result<()> {
    let cells = room(target, offset, integers.len())?;
    let shift = shift();
    cells.par_iter_mut().with_min_len(PER_TASK).zip(integers).for_each(|(cell, &integer)| {
        let mut sum = SmallSum::default();
        sum.add(integer, &factor);
        *cell = sum.reduce(shift);
    });
    Ok(())
}

/// A matrix of `weights.len()` columns, row by row, times the weights.
pub fn weighted_sum(matrix: &[i64], kept: usize, weights: &[Fr]) -> Result<Vec<Fr>> {
    let cells = kept.saturating_mul(weights.len());
    same_length("integers", matrix.len(), "cells of the matrix", cells)?;
    if weights.is_empty() {
        return filled(Fr::ZERO, kept);
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

/// Sums of products of pairs: of both factors' values at 0, and of their differences.
pub fn product_sums(a: &[i64], b: &[Fr]) -> [Fr; 2] {
    let block = |(a, b): (&[i64], &[Fr])| {
        let mut sums = [SmallSum::default(); 2];
        for (a, b) in a.chunks_exact(2).zip(b.chunks_exact(2)) {
            let slope = b[1] - b[0];
            sums[0].add(a[0], &b[0]);
            sums[1].add(a[1], &slope);
            sums[1].subtract(a[0], &slope);
        }
        sums
    };
    let plus = |one: [SmallSum; 2], other: [SmallSum; 2]| [one[0].plus(&other[0]), one[1].plus(&other[1])];
    let blocks = a.par_chunks(2 * PER_TASK).zip(b.par_chunks(2 * PER_TASK)).map(block);
    let shift = shift();
    blocks.reduce(|| [SmallSum::default(); 2], plus).map(|sum| sum.reduce(shift))
}

/// (1 - x) v[2i] + x v[2i+1].
pub fn fold_integers(values: &[i64], x: Fr) -> Vec<Fr> {
    let (shift, rest) = (shift(), Fr::ONE - x);
    let pair = |pair: &[i64]| {
        let mut sum = SmallSum::default();
        sum.add(pair[0], &rest);
        sum.add(pair[1], &x);
        sum.reduce(shift)
    };
    values.par_chunks_exact(2).with_min_len(PER_TASK).map(pair).collect()
}

/// The sum of factor times row in `length` cells, shorter rows continued by zeros.
pub fn combine_integers(rows: &[Vec<i64>], factors: &[Fr], length: usize) -> Result<Vec<Fr>> {
    same_length("rows", rows.len(), "factors", factors.len())?;
    if let Some(row) = rows.iter().find(|row| row.len() > length) {
        return Err(KernelError::Argument(format!("a row of {} integers is longer than {length}", row.len())));
    }
    let mut result = filled(Fr::ZERO, length)?;
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
    /// The tuples, column by column.
    pub columns: &'a [Vec<i64>],
    /// What the tag is multiplied with: as long as a column.
    pub mask: &'a [i64],
}

impl Fingerprints<'_> {
    /// alpha - tag mask_i - sum of factor_j column_j[i], from `offset` on.
    pub fn write(&self, target: &mut [Fr], offset: usize) -> Result<()> {
        same_length("columns", self.columns.len(), "factors", self.factors.len())?;
        let length = self.mask.len();
        self.columns.iter().try_for_each(|column| same_length("integers", column.len(), "of the mask", length))?;
        let shift = shift();
        room(target, offset, length)?.par_iter_mut().with_min_len(PER_TASK).enumerate().for_each(|(i, cell)| {
            let mut sum = SmallSum::default();
            sum.add(self.mask[i], &self.tag);
            self.columns.iter().zip(self.factors).for_each(|(column, factor)| sum.add(column[i], factor));
            *cell = self.alpha - sum.reduce(shift);
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sums of k times `most`, for which the quotient is as wrong as it gets, on both sides of the bound for Barrett.
    #[test]
    fn sums_are_reduced_on_both_sides_of_the_shorter_way() {
        let shift = shift();
        let raw = |limbs| -> Fr { Fp::new_unchecked(BigInt::new(limbs)) };
        let mut below_modulus = Fr::MODULUS.0;
        below_modulus[0] -= 1;
        for value in [raw(below_modulus), raw([1, 0, 0, 0]), raw([0, 0, 0, 1 << 61]), -Fr::ONE, Fr::ONE, Fr::ZERO] {
            for integer in [1, 2, 3, -1, i64::MAX, i64::MIN, i64::MIN + 1, 1 << 62, (1 << 61) - 1, 0x7fff, 0] {
                let (mut sum, mut expected) = (SmallSum::default(), Fr::ZERO);
                for _ in 0..6 {
                    sum.add(integer, &value);
                    expected += Fr::from(integer) * value;
                    assert_eq!(sum.reduce(shift), expected, "{integer} times {value}");
                    assert_eq!(sum.plus(&sum).reduce(shift), expected.double(), "{integer} times {value}, twice");
                }
            }
        }
    }

    #[test]
    fn multiples_of_the_modulus_and_their_neighbours_leave_what_they_should() {
        for quotient in [0u64, 1, 2, 0x7fff_ffff, u64::MAX >> 2, (1 << 62) + 12345] {
            let mut limbs = [0; LIMBS];
            add_product(&mut limbs, quotient, &Fr::MODULUS.0);
            assert_eq!(remainder(&limbs), BigInt::zero(), "{quotient} times r");
            add_limbs(&mut limbs, &[1, 0, 0, 0, 0, 0]);
            assert_eq!(remainder(&limbs), BigInt::one(), "{quotient} times r and 1");
            let mut before = Fr::MODULUS;
            before.sub_with_borrow(&2u64.into());
            let [a, b, c, d] = before.0;
            add_limbs(&mut limbs, &[a, b, c, d, 0, 0]);
            before.add_with_carry(&1u64.into());
            assert_eq!(remainder(&limbs), before, "{quotient} + 1 times r less 1");
        }
    }
}
