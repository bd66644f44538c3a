//! Whether a reference string is what it says, for the price of two multi-scalar multiplications and a pairing.
//!
//! Let P_i be the points of the monomial half and Q_i those of the Lagrange half, and rho a random scalar.
//!
//! - Powers: with A = sum of rho^i P_i over i < n, the sums of rho^i P_i and of rho^i P_{i+1} over i < n - 1 are
//!   A - rho^(n-1) P_{n-1} and (A - P_0) / rho, so one sum serves both sides of
//!   e(sum rho^i P_{i+1}, G2) = e(sum rho^i P_i, s G2).
//! - Bases: f(x) = sum of rho^j x^j takes the value c_i = (rho^n - 1) / (rho omega^i - 1) at omega^i, so the sum of
//!   c_i Q_i must be A.
//!
//! Both are polynomials of degree below n in rho that vanish identically only for a right string: a wrong one passes
//! with probability below n / r.

use ark_bn254::{Bn254, Fr, G1Affine, G1Projective, G2Affine};
use ark_ec::pairing::Pairing;
use ark_ec::{AffineRepr, CurveGroup, VariableBaseMSM};
use ark_ff::{Field, Zero, batch_inversion};

use crate::bytes::{g1_points, g2_point};
use crate::error::{KernelError, Result};
use crate::srs::{domain_size, powers, root_of_unity};

/// The sums over the points read so far.
pub struct SrsCheck {
    size: usize,
    rho: Fr,
    omega: Fr,
    /// rho^n - 1
    vanishing: Fr,
    monomial_read: usize,
    lagrange_read: usize,
    monomial_sum: G1Projective,
    lagrange_sum: G1Projective,
    first: G1Affine,
    last: G1Affine,
}

/// What was found; `bases` means something only where `powers` holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// The first half is generator, s generator, s^2 generator, ... for the s of the G2 half.
    pub powers: bool,
    /// The second half is the Lagrange basis of the first.
    pub bases: bool,
}

impl SrsCheck {
    /// Starts a check of a string of 2^k points under the caller's random `rho`.
    pub fn new(k: u32, rho: Fr) -> Result<Self> {
        let size = domain_size(k)?;
        let vanishing = rho.pow([size as u64]) - Fr::ONE;
        if rho.is_zero() || vanishing.is_zero() {
            return Err(KernelError::Argument("rho must be neither zero nor a root of unity".into()));
        }
        Ok(Self {
            size,
            rho,
            omega: root_of_unity(k),
            vanishing,
            monomial_read: 0,
            lagrange_read: 0,
            monomial_sum: G1Projective::zero(),
            lagrange_sum: G1Projective::zero(),
            first: G1Affine::identity(),
            last: G1Affine::identity(),
        })
    }

    fn read(&self, raw: &[u8], before: usize) -> Result<Vec<G1Affine>> {
        let points = g1_points(raw)?;
        if before + points.len() > self.size {
            return Err(KernelError::Argument(format!("more than {} points in one basis", self.size)));
        }
        Ok(points)
    }

    /// Takes the next points of the monomial half.
    pub fn monomial(&mut self, raw: &[u8]) -> Result<()> {
        let points = self.read(raw, self.monomial_read)?;
        let (Some(first), Some(last)) = (points.first(), points.last()) else {
            return Ok(());
        };
        if self.monomial_read == 0 {
            self.first = *first;
        }
        self.last = *last;
        let weights = powers(self.rho, self.monomial_read as u64, points.len(), Fr::ONE);
        self.monomial_sum += G1Projective::msm_unchecked(&points, &weights);
        self.monomial_read += points.len();
        Ok(())
    }

    /// Takes the next points of the Lagrange half.
    pub fn lagrange(&mut self, raw: &[u8]) -> Result<()> {
        let points = self.read(raw, self.lagrange_read)?;
        let mut weights = powers(self.omega, self.lagrange_read as u64, points.len(), self.rho);
        weights.iter_mut().for_each(|weight| *weight -= Fr::ONE);
        batch_inversion(&mut weights);
        weights.iter_mut().for_each(|weight| *weight *= self.vanishing);
        self.lagrange_sum += G1Projective::msm_unchecked(&points, &weights);
        self.lagrange_read += points.len();
        Ok(())
    }

    /// Compares the sums, given the G2 generator and s times it as the file has them.
    pub fn finish(&self, g2: &[u8], s_g2: &[u8]) -> Result<Verdict> {
        if self.monomial_read != self.size || self.lagrange_read != self.size {
            return Err(KernelError::Argument(format!(
                "a string of {} points, but {} and {} were handed over",
                self.size, self.monomial_read, self.lagrange_read
            )));
        }
        let (g2, s_g2) = (g2_point(g2)?, g2_point(s_g2)?);
        let generators = self.first == G1Affine::generator() && g2 == G2Affine::generator();
        Ok(Verdict { powers: generators && self.consecutive(g2, s_g2), bases: self.monomial_sum == self.lagrange_sum })
    }

    fn consecutive(&self, g2: G2Affine, s_g2: G2Affine) -> bool {
        let last_weight = self.rho.pow([self.size as u64 - 1]);
        let without_last = self.monomial_sum - self.last * last_weight;
        // rho times the sum that starts at P_1; the other side is multiplied by rho instead of dividing this one.
        let without_first = self.monomial_sum - self.first;
        let sides = [without_first.into_affine(), (-without_last * self.rho).into_affine()];
        Bn254::multi_pairing(sides, [g2, s_g2]).is_zero()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytes::{G1_BYTES, G2_BYTES};
    use crate::srs::{KnownTauSrs, g2_pair};

    const K: u32 = 4;

    struct File {
        monomial: Vec<u8>,
        lagrange: Vec<u8>,
        g2: Vec<u8>,
    }

    fn file(k: u32, tau: u64) -> File {
        let (size, tau) = (1 << k, Fr::from(tau));
        let srs = KnownTauSrs::new(k, tau).unwrap();
        let monomial = srs.monomial(0, size).unwrap();
        File { monomial, lagrange: srs.lagrange(0, size).unwrap(), g2: g2_pair(tau) }
    }

    fn check(k: u32, file: &File) -> Result<Verdict> {
        let mut check = SrsCheck::new(k, Fr::from(0x1234_5678_9abc_u64))?;
        // In uneven pieces, as a reader with any buffer size would hand them over.
        for piece in file.monomial.chunks(3 * G1_BYTES) {
            check.monomial(piece)?;
        }
        for piece in file.lagrange.chunks(5 * G1_BYTES) {
            check.lagrange(piece)?;
        }
        check.finish(&file.g2[..G2_BYTES], &file.g2[G2_BYTES..])
    }

    const RIGHT: Verdict = Verdict { powers: true, bases: true };

    #[test]
    fn accepts_what_is_generated_at_every_small_size() {
        for k in 1..=7 {
            assert_eq!(check(k, &file(k, 99)), Ok(RIGHT), "k = {k}");
        }
    }

    #[test]
    fn ranges_join_up_to_the_whole() {
        let srs = KnownTauSrs::new(K, Fr::from(5u64)).unwrap();
        let joined =
            |range: &dyn Fn(usize, usize) -> Result<Vec<u8>>| [range(0, 7).unwrap(), range(7, 9).unwrap()].concat();
        assert_eq!(joined(&|s, c| srs.monomial(s, c)), srs.monomial(0, 16).unwrap());
        assert_eq!(joined(&|s, c| srs.lagrange(s, c)), srs.lagrange(0, 16).unwrap());
        assert!(srs.monomial(8, 9).is_err());
        assert!(srs.lagrange(usize::MAX, 2).is_err());
    }

    #[test]
    fn rejects_a_power_replaced_by_another() {
        let mut wrong = file(K, 99);
        wrong.monomial.copy_within(3 * G1_BYTES..4 * G1_BYTES, 9 * G1_BYTES);
        assert!(!check(K, &wrong).unwrap().powers);
    }

    #[test]
    fn rejects_powers_of_another_tau_than_the_g2_half() {
        let wrong = File { g2: g2_pair(Fr::from(98u64)), ..file(K, 99) };
        assert!(!check(K, &wrong).unwrap().powers);
    }

    #[test]
    fn rejects_powers_that_do_not_start_at_the_generator() {
        let mut wrong = file(K, 99);
        let last = KnownTauSrs::new(K + 1, Fr::from(99u64)).unwrap().monomial(16, 1).unwrap();
        wrong.monomial.drain(..G1_BYTES);
        wrong.monomial.extend(last);
        assert!(!check(K, &wrong).unwrap().powers);
    }

    #[test]
    fn rejects_swapped_lagrange_points() {
        let mut wrong = file(K, 99);
        let (one, two) = (wrong.lagrange[..G1_BYTES].to_vec(), wrong.lagrange[G1_BYTES..2 * G1_BYTES].to_vec());
        wrong.lagrange[..G1_BYTES].copy_from_slice(&two);
        wrong.lagrange[G1_BYTES..2 * G1_BYTES].copy_from_slice(&one);
        assert_eq!(check(K, &wrong), Ok(Verdict { powers: true, bases: false }));
    }

    #[test]
    fn refuses_missing_and_surplus_points() {
        let whole = file(K, 99);
        let mut short = SrsCheck::new(K, Fr::from(7u64)).unwrap();
        short.monomial(&whole.monomial[G1_BYTES..]).unwrap();
        assert!(short.finish(&whole.g2[..G2_BYTES], &whole.g2[G2_BYTES..]).is_err());
        short.monomial(&whole.monomial[..G1_BYTES]).unwrap();
        assert!(short.monomial(&whole.monomial[..G1_BYTES]).is_err());
    }

    #[test]
    fn refuses_arguments_that_make_the_check_vacuous() {
        assert!(SrsCheck::new(K, Fr::zero()).is_err());
        assert!(SrsCheck::new(K, root_of_unity(K)).is_err());
        assert!(SrsCheck::new(0, Fr::from(7u64)).is_err());
        assert!(SrsCheck::new(29, Fr::from(7u64)).is_err());
        assert!(KnownTauSrs::new(K, Fr::zero()).is_err());
        assert!(KnownTauSrs::new(K, root_of_unity(K)).is_err());
    }
}
