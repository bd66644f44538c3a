//! Keccak trees, BN254 reference strings and exact products, over opaque bytes.
//!
//! Every kernel has a plain Python twin in `reference.py` that must agree with it byte for byte.

pub mod bytes;
pub mod error;
pub mod forest;
pub mod keccak;
mod lanes;
pub mod narrow;
pub mod srs;
pub mod srs_check;

#[cfg(feature = "pyo3")]
mod buffers;
#[cfg(feature = "pyo3")]
mod python;
