//! Sumchecks, commitments and pairings in Python.

use ark_bn254::{Fr, G1Affine, G2Affine};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::product_sumcheck::Cells;
use crate::python_field::{Held, shared, slices};
use crate::python_scalars::{Coordinate, Element, Integers, Scalar, unwrap, values};
use crate::{commit, fractions, product_sumcheck};

fn scalars<const N: usize>(elements: [Fr; N]) -> [Scalar; N] {
    elements.map(Scalar::from)
}

type Three = (Scalar, Scalar, Scalar);
type Four = (Scalar, Scalar, Scalar, Scalar);

fn three(elements: [Fr; 3]) -> Three {
    scalars(elements).into()
}

fn four(elements: [Fr; 4]) -> Four {
    scalars(elements).into()
}

/// A vector, or an array of int64.
#[derive(FromPyObject)]
enum Factor<'py> {
    Held(Held<'py>),
    Integers(Integers),
}

impl From<Factor<'_>> for Cells {
    fn from(factor: Factor<'_>) -> Self {
        match factor {
            Factor::Held(vector) => Self::Elements(vector.0.clone()),
            Factor::Integers(integers) => Self::Integers(integers.values),
        }
    }
}

type Instance<'py> = (Scalar, Vec<Scalar>, Factor<'py>, Held<'py>);

#[pyclass(module = "prover.kernels._native")]
pub struct ProductSumcheck(product_sumcheck::ProductSumcheck);

#[pymethods]
impl ProductSumcheck {
    #[new]
    fn new(py: Python<'_>, instances: Vec<Instance<'_>>) -> PyResult<Self> {
        let parse = |(factor, point, a, b): Instance<'_>| (factor.0, unwrap(point), Cells::from(a), b.0.clone());
        let parsed: Vec<_> = instances.into_iter().map(parse).collect();
        let make = || {
            let instance = |(factor, point, a, b)| product_sumcheck::Instance::new(factor, point, a, b);
            parsed.into_iter().map(instance).collect::<crate::error::Result<Vec<_>>>()
        };
        Ok(Self(product_sumcheck::ProductSumcheck::new(py.detach(make)?)))
    }

    #[getter]
    fn rounds(&self) -> usize {
        self.0.rounds()
    }

    fn total(&self, py: Python<'_>) -> PyResult<Scalar> {
        Ok(py.detach(|| self.0.total())?.into())
    }

    fn round(&mut self, py: Python<'_>) -> PyResult<Three> {
        Ok(three(py.detach(|| self.0.round())?))
    }

    fn bind(&mut self, py: Python<'_>, x: Scalar) -> PyResult<()> {
        Ok(py.detach(|| self.0.bind(x.0))?)
    }

    fn finals(&self) -> PyResult<Vec<(Scalar, Scalar)>> {
        Ok(self.0.finals()?.into_iter().map(|(a, b)| (a.into(), b.into())).collect())
    }
}

#[pyclass(module = "prover.kernels._native")]
pub struct FractionTree(fractions::FractionTree);

#[pymethods]
impl FractionTree {
    #[new]
    fn new(py: Python<'_>, numerators: Held<'_>, denominators: Held<'_>) -> PyResult<Self> {
        let (numerators, denominators) = (numerators.0.clone(), denominators.0.clone());
        Ok(Self(py.detach(|| fractions::FractionTree::new(numerators, denominators))?))
    }

    #[getter]
    fn depth(&self) -> usize {
        self.0.depth()
    }

    fn top(&self) -> Four {
        four(self.0.top())
    }

    fn layer(&mut self, py: Python<'_>, layer: usize, point: Vec<Scalar>, combiner: Scalar) -> PyResult<LayerSumcheck> {
        let point = unwrap(point);
        Ok(LayerSumcheck(py.detach(|| self.0.layer(layer, point, combiner.0))?))
    }
}

#[pyclass(module = "prover.kernels._native")]
pub struct LayerSumcheck(fractions::LayerSumcheck);

#[pymethods]
impl LayerSumcheck {
    fn round(&mut self, py: Python<'_>) -> PyResult<(Scalar, Scalar)> {
        Ok(scalars(py.detach(|| self.0.round())?).into())
    }

    fn bind(&mut self, py: Python<'_>, x: Scalar) -> PyResult<()> {
        Ok(py.detach(|| self.0.bind(x.0))?)
    }

    fn finals(&self) -> PyResult<Four> {
        Ok(four(self.0.finals()?))
    }
}

#[pyclass(frozen, module = "prover.kernels._native")]
pub struct ReferenceString(commit::ReferenceString);

#[pymethods]
impl ReferenceString {
    #[new]
    fn new(py: Python<'_>, points: &[u8]) -> PyResult<Self> {
        Ok(Self(py.detach(|| commit::ReferenceString::new(points))?))
    }

    fn commit<'py>(&self, py: Python<'py>, polynomials: Vec<Held<'py>>) -> PyResult<Vec<Bound<'py, PyBytes>>> {
        let polynomials = shared(&polynomials);
        let commitments = py.detach(|| self.0.commit(&slices(&polynomials)))?;
        Ok(python_bytes(py, &commitments))
    }

    fn commit_integers<'py>(&self, py: Python<'py>, rows: Vec<Integers>) -> PyResult<Vec<Bound<'py, PyBytes>>> {
        let rows = values(rows);
        let commitments = py.detach(|| self.0.commit_integers(&rows))?;
        Ok(python_bytes(py, &commitments))
    }
}

fn python_bytes<'py>(py: Python<'py>, commitments: &[commit::Commitment]) -> Vec<Bound<'py, PyBytes>> {
    commitments.iter().map(|commitment| PyBytes::new(py, commitment)).collect()
}

type G1 = (Coordinate, Coordinate);
type G2 = (Coordinate, Coordinate, Coordinate, Coordinate);

fn g1(points: Vec<G1>) -> crate::error::Result<Vec<G1Affine>> {
    points.into_iter().map(|(x, y)| commit::g1_of((x.0, y.0))).collect()
}

#[pyfunction]
pub fn msm(py: Python<'_>, points: Vec<G1>, scalars: Vec<Scalar>) -> PyResult<G1> {
    let scalars = unwrap(scalars);
    let (x, y) = py.detach(|| commit::msm(&g1(points)?, &scalars))?;
    Ok((Element(x), Element(y)))
}

#[pyfunction]
pub fn pairing_check(py: Python<'_>, pairs: Vec<(G1, G2)>) -> PyResult<bool> {
    let parse = |((x, y), (x1, x0, y1, y0)): (G1, G2)| -> crate::error::Result<(G1Affine, G2Affine)> {
        Ok((commit::g1_of((x.0, y.0))?, commit::g2_of([x1.0, x0.0, y1.0, y0.0])?))
    };
    let check = || {
        let pairs = pairs.into_iter().map(parse).collect::<crate::error::Result<Vec<_>>>()?;
        Ok::<_, crate::error::KernelError>(commit::pairing_check(&pairs))
    };
    Ok(py.detach(check)?)
}
