//! Field vectors in Python: parses arguments, releases the interpreter, maps refusals to exceptions.

use std::sync::Arc;

use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, Field};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::field_vec;
use crate::python_scalars::{Integers, Scalar, unwrap, values};
use crate::small::{self, Fingerprints};
use crate::{scatter as scattering, univariate};

/// Elements of the scalar field. What shares them copies before it writes.
#[pyclass(module = "prover.kernels._native")]
pub struct Vector(pub Arc<Vec<Fr>>);

impl Vector {
    fn of(values: Vec<Fr>) -> Self {
        Self(Arc::new(values))
    }
}

/// A Python object that holds a vector.
pub type Held<'py> = PyRef<'py, Vector>;

/// What may be written: a copy where a sumcheck still reads the same elements.
fn cells(vector: &mut Arc<Vec<Fr>>) -> &mut [Fr] {
    Arc::<Vec<Fr>>::make_mut(vector)
}

pub fn shared(vectors: &[Held<'_>]) -> Vec<Arc<Vec<Fr>>> {
    vectors.iter().map(|vector| vector.0.clone()).collect()
}

pub fn slices(vectors: &[Arc<Vec<Fr>>]) -> Vec<&[Fr]> {
    vectors.iter().map(|vector| vector.as_slice()).collect()
}

#[pymethods]
impl Vector {
    #[staticmethod]
    fn zeros(py: Python<'_>, count: usize) -> PyResult<Self> {
        Ok(Self::of(py.detach(|| field_vec::filled(Fr::ZERO, count))?))
    }

    #[staticmethod]
    fn ones(py: Python<'_>, count: usize) -> PyResult<Self> {
        Ok(Self::of(py.detach(|| field_vec::filled(Fr::ONE, count))?))
    }

    #[staticmethod]
    fn from_integers(py: Python<'_>, integers: Integers) -> PyResult<Self> {
        let mut cells = Self::zeros(py, integers.values.len())?;
        cells.write_integers(py, 0, integers, Scalar::from(Fr::ONE))?;
        Ok(cells)
    }

    #[staticmethod]
    fn from_scalars(scalars: Vec<Scalar>) -> Self {
        Self::of(unwrap(scalars))
    }

    fn scalars(&self) -> Vec<Scalar> {
        self.0.iter().map(|&value| Scalar::from(value)).collect()
    }

    fn __len__(&self) -> usize {
        self.0.len()
    }

    fn slice(&self, py: Python<'_>, start: usize, stop: usize) -> PyResult<Self> {
        let part = self.0.get(start..stop).ok_or_else(|| {
            PyValueError::new_err(format!("elements {start} to {stop} of a vector of {}", self.0.len()))
        })?;
        Ok(py.detach(|| Self::of(part.to_vec())))
    }

    fn write_integers(&mut self, py: Python<'_>, offset: usize, integers: Integers, factor: Scalar) -> PyResult<()> {
        let target = &mut self.0;
        Ok(py.detach(|| small::write_integers(cells(target), offset, &integers.values, factor.0))?)
    }
}

#[pyfunction]
pub fn eq_table(py: Python<'_>, point: Vec<Scalar>) -> PyResult<Vector> {
    let point = unwrap(point);
    Ok(Vector::of(py.detach(|| field_vec::eq_table(&point))?))
}

#[pyfunction]
pub fn outer(py: Python<'_>, weights: Vec<Held<'_>>) -> PyResult<Vector> {
    let weights = shared(&weights);
    Ok(Vector::of(py.detach(|| field_vec::outer(&slices(&weights)))?))
}

#[pyfunction]
pub fn weighted_sum(py: Python<'_>, matrix: Integers, weights: Held<'_>) -> PyResult<Vector> {
    let [kept, summed] = matrix.shape[..] else {
        return Err(PyValueError::new_err(format!("a matrix has two axes, not {}", matrix.shape.len())));
    };
    let weights = weights.0.clone();
    field_vec::same_length("columns", summed, "weights", weights.len())?;
    Ok(Vector::of(py.detach(|| small::weighted_sum(&matrix.values, kept, &weights))?))
}

#[pyfunction]
pub fn functional(py: Python<'_>, cells: Integers, count: usize, weights: Vec<Held<'_>>) -> PyResult<Vector> {
    let weights = shared(&weights);
    Ok(Vector::of(py.detach(|| field_vec::functional(&cells.values, count, &slices(&weights)))?))
}

#[pyfunction]
pub fn scatter(
    py: Python<'_>,
    mut target: PyRefMut<'_, Vector>,
    offset: usize,
    factor: Scalar,
    groups: Vec<(Integers, Py<Vector>)>,
) -> PyResult<()> {
    let mut weights = Vec::new();
    for (_, vector) in &groups {
        weights.push(vector.try_borrow(py)?.0.clone());
    }
    let positions = groups.iter().map(|(positions, _)| positions.values.as_slice());
    let groups: Vec<_> = positions.zip(slices(&weights)).collect();
    let target = &mut target.0;
    Ok(py.detach(|| scattering::scatter(cells(target), offset, factor.0, &groups))?)
}

#[pyfunction]
#[allow(clippy::too_many_arguments, reason = "the columns of a tuple and where they go")]
pub fn fingerprints(
    py: Python<'_>,
    mut target: PyRefMut<'_, Vector>,
    offset: usize,
    alpha: Scalar,
    tag: Scalar,
    factors: Vec<Scalar>,
    columns: Vec<Integers>,
    mask: Integers,
) -> PyResult<()> {
    let (factors, columns) = (unwrap(factors), values(columns));
    let prints = Fingerprints { alpha: alpha.0, tag: tag.0, factors: &factors, columns: &columns, mask: &mask.values };
    let target = &mut target.0;
    Ok(py.detach(|| prints.write(cells(target), offset))?)
}

#[pyfunction]
pub fn combine_integers(py: Python<'_>, rows: Vec<Integers>, factors: Vec<Scalar>, length: usize) -> PyResult<Vector> {
    let (rows, factors) = (values(rows), unwrap(factors));
    Ok(Vector::of(py.detach(|| small::combine_integers(&rows, &factors, length))?))
}

#[pyfunction]
pub fn linear_combination(py: Python<'_>, vectors: Vec<Held<'_>>, factors: Vec<Scalar>) -> PyResult<Vector> {
    let (vectors, factors) = (shared(&vectors), unwrap(factors));
    Ok(Vector::of(py.detach(|| field_vec::linear_combination(&slices(&vectors), &factors))?))
}

#[pyfunction]
pub fn fold(py: Python<'_>, vector: Held<'_>, x: Scalar) -> PyResult<Vector> {
    let vector = vector.0.clone();
    Ok(Vector::of(py.detach(|| field_vec::fold(&vector, x.0))?))
}

#[pyfunction]
pub fn evaluate(py: Python<'_>, vector: Held<'_>, x: Scalar) -> Scalar {
    let vector = vector.0.clone();
    Scalar::from(py.detach(|| univariate::evaluate(&vector, x.0)))
}

#[pyfunction]
pub fn divide_by_linear(py: Python<'_>, vector: Held<'_>, a: Scalar) -> PyResult<Vector> {
    let vector = vector.0.clone();
    Ok(Vector::of(py.detach(|| univariate::divide_by_linear(&vector, a.0))?))
}
