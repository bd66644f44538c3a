//! Keccak trees, BN254 reference strings, exact products, and the arithmetic of the sumcheck route.
//!
//! Every kernel has a plain Python twin in `reference.py` or `field_reference.py` that must agree with it byte for byte.

pub mod bytes;
pub mod commit;
pub mod eq_rounds;
pub mod error;
pub mod field_vec;
pub mod forest;
pub mod fractions;
pub mod keccak;
mod lanes;
pub mod narrow;
pub mod product_sumcheck;
pub mod scatter;
pub mod small;
pub mod srs;
pub mod srs_check;
pub mod univariate;
pub mod wide;

#[cfg(feature = "pyo3")]
mod buffers;
#[cfg(feature = "pyo3")]
mod python;
#[cfg(feature = "pyo3")]
mod python_field;
#[cfg(feature = "pyo3")]
mod python_scalars;
#[cfg(feature = "pyo3")]
mod python_sumcheck;
