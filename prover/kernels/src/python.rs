//! The Python module: parses arguments, releases the interpreter, maps refusals to exceptions.

use ark_bn254::Fr;
use pyo3::create_exception;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::bytes::scalar_from_be;
use crate::error::KernelError;
use crate::{buffers, keccak, narrow, srs, srs_check};

create_exception!(_native, PointError, PyValueError, "Bytes that are no point of the group: (index, reason).");

impl From<KernelError> for PyErr {
    fn from(error: KernelError) -> Self {
        match error {
            KernelError::Argument(message) => PyValueError::new_err(message),
            KernelError::Point { index, reason } => PointError::new_err((index, reason)),
        }
    }
}

/// Inputs shorter than this hash faster than the interpreter can be released.
const DETACH_FROM: usize = 4096;

#[pyfunction]
fn keccak256<'py>(py: Python<'py>, data: &[u8]) -> Bound<'py, PyBytes> {
    let digest = if data.len() < DETACH_FROM { keccak::keccak256(data) } else { py.detach(|| keccak::keccak256(data)) };
    PyBytes::new(py, &digest)
}

/// Roots of tensors: of each an array of one axis, int32 or int64, and its dims.
#[pyfunction]
fn trace_roots<'py>(py: Python<'py>, tensors: Vec<buffers::Tensor<'py>>) -> PyResult<Vec<Bound<'py, PyBytes>>> {
    let roots = buffers::trace_roots(py, tensors)?;
    Ok(roots.iter().map(|root| PyBytes::new(py, root)).collect())
}

/// Levels of a tensor's chunk tree, each one string of 32-byte hashes.
#[pyfunction]
fn chunk_levels<'py>(py: Python<'py>, data: &[u8]) -> Vec<Bound<'py, PyBytes>> {
    let levels = py.detach(|| keccak::chunk_levels(data));
    levels.iter().map(|level| PyBytes::new(py, level.as_flattened())).collect()
}

#[pyclass(frozen, module = "prover.kernels._native")]
struct KnownTauSrs(srs::KnownTauSrs);

#[pymethods]
impl KnownTauSrs {
    #[new]
    fn new(py: Python<'_>, k: u32, tau: &[u8]) -> PyResult<Self> {
        let tau = scalar_from_be(tau)?;
        Ok(Self(py.detach(|| srs::KnownTauSrs::new(k, tau))?))
    }

    fn monomial<'py>(&self, py: Python<'py>, start: usize, count: usize) -> PyResult<Bound<'py, PyBytes>> {
        let points = py.detach(|| self.0.monomial(start, count))?;
        Ok(PyBytes::new(py, &points))
    }

    fn lagrange<'py>(&self, py: Python<'py>, start: usize, count: usize) -> PyResult<Bound<'py, PyBytes>> {
        let points = py.detach(|| self.0.lagrange(start, count))?;
        Ok(PyBytes::new(py, &points))
    }
}

#[pyclass(frozen, module = "prover.kernels._native")]
struct NarrowMatrix(narrow::NarrowMatrix);

#[pymethods]
impl NarrowMatrix {
    #[new]
    fn new(columns: usize, weights: &[u8]) -> PyResult<Self> {
        Ok(Self(narrow::NarrowMatrix::new(columns, weights)?))
    }

    fn times<'py>(&self, py: Python<'py>, vector: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
        let product = py.detach(|| self.0.times(vector))?;
        Ok(PyBytes::new(py, &product))
    }
}

#[pyfunction]
fn g2_pair<'py>(py: Python<'py>, tau: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
    let tau: Fr = scalar_from_be(tau)?;
    Ok(PyBytes::new(py, &srs::g2_pair(tau)))
}

#[pyclass(module = "prover.kernels._native")]
struct SrsCheck(srs_check::SrsCheck);

#[pymethods]
impl SrsCheck {
    #[new]
    fn new(k: u32, rho: &[u8]) -> PyResult<Self> {
        Ok(Self(srs_check::SrsCheck::new(k, scalar_from_be(rho)?)?))
    }

    fn monomial(&mut self, py: Python<'_>, points: &[u8]) -> PyResult<()> {
        Ok(py.detach(|| self.0.monomial(points))?)
    }

    fn lagrange(&mut self, py: Python<'_>, points: &[u8]) -> PyResult<()> {
        Ok(py.detach(|| self.0.lagrange(points))?)
    }

    fn finish(&self, py: Python<'_>, g2: &[u8], s_g2: &[u8]) -> PyResult<(bool, bool)> {
        let verdict = py.detach(|| self.0.finish(g2, s_g2))?;
        Ok((verdict.powers, verdict.bases))
    }
}

#[pymodule]
mod _native {
    #[pymodule_export]
    use super::{KnownTauSrs, NarrowMatrix, PointError, SrsCheck, chunk_levels, g2_pair, keccak256, trace_roots};
    #[pymodule_export]
    use crate::python_field::{
        Vector, combine_integers, divide_by_linear, eq_table, evaluate, fingerprints, fold, functional,
        linear_combination, outer, scatter, weighted_sum,
    };
    #[pymodule_export]
    use crate::python_sumcheck::{FractionTree, LayerSumcheck, ProductSumcheck, ReferenceString, msm, pairing_check};
}
