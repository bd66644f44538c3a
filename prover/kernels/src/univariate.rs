//! Polynomials by their coefficients, lowest first.

use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, Field};
use rayon::prelude::*;

use crate::error::{KernelError, Result};
use crate::field_vec::PER_TASK;

/// The value at x.
pub fn evaluate(coefficients: &[Fr], x: Fr) -> Fr {
    let horner = |part: &[Fr]| part.iter().rfold(Fr::ZERO, |value, coefficient| value * x + coefficient);
    let parts: Vec<Fr> = coefficients.par_chunks(PER_TASK).map(horner).collect();
    let step = x.pow([PER_TASK as u64]);
    parts.iter().rfold(Fr::ZERO, |value, part| value * step + part)
}

/// The quotient of f(X) - f(a) by X - a, one coefficient shorter than f.
pub fn divide_by_linear(coefficients: &[Fr], a: Fr) -> Result<Vec<Fr>> {
    let Some((_, higher)) = coefficients.split_first() else {
        return Err(KernelError::Argument("a polynomial without coefficients".into()));
    };
    let mut quotient = higher.to_vec();
    let mut carry = Fr::ZERO;
    for coefficient in quotient.iter_mut().rev() {
        carry = carry * a + *coefficient;
        *coefficient = carry;
    }
    Ok(quotient)
}
