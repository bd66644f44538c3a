//! Field elements and curve points as bytes.
//!
//! Scalars cross the boundary as 32 canonical big-endian bytes. Points have the layout of a reference string file: raw
//! little-endian Montgomery limbs (R = 2^256), x then y, 64 bytes in G1; each G2 coordinate is c0 then c1, 128 bytes.

use ark_bn254::{Fq, Fq2, Fr, G1Affine, G2Affine};
use ark_ec::AffineRepr;
use ark_ec::short_weierstrass::{Affine, SWCurveConfig};
use ark_ff::{BigInt, Fp, PrimeField};
use rayon::prelude::*;

use crate::error::{KernelError, Result};

/// Bytes of one G1 point.
pub const G1_BYTES: usize = 64;
/// Bytes of one G2 point.
pub const G2_BYTES: usize = 128;
const LIMB_BYTES: usize = 8;
/// Bytes of an element of either field.
const ELEMENT_BYTES: usize = 32;

/// The field element whose canonical big-endian bytes these are, if they are.
pub fn from_be<F: PrimeField<BigInt = BigInt<4>>>(bytes: &[u8]) -> Option<F> {
    if bytes.len() != ELEMENT_BYTES {
        return None;
    }
    let mut limbs = [0u64; 4];
    for (limb, part) in limbs.iter_mut().rev().zip(bytes.chunks_exact(LIMB_BYTES)) {
        *limb = part.iter().fold(0, |acc, &byte| acc << 8 | u64::from(byte));
    }
    F::from_bigint(BigInt::new(limbs))
}

/// Parses a scalar; refuses anything but 32 big-endian bytes below r.
pub fn scalar_from_be(bytes: &[u8]) -> Result<Fr> {
    let refuse = || KernelError::Argument("a scalar is 32 big-endian bytes below the group order".into());
    from_be(bytes).ok_or_else(refuse)
}

fn read_fq(bytes: &[u8]) -> Option<Fq> {
    let mut limbs = [0u64; 4];
    for (limb, part) in limbs.iter_mut().zip(bytes.chunks_exact(LIMB_BYTES)) {
        *limb = part.iter().rev().fold(0, |acc, &byte| acc << 8 | u64::from(byte));
    }
    let raw = BigInt::new(limbs);
    (raw < Fq::MODULUS).then(|| Fp::new_unchecked(raw))
}

fn write_fq(value: Fq, out: &mut Vec<u8>) {
    for limb in value.0.0 {
        out.extend_from_slice(&limb.to_le_bytes());
    }
}

fn read_fq2(bytes: &[u8]) -> Option<Fq2> {
    let (c0, c1) = bytes.split_at(ELEMENT_BYTES);
    Some(Fq2::new(read_fq(c0)?, read_fq(c1)?))
}

const NOT_CANONICAL: &str = "a coordinate is not below the field modulus";
const NOT_ON_CURVE: &str = "not on the curve";
const IDENTITY: &str = "the point at infinity";
const NOT_IN_SUBGROUP: &str = "not in the subgroup of prime order";

/// The identity has the encoding (0, 0); it is refused, for no power of a usable tau is the identity.
fn finite_on_curve<P: SWCurveConfig>(point: Affine<P>) -> std::result::Result<Affine<P>, &'static str> {
    if point.is_zero() {
        return Err(IDENTITY);
    }
    if point.is_on_curve() { Ok(point) } else { Err(NOT_ON_CURVE) }
}

fn read_g1(bytes: &[u8]) -> std::result::Result<G1Affine, &'static str> {
    let (x, y) = bytes.split_at(ELEMENT_BYTES);
    let (Some(x), Some(y)) = (read_fq(x), read_fq(y)) else {
        return Err(NOT_CANONICAL);
    };
    finite_on_curve(G1Affine::new_unchecked(x, y))
}

/// Parses consecutive G1 points, each checked to be canonical, finite and on the curve (whose cofactor is 1).
pub fn g1_points(bytes: &[u8]) -> Result<Vec<G1Affine>> {
    if bytes.len() % G1_BYTES != 0 {
        return Err(KernelError::Argument(format!("{} bytes are not whole G1 points of {G1_BYTES}", bytes.len())));
    }
    bytes
        .par_chunks_exact(G1_BYTES)
        .enumerate()
        .map(|(index, raw)| read_g1(raw).map_err(|reason| KernelError::Point { index, reason }))
        .collect()
}

/// Parses one G2 point, checked to be canonical, finite, on the curve and in the subgroup.
pub fn g2_point(bytes: &[u8]) -> Result<G2Affine> {
    let refuse = |reason| KernelError::Point { index: 0, reason };
    if bytes.len() != G2_BYTES {
        return Err(KernelError::Argument(format!("a G2 point is {G2_BYTES} bytes, got {}", bytes.len())));
    }
    let (x, y) = bytes.split_at(2 * ELEMENT_BYTES);
    let (Some(x), Some(y)) = (read_fq2(x), read_fq2(y)) else {
        return Err(refuse(NOT_CANONICAL));
    };
    let point = finite_on_curve(G2Affine::new_unchecked(x, y)).map_err(refuse)?;
    if !point.is_in_correct_subgroup_assuming_on_curve() {
        return Err(refuse(NOT_IN_SUBGROUP));
    }
    Ok(point)
}

/// Writes finite G1 points one after the other.
pub fn write_g1(points: &[G1Affine]) -> Vec<u8> {
    let mut out = Vec::with_capacity(points.len() * G1_BYTES);
    for point in points {
        let (x, y) = point.xy().unwrap_or_default();
        write_fq(x, &mut out);
        write_fq(y, &mut out);
    }
    out
}

/// Writes one finite G2 point.
pub fn write_g2(point: G2Affine) -> Vec<u8> {
    let mut out = Vec::with_capacity(G2_BYTES);
    let (x, y) = point.xy().unwrap_or_default();
    for value in [x.c0, x.c1, y.c0, y.c1] {
        write_fq(value, &mut out);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_ff::BigInteger;

    #[test]
    fn points_survive_the_round_trip() {
        let g1 = [G1Affine::generator(), (G1Affine::generator() + G1Affine::generator()).into()];
        assert_eq!(g1_points(&write_g1(&g1)).unwrap(), g1);
        let g2 = G2Affine::generator();
        assert_eq!(g2_point(&write_g2(g2)).unwrap(), g2);
    }

    #[test]
    fn refuses_points_off_the_curve_with_their_index() {
        let mut raw = write_g1(&[G1Affine::generator(); 3]);
        raw[2 * G1_BYTES] ^= 1;
        let reason = NOT_ON_CURVE;
        assert_eq!(g1_points(&raw), Err(KernelError::Point { index: 2, reason }));
    }

    #[test]
    fn refuses_the_identity() {
        assert!(matches!(g1_points(&[0; G1_BYTES]), Err(KernelError::Point { index: 0, reason: IDENTITY })));
        assert!(matches!(g2_point(&[0; G2_BYTES]), Err(KernelError::Point { index: 0, reason: IDENTITY })));
    }

    #[test]
    fn refuses_a_second_encoding_of_the_same_coordinate() {
        let mut raw = write_g1(&[G1Affine::generator()]);
        let shifted = {
            let mut x = G1Affine::generator().x().unwrap().0;
            x.add_with_carry(&Fq::MODULUS);
            x.to_bytes_le()
        };
        raw[..ELEMENT_BYTES].copy_from_slice(&shifted);
        let reason = NOT_CANONICAL;
        assert_eq!(g1_points(&raw), Err(KernelError::Point { index: 0, reason }));
    }

    #[test]
    fn refuses_a_g2_point_outside_the_subgroup() {
        // Almost no point of the twist is in the subgroup: take the first x that has a y.
        let outside = (1u64..)
            .find_map(|c| G2Affine::get_point_from_x_unchecked(Fq2::new(Fq::from(c), Fq::from(1)), false))
            .unwrap();
        let reason = NOT_IN_SUBGROUP;
        assert_eq!(g2_point(&write_g2(outside)), Err(KernelError::Point { index: 0, reason }));
    }

    #[test]
    fn scalars_are_canonical() {
        let scalar = Fr::from(258u64);
        assert_eq!(scalar_from_be(&scalar.into_bigint().to_bytes_be()).unwrap(), scalar);
        assert!(scalar_from_be(&Fr::MODULUS.to_bytes_be()).is_err());
        assert!(scalar_from_be(&[0; 31]).is_err());
    }
}
