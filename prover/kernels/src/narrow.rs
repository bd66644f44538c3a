//! A matrix kept in single precision times a vector in double precision.
//!
//! A large product with one vector waits for memory: kept in half the bytes, the matrix is read in half the time. Every
//! element is widened before it is multiplied, so sums are those of double precision, and exact wherever those are.

use multiversion::multiversion;
use rayon::prelude::*;

use crate::error::{KernelError, Result};

/// Sums that run side by side, which is what lets the compiler use vector registers.
const LANES: usize = 16;
/// Fewer rows than this are not worth a second thread.
const ROWS_PER_TASK: usize = 64;

/// Rows of single precision, all of one length.
pub struct NarrowMatrix {
    columns: usize,
    weights: Vec<f32>,
}

impl NarrowMatrix {
    /// Parses rows of `columns` little-endian floats.
    pub fn new(columns: usize, weights: &[u8]) -> Result<Self> {
        let row_bytes = columns.checked_mul(size_of::<f32>()).filter(|&bytes| bytes > 0);
        if row_bytes.is_none_or(|bytes| weights.len() % bytes != 0) {
            return Err(KernelError::Argument(format!("{} bytes are no rows of {columns} floats", weights.len())));
        }
        let parse = |bytes: &[u8]| f32::from_le_bytes(bytes.try_into().expect("four bytes"));
        Ok(Self { columns, weights: weights.chunks_exact(size_of::<f32>()).map(parse).collect() })
    }

    /// The product with a vector of little-endian doubles: one little-endian double a row.
    pub fn times(&self, vector: &[u8]) -> Result<Vec<u8>> {
        if Some(vector.len()) != self.columns.checked_mul(size_of::<f64>()) {
            return Err(KernelError::Argument(format!("{} bytes are no {} doubles", vector.len(), self.columns)));
        }
        let parse = |bytes: &[u8]| f64::from_le_bytes(bytes.try_into().expect("eight bytes"));
        let vector: Vec<f64> = vector.chunks_exact(size_of::<f64>()).map(parse).collect();
        let rows = self.weights.par_chunks_exact(self.columns).with_min_len(ROWS_PER_TASK);
        let products: Vec<f64> = rows.map(|row| dot(row, &vector)).collect();
        Ok(products.into_iter().flat_map(f64::to_le_bytes).collect())
    }
}

/// Compiled for each width of vector registers; the processor's own is chosen when it runs.
#[multiversion(targets("x86_64+avx512f", "x86_64+avx2"))]
fn dot(row: &[f32], vector: &[f64]) -> f64 {
    let (rows, vectors) = (row.chunks_exact(LANES), vector.chunks_exact(LANES));
    let rest = rows.remainder().iter().zip(vectors.remainder()).map(|(&weight, &value)| f64::from(weight) * value);
    let mut sums = [0.0; LANES];
    for (weights, values) in rows.zip(vectors) {
        for lane in 0..LANES {
            sums[lane] += f64::from(weights[lane]) * values[lane];
        }
    }
    sums.into_iter().chain(rest).sum()
}
