//! A matrix kept in single precision times a vector in double precision.
//!
//! A large product with one vector waits for memory: kept in half the bytes, the matrix is read in half the time. Every
//! element is widened before it is multiplied, so sums are those of double precision, and exact wherever those are.

use multiversion::multiversion;
use rayon::prelude::*;

use crate::error::{KernelError, Result};

/// Sums that run side by side, which is what lets the compiler use vector registers.
const LANES: usize = 16;
/// Fewer weights than this are multiplied sooner than a second thread wakes up.
const WEIGHTS_PER_TASK: usize = 1 << 20;

/// Rows of single precision, all of one length, padded with zeros to whole lanes.
pub struct NarrowMatrix {
    columns: usize,
    padded: usize,
    weights: Vec<f32>,
}

impl NarrowMatrix {
    /// Parses rows of `columns` little-endian floats.
    pub fn new(columns: usize, weights: &[u8]) -> Result<Self> {
        let row_bytes = columns.checked_mul(size_of::<f32>()).filter(|&bytes| bytes > 0);
        let Some(row_bytes) = row_bytes.filter(|bytes| weights.len() % bytes == 0) else {
            return Err(KernelError::Argument(format!("{} bytes are no rows of {columns} floats", weights.len())));
        };
        let padded = columns.next_multiple_of(LANES);
        let parse = |bytes: &[u8]| f32::from_le_bytes(bytes.try_into().expect("four bytes"));
        let row = |bytes| in_lanes(bytes, parse, padded);
        Ok(Self { columns, padded, weights: weights.chunks_exact(row_bytes).flat_map(row).collect() })
    }

    /// The product with a vector of little-endian doubles: one little-endian double a row.
    pub fn times(&self, vector: &[u8]) -> Result<Vec<u8>> {
        if Some(vector.len()) != self.columns.checked_mul(size_of::<f64>()) {
            return Err(KernelError::Argument(format!("{} bytes are no {} doubles", vector.len(), self.columns)));
        }
        let parse = |bytes: &[u8]| f64::from_le_bytes(bytes.try_into().expect("eight bytes"));
        let vector = in_lanes(vector, parse, self.padded);
        let rows_per_task = WEIGHTS_PER_TASK.div_ceil(self.padded);
        let mut products = vec![0.0; self.weights.len() / self.padded];
        let tasks = self.weights.par_chunks(rows_per_task * self.padded).zip(products.par_chunks_mut(rows_per_task));
        tasks.for_each(|(rows, products)| multiply(rows, &vector, products));
        Ok(products.into_iter().flat_map(f64::to_le_bytes).collect())
    }
}

/// The numbers of one row or vector, and zeros up to `padded`.
fn in_lanes<T: Copy + Default>(bytes: &[u8], parse: impl Fn(&[u8]) -> T, padded: usize) -> Vec<T> {
    let mut numbers: Vec<T> = bytes.chunks_exact(size_of::<T>()).map(parse).collect();
    numbers.resize(padded, T::default());
    numbers
}

/// Rows as long as the vector. Compiled for each width of vector registers; the processor's own is chosen at run time.
#[multiversion(targets("x86_64+avx512f", "x86_64+avx2"))]
fn multiply(rows: &[f32], vector: &[f64], products: &mut [f64]) {
    for (row, product) in rows.chunks_exact(vector.len()).zip(products) {
        let mut sums = [0.0; LANES];
        for (weights, values) in row.chunks_exact(LANES).zip(vector.chunks_exact(LANES)) {
            for lane in 0..LANES {
                sums[lane] += f64::from(weights[lane]) * values[lane];
            }
        }
        *product = sums.into_iter().sum();
    }
}
