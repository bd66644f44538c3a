//! Integers as signed digits.
//!
//! With w the width and offset the sum of 2^(wk + w-1), digit k of x is the k-th group of w bits of x + offset, minus
//! 2^(w-1): digits need no carry from one to the next. Of windows * width bits the topmost digit takes what is left.

use ark_bn254::Fr;
use ark_ff::{BigInteger, PrimeField};

/// A number of 320 bits, lowest limb first.
type Limbs = [u64; 5];

/// A magnitude above zero and a sign.
pub trait Integer: Copy + Send + Sync {
    /// The least b for which the magnitude is at most 2^(b-1).
    fn bits(&self) -> u32;
    /// Whether it is below zero.
    fn is_negative(&self) -> bool;
    /// (magnitude + offset) / 2^shift, its lowest 64 bits.
    fn group(&self, offset: &Limbs, shift: u32) -> u64;
}

impl Integer for i64 {
    fn bits(&self) -> u32 {
        u64::BITS - (self.unsigned_abs() - 1).leading_zeros() + 1
    }

    fn is_negative(&self) -> bool {
        *self < 0
    }

    fn group(&self, offset: &Limbs, shift: u32) -> u64 {
        let offset = u128::from(offset[0]) | u128::from(offset[1]) << 64;
        ((u128::from(self.unsigned_abs()) + offset) >> shift) as u64
    }
}

/// A field element as the integer nearest to zero.
#[derive(Clone, Copy)]
pub struct Signed {
    magnitude: [u64; 4],
    negative: bool,
}

impl From<&Fr> for Signed {
    fn from(value: &Fr) -> Self {
        let (one, other) = (value.into_bigint(), (-*value).into_bigint());
        let negative = other < one;
        Self { magnitude: if negative { other.0 } else { one.0 }, negative }
    }
}

impl Integer for Signed {
    fn bits(&self) -> u32 {
        let mut below = ark_ff::BigInt::new(self.magnitude);
        below.sub_with_borrow(&1u64.into());
        below.num_bits() + 1
    }

    fn is_negative(&self) -> bool {
        self.negative
    }

    fn group(&self, offset: &Limbs, shift: u32) -> u64 {
        let mut sum = *offset;
        let mut carry = 0u128;
        for (i, limb) in sum.iter_mut().enumerate() {
            carry += u128::from(*limb) + u128::from(self.magnitude.get(i).copied().unwrap_or(0));
            *limb = carry as u64;
            carry >>= 64;
        }
        let at = (shift / 64) as usize;
        let both = u128::from(sum[at]) | u128::from(sum.get(at + 1).copied().unwrap_or(0)) << 64;
        (both >> (shift % 64)) as u64
    }
}

/// The widest digit: its magnitude is at most 2^15.
pub const MAX_WIDTH: u32 = 16;

/// How integers of at most so many bits are cut.
pub struct Recoding {
    /// Bits of a digit.
    pub width: u32,
    /// Digits of an integer.
    pub windows: u32,
    offset: Limbs,
}

impl Recoding {
    /// Digits of `width` bits for integers of `bits`.
    pub fn new(width: u32, bits: u32) -> Self {
        let windows = bits.div_ceil(width);
        let mut offset = [0; 5];
        for window in 0..windows {
            let bit = window * width + width - 1;
            offset[(bit / 64) as usize] |= 1 << (bit % 64);
        }
        Self { width, windows, offset }
    }

    /// The digit of a window, its sign that of the integer times its own.
    pub fn digit(&self, integer: &impl Integer, window: u32) -> i32 {
        let group = integer.group(&self.offset, window * self.width);
        let mask = if window + 1 < self.windows { (1 << self.width) - 1 } else { u64::MAX };
        let digit = (group & mask) as i32 - (1 << (self.width - 1));
        if integer.is_negative() { -digit } else { digit }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_ff::{AdditiveGroup, Field};

    fn value(recoding: &Recoding, integer: &impl Integer) -> Fr {
        let half = 1 << (recoding.width - 1);
        let digits = (0..recoding.windows).rev().map(|window| recoding.digit(integer, window));
        digits.fold(Fr::ZERO, |value, digit| {
            assert!((-half..=half).contains(&digit), "{digit} has more than {} bits", recoding.width);
            value * Fr::from(1u64 << recoding.width) + Fr::from(digit)
        })
    }

    #[test]
    fn digits_of_integers_add_up_at_every_width() {
        let edges = (0..64).flat_map(|bit| [1i64 << bit, (1i64 << bit).wrapping_sub(1), (1i64 << bit).wrapping_neg()]);
        for x in edges.chain([i64::MIN, i64::MAX, -3, 0x5555_5555_5555, -0x7fff_8000_7fff_8000]).filter(|x| *x != 0) {
            for width in 1..=MAX_WIDTH {
                assert_eq!(value(&Recoding::new(width, x.bits()), &x), Fr::from(x), "{x} in digits of {width}");
            }
        }
    }

    #[test]
    fn digits_of_field_elements_add_up_at_every_width() {
        let half = -Fr::ONE / Fr::from(2u64);
        let arbitrary = Fr::from(0x1234_5678_9abc_def1u64).pow([9]);
        for x in [Fr::ONE, -Fr::ONE, half, half + Fr::ONE, arbitrary, -arbitrary, Fr::from(2u64).pow([253])] {
            let signed = Signed::from(&x);
            assert!(signed.bits() <= 254);
            for width in 1..=MAX_WIDTH {
                assert_eq!(value(&Recoding::new(width, 254), &signed), x, "digits of {width}");
                assert_eq!(value(&Recoding::new(width, signed.bits()), &signed), x, "digits of {width}");
            }
        }
    }
}
