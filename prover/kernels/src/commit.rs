//! Commitments to rows of small integers and to field elements, and the curve arithmetic of the verifier.

use ark_bn254::{Bn254, Fq, Fr, G1Affine, G1Projective, G2Affine};
use ark_ec::pairing::Pairing;
use ark_ec::{AffineRepr, CurveGroup, VariableBaseMSM};
use ark_ff::{BigInteger, PrimeField, Zero};
use rayon::prelude::*;

use crate::bytes::g1_points;
use crate::error::{KernelError, Result};
use crate::field_vec::same_length;

/// Sums of more terms use all cores one after the other, in less memory than side by side; arkworks does not share out
/// those of a few hundred. Polynomials are expected from the longest to the shortest.
const SHARED_OUT: usize = 1 << 12;

/// A commitment as it stands on the wire: x and y big-endian, 64 zero bytes for the identity.
pub type Commitment = [u8; 64];

/// The powers of tau in G1.
pub struct ReferenceString {
    points: Vec<G1Affine>,
}

impl ReferenceString {
    /// Parses points in a reference string file's layout, each checked to be on the curve.
    pub fn new(points: &[u8]) -> Result<Self> {
        Ok(Self { points: g1_points(points)? })
    }

    fn check_length(&self, length: usize) -> Result<()> {
        if length <= self.points.len() {
            return Ok(());
        }
        Err(KernelError::Argument(format!("{length} coefficients for a string of {} points", self.points.len())))
    }

    /// Of each polynomial, the sum of coefficient times power.
    pub fn commit(&self, polynomials: &[&[Fr]]) -> Result<Vec<Commitment>> {
        polynomials.iter().try_for_each(|each| self.check_length(each.len()))?;
        let sum = |each: &&[Fr]| G1Projective::msm_unchecked(&self.points[..each.len()], each);
        let (long, short) = polynomials.split_at(polynomials.partition_point(|each| each.len() > SHARED_OUT));
        let mut sums: Vec<G1Projective> = long.iter().map(sum).collect();
        sums.par_extend(short.par_iter().map(sum));
        Ok(write_all(&sums))
    }

    /// Of each row, the sum of integer times power.
    pub fn commit_integers(&self, rows: &[Vec<i64>]) -> Result<Vec<Commitment>> {
        rows.iter().try_for_each(|row| self.check_length(row.len()))?;
        let sums: Vec<G1Projective> = rows.par_iter().map(|row| sum_of_integers(&self.points, row)).collect();
        Ok(write_all(&sums))
    }
}

fn write_all(sums: &[G1Projective]) -> Vec<Commitment> {
    G1Projective::normalize_batch(sums).into_iter().map(write_wire).collect()
}

/// The sum of integer times point: zeros are left out, and signs are the points'.
fn sum_of_integers(points: &[G1Affine], row: &[i64]) -> G1Projective {
    let (points, magnitudes): (Vec<G1Affine>, Vec<u64>) = row
        .iter()
        .zip(points)
        .filter(|(integer, _)| **integer != 0)
        .map(|(integer, point)| (if *integer < 0 { -*point } else { *point }, integer.unsigned_abs()))
        .unzip();
    match magnitudes.iter().max() {
        None => G1Projective::zero(),
        Some(&most) if most <= u8::MAX.into() => G1Projective::msm_u8(&points, &narrowed(&magnitudes)),
        Some(&most) if most <= u16::MAX.into() => G1Projective::msm_u16(&points, &narrowed(&magnitudes)),
        Some(&most) if most <= u32::MAX.into() => G1Projective::msm_u32(&points, &narrowed(&magnitudes)),
        Some(_) => G1Projective::msm_u64(&points, &magnitudes),
    }
}

/// Integers that are known to fit.
fn narrowed<T: TryFrom<u64> + Default>(wide: &[u64]) -> Vec<T> {
    wide.iter().map(|&value| T::try_from(value).unwrap_or_default()).collect()
}

fn write_wire(point: G1Affine) -> Commitment {
    let mut wire = [0; 64];
    if let Some((x, y)) = point.xy() {
        wire[..32].copy_from_slice(&x.into_bigint().to_bytes_be());
        wire[32..].copy_from_slice(&y.into_bigint().to_bytes_be());
    }
    wire
}

/// A G1 point of two coordinates; (0, 0) is the identity.
pub fn g1_of((x, y): (Fq, Fq)) -> Result<G1Affine> {
    if x.is_zero() && y.is_zero() {
        return Ok(G1Affine::identity());
    }
    let point = G1Affine::new_unchecked(x, y);
    if point.is_on_curve() { Ok(point) } else { Err(KernelError::Argument("a G1 point is not on the curve".into())) }
}

/// A G2 point in the order of the EVM's precompile (x's imaginary part first); all zero is the identity.
pub fn g2_of([x1, x0, y1, y0]: [Fq; 4]) -> Result<G2Affine> {
    let (x, y) = (ark_bn254::Fq2::new(x0, x1), ark_bn254::Fq2::new(y0, y1));
    if x.is_zero() && y.is_zero() {
        return Ok(G2Affine::identity());
    }
    let point = G2Affine::new_unchecked(x, y);
    if point.is_on_curve() && point.is_in_correct_subgroup_assuming_on_curve() {
        return Ok(point);
    }
    Err(KernelError::Argument("a G2 point is not in the group".into()))
}

/// The coordinates of the sum of scalar times point.
pub fn msm(points: &[G1Affine], scalars: &[Fr]) -> Result<(Fq, Fq)> {
    same_length("points", points.len(), "scalars", scalars.len())?;
    Ok(G1Projective::msm_unchecked(points, scalars).into_affine().xy().unwrap_or_default())
}

/// Whether the product of the pairings is 1.
pub fn pairing_check(pairs: &[(G1Affine, G2Affine)]) -> bool {
    let (left, right): (Vec<_>, Vec<_>) = pairs.iter().copied().unzip();
    Bn254::multi_pairing(left, right).is_zero()
}
