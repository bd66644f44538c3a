//! A KZG reference string whose tau is known, for development.
//!
//! Knowing tau, every point of both bases is one multiple of the generator: tau^i for the powers, and
//! L_i(tau) = omega^i (tau^n - 1) / (n (tau - omega^i)) for the Lagrange basis over the n-th roots of unity.

use ark_bn254::{Fr, G1Projective, G2Projective};
use ark_ec::scalar_mul::BatchMulPreprocessing;
use ark_ec::{CurveGroup, PrimeGroup};
use ark_ff::{Field, Zero, batch_inversion};

use crate::bytes::{write_g1, write_g2};
use crate::error::{KernelError, Result};

/// The largest power of two that divides r - 1.
pub const TWO_ADICITY: u32 = 28;
/// halo2 derives its roots of unity from 7, the least generator of the scalar field's group; arkworks from 5.
const HALO2_GENERATOR: u64 = 7;

/// The table of multiples grows with the number of scalars it is made for; beyond this many it would outgrow the caches
/// and, for the largest strings, take gigabytes.
const TABLE_FOR: usize = 1 << 22;

/// 2^k, for a k that has a domain.
pub fn domain_size(k: u32) -> Result<usize> {
    if !(1..=TWO_ADICITY).contains(&k) {
        return Err(KernelError::Argument(format!("k must be between 1 and {TWO_ADICITY}, got {k}")));
    }
    Ok(1 << k)
}

/// halo2's primitive 2^k-th root of unity.
pub fn root_of_unity(k: u32) -> Fr {
    // (r - 1) / 2^k as an exponent: r - 1 is minus one, read as an integer.
    let mut exponent = ark_ff::BigInt::from(-Fr::ONE);
    exponent >>= k;
    Fr::from(HALO2_GENERATOR).pow(exponent)
}

/// `count` successive powers of `base` from `base^start`, each times `factor`.
pub fn powers(base: Fr, start: u64, count: usize, factor: Fr) -> Vec<Fr> {
    let first = base.pow([start]) * factor;
    std::iter::successors(Some(first), |last| Some(*last * base)).take(count).collect()
}

/// A reference string of 2^k points under a known tau, computed a range at a time.
pub struct KnownTauSrs {
    size: usize,
    tau: Fr,
    omega: Fr,
    /// (tau^n - 1) / n
    vanishing_over_size: Fr,
    table: BatchMulPreprocessing<G1Projective>,
}

impl KnownTauSrs {
    /// Refuses a tau that is zero or an n-th root of unity: some of its points would be the identity.
    pub fn new(k: u32, tau: Fr) -> Result<Self> {
        let size = domain_size(k)?;
        let vanishing = tau.pow([size as u64]) - Fr::ONE;
        let inverse_size = Fr::from(size as u64).inverse();
        let (false, false, Some(inverse_size)) = (tau.is_zero(), vanishing.is_zero(), inverse_size) else {
            return Err(KernelError::Argument("tau must be neither zero nor a root of unity".into()));
        };
        Ok(Self {
            size,
            tau,
            omega: root_of_unity(k),
            vanishing_over_size: vanishing * inverse_size,
            table: BatchMulPreprocessing::new(G1Projective::generator(), (2 * size).min(TABLE_FOR)),
        })
    }

    fn check_range(&self, start: usize, count: usize) -> Result<()> {
        match start.checked_add(count) {
            Some(end) if end <= self.size => Ok(()),
            _ => Err(KernelError::Argument(format!(
                "{count} points from {start} are outside the {} of this string",
                self.size
            ))),
        }
    }

    /// tau^i times the generator, for `count` i from `start`.
    pub fn monomial(&self, start: usize, count: usize) -> Result<Vec<u8>> {
        self.check_range(start, count)?;
        let scalars = powers(self.tau, start as u64, count, Fr::ONE);
        Ok(write_g1(&self.table.batch_mul(&scalars)))
    }

    /// L_i(tau) times the generator, for `count` i from `start`.
    pub fn lagrange(&self, start: usize, count: usize) -> Result<Vec<u8>> {
        self.check_range(start, count)?;
        let roots = powers(self.omega, start as u64, count, Fr::ONE);
        let mut scalars: Vec<Fr> = roots.iter().map(|root| self.tau - root).collect();
        batch_inversion(&mut scalars);
        for (scalar, root) in scalars.iter_mut().zip(&roots) {
            *scalar *= *root * self.vanishing_over_size;
        }
        Ok(write_g1(&self.table.batch_mul(&scalars)))
    }
}

/// The file's last two points: the generator of G2 and tau times it.
pub fn g2_pair(tau: Fr) -> Vec<u8> {
    let generator = G2Projective::generator();
    let mut out = write_g2(generator.into_affine());
    out.extend(write_g2((generator * tau).into_affine()));
    out
}
