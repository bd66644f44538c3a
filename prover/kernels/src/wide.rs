//! Sums of products of field elements, reduced once.
//!
//! A product of two Montgomery forms is below r^2 < 2^508; nine limbs hold a sum of 2^68 of them.

use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, BigInt, Field, Fp};
use rayon::prelude::*;

use crate::field_vec::PER_TASK;

/// A sum of products that is not reduced yet.
#[derive(Clone, Copy, Default)]
pub struct WideSum {
    limbs: [u64; 9],
}

impl WideSum {
    /// Adds a * b.
    #[inline]
    pub fn add(&mut self, a: &Fr, b: &Fr) {
        let product = product(&a.0.0, &b.0.0);
        let mut carry = 0u128;
        for (cell, limb) in self.limbs.iter_mut().zip(product) {
            carry += u128::from(*cell) + u128::from(limb);
            *cell = carry as u64;
            carry >>= 64;
        }
        self.limbs[8] += carry as u64;
    }

    /// The sum. Its limbs, three at a time, are Montgomery forms of elements that lack factors 2^-256, 2^-64 and 2^128.
    pub fn reduce(&self) -> Fr {
        let raw = |limbs: [u64; 4]| -> Fr { Fp::new_unchecked(BigInt::new(limbs)) };
        let part = |i: usize| raw([self.limbs[i], self.limbs[i + 1], self.limbs[i + 2], 0]);
        let top = Fr::from(2u64).pow([128]);
        part(0) * raw([1, 0, 0, 0]) + part(3) * raw([0, 0, 0, 1]) + part(6) * top
    }
}

#[inline]
fn product(a: &[u64; 4], b: &[u64; 4]) -> [u64; 8] {
    let mut limbs = [0u64; 8];
    for (i, &x) in a.iter().enumerate() {
        let mut carry = 0u128;
        for (j, &y) in b.iter().enumerate() {
            carry += u128::from(limbs[i + j]) + u128::from(x) * u128::from(y);
            limbs[i + j] = carry as u64;
            carry >>= 64;
        }
        limbs[i + 4] = carry as u64;
    }
    limbs
}

/// Sums of weight i times each of the values at i.
pub fn weighted_sums<const N: usize>(weights: &[Fr], values: impl Fn(usize) -> [Fr; N] + Sync) -> [Fr; N] {
    let block = |(block, weights): (usize, &[Fr])| {
        let mut sums = [WideSum::default(); N];
        for (i, weight) in weights.iter().enumerate() {
            let values = values(block * PER_TASK + i);
            sums.iter_mut().zip(&values).for_each(|(sum, value)| sum.add(weight, value));
        }
        sums.map(|sum| sum.reduce())
    };
    weights.par_chunks(PER_TASK).enumerate().map(block).reduce(|| [Fr::ZERO; N], add_each)
}

/// Sums of products of pairs: of both elements' values at 0, and of their differences.
pub fn product_sums(a: &[Fr], b: &[Fr]) -> [Fr; 2] {
    let block = |(a, b): (&[Fr], &[Fr])| {
        let mut sums = [WideSum::default(); 2];
        for (a, b) in a.chunks_exact(2).zip(b.chunks_exact(2)) {
            sums[0].add(&a[0], &b[0]);
            sums[1].add(&(a[1] - a[0]), &(b[1] - b[0]));
        }
        sums.map(|sum| sum.reduce())
    };
    a.par_chunks(2 * PER_TASK).zip(b.par_chunks(2 * PER_TASK)).map(block).reduce(|| [Fr::ZERO; 2], add_each)
}

/// Element by element.
pub fn add_each<const N: usize>(mut left: [Fr; N], right: [Fr; N]) -> [Fr; N] {
    left.iter_mut().zip(right).for_each(|(sum, value)| *sum += value);
    left
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_ff::PrimeField;

    #[test]
    fn sums_of_the_largest_products_are_reduced_right() {
        let mut largest = Fr::MODULUS;
        largest.0[0] -= 1;
        let largest: Fr = Fp::new_unchecked(largest); // the largest Montgomery form
        for value in [largest, -Fr::ONE, Fr::ONE, Fr::ZERO] {
            let (mut sum, mut expected) = (WideSum::default(), Fr::ZERO);
            for _ in 0..1000 {
                sum.add(&value, &largest);
                expected += value * largest;
                assert_eq!(sum.reduce(), expected);
            }
        }
    }

    #[test]
    fn a_full_sum_is_reduced_right() {
        let sum = WideSum { limbs: [u64::MAX; 9] };
        // 2^576 - 1 without the factor 2^256 that a product of two Montgomery forms has too many.
        let expected = (Fr::from(2u64).pow([576]) - Fr::ONE) / Fr::from(2u64).pow([512]);
        assert_eq!(sum.reduce(), expected);
    }
}
