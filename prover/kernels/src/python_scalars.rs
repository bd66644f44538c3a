//! What crosses between Python and the field: ints through 32 big-endian bytes, and integers in NumPy's memory.

use ark_bn254::{Fq, Fr};
use ark_ff::{BigInt, BigInteger, PrimeField};
use pyo3::buffer::PyBuffer;
use pyo3::exceptions::{PyOverflowError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyInt};

use crate::bytes::from_be;

/// A Python int that stands for a field element: between -modulus and modulus, and written in [0, modulus).
#[derive(Clone, Copy)]
pub struct Element<F>(pub F);

impl<F> From<F> for Element<F> {
    fn from(element: F) -> Self {
        Self(element)
    }
}

/// An element of the scalar field.
pub type Scalar = Element<Fr>;
/// A coordinate of a point.
pub type Coordinate = Element<Fq>;

impl<'py, F: PrimeField<BigInt = BigInt<4>>> FromPyObject<'_, 'py> for Element<F> {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        let negative = object.lt(0)?;
        let magnitude = if negative { object.neg()? } else { object.to_owned() };
        let bytes = magnitude
            .call_method1("to_bytes", (32, "big"))
            .map_err(|error| if error.is_instance_of::<PyOverflowError>(object.py()) { too_large() } else { error })?;
        let element: F = from_be(bytes.cast::<PyBytes>()?.as_bytes()).ok_or_else(too_large)?;
        Ok(Self(if negative { -element } else { element }))
    }
}

fn too_large() -> PyErr {
    PyValueError::new_err("an int outside the field: its absolute value is not below the modulus")
}

impl<'py, F: PrimeField<BigInt = BigInt<4>>> IntoPyObject<'py> for Element<F> {
    type Target = PyAny;
    type Output = Bound<'py, PyAny>;
    type Error = PyErr;

    fn into_pyobject(self, py: Python<'py>) -> PyResult<Self::Output> {
        let bytes = self.0.into_bigint().to_bytes_be();
        py.get_type::<PyInt>().call_method1("from_bytes", (PyBytes::new(py, &bytes), "big"))
    }
}

/// The field elements of ints.
pub fn unwrap<F>(elements: Vec<Element<F>>) -> Vec<F> {
    elements.into_iter().map(|element| element.0).collect()
}

/// An int64 array, copied in row-major order.
pub struct Integers {
    /// Its dims.
    pub shape: Vec<usize>,
    /// Its elements.
    pub values: Vec<i64>,
}

impl<'py> FromPyObject<'_, 'py> for Integers {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        let buffer = PyBuffer::<i64>::get(&object)
            .map_err(|error| PyTypeError::new_err(format!("an array of int64 is wanted: {error}")))?;
        Ok(Self { shape: buffer.shape().to_vec(), values: buffer.to_vec(object.py())? })
    }
}

/// The elements of arrays.
pub fn values(arrays: Vec<Integers>) -> Vec<Vec<i64>> {
    arrays.into_iter().map(|array| array.values).collect()
}
