//! Integers in NumPy's memory, copied out through Python's buffer protocol one block at a time.

use pyo3::buffer::PyUntypedBuffer;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PySlice;

use crate::forest::{BLOCK_BYTES, Forest};
use crate::keccak::Hash;

const WIDTH: usize = size_of::<i32>();
const BLOCK_ELEMENTS: usize = BLOCK_BYTES / WIDTH;

/// A tensor: its elements as an array of one axis, and its dims.
pub type Tensor<'py> = (Bound<'py, PyAny>, Vec<u32>);

/// The roots of tensors, in order. Python is released while hashes are computed.
pub fn trace_roots(py: Python<'_>, tensors: Vec<Tensor<'_>>) -> PyResult<Vec<Hash>> {
    let mut forest = Forest::default();
    let mut scratch = Scratch::default();
    for (array, dims) in tensors {
        let elements = array.len()?;
        for start in (0..elements).step_by(BLOCK_ELEMENTS) {
            let end = elements.min(start + BLOCK_ELEMENTS);
            let part = part_of(&array, start, end, elements)?;
            scratch.write_be(&part, forest.room((end - start) * WIDTH))?;
            if forest.is_full() {
                py.detach(|| forest.hash());
            }
        }
        forest.end(dims, elements * WIDTH)?;
        if forest.is_many() {
            py.detach(|| forest.fold());
        }
    }
    Ok(py.detach(|| forest.finish()))
}

/// A view of some elements, which are all of them in most tensors.
fn part_of<'py>(array: &Bound<'py, PyAny>, start: usize, end: usize, all: usize) -> PyResult<Bound<'py, PyAny>> {
    if end - start == all {
        return Ok(array.clone());
    }
    array.get_item(PySlice::new(array.py(), start as isize, end as isize, 1))
}

#[derive(Default)]
struct Scratch {
    narrow: Vec<i32>,
    wide: Vec<i64>,
}

impl Scratch {
    /// Copies an array's elements, and writes them as big-endian 32-bit integers.
    fn write_be(&mut self, array: &Bound<'_, PyAny>, room: &mut [u8]) -> PyResult<()> {
        let buffer = PyUntypedBuffer::get(array)?;
        if buffer.item_count() * WIDTH != room.len() {
            return Err(PyValueError::new_err("a tensor is handed over as an array of one axis"));
        }
        let fits = if let Ok(buffer) = buffer.as_typed::<i32>() {
            self.narrow.resize(buffer.item_count(), 0);
            buffer.copy_to_slice(array.py(), &mut self.narrow)?;
            write_be(&self.narrow, room, Some)
        } else if let Ok(buffer) = buffer.as_typed::<i64>() {
            self.wide.resize(buffer.item_count(), 0);
            buffer.copy_to_slice(array.py(), &mut self.wide)?;
            write_be(&self.wide, room, |value| i32::try_from(value).ok())
        } else {
            return Err(PyTypeError::new_err("a tensor's elements are int32 or int64"));
        };
        if fits { Ok(()) } else { Err(PyValueError::new_err("a value does not fit 4 bytes")) }
    }
}

/// False if an element does not fit. All are written, so that the loop has no exit and takes many at a time.
fn write_be<T: Copy>(elements: &[T], room: &mut [u8], narrow: impl Fn(T) -> Option<i32>) -> bool {
    let mut fits = true;
    for (&element, bytes) in elements.iter().zip(room.chunks_exact_mut(WIDTH)) {
        let value = narrow(element);
        fits &= value.is_some();
        bytes.copy_from_slice(&value.unwrap_or_default().to_be_bytes());
    }
    fits
}
