//! A batch of sums of products: docs/protocol/sumcheck.md sections 7 and 8.

use std::sync::Arc;

use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, Field};
use rayon::prelude::*;

use crate::eq_rounds::{EqRounds, Round};
use crate::error::{KernelError, Result};
use crate::field_vec::{PER_TASK, eq_table, fold_in_place, fold_pairs, same_length, variables};
use crate::small::{self, fold_integers};
use crate::wide::{add_each, product_sums, weighted_sums};

/// Sums of fewer products are not worth a reduction of their own.
const SHARED_REDUCTION: usize = 32;

/// A factor's cells: elements that may be shared with whoever handed them over, or integers, a quarter of their size.
pub enum Cells {
    /// Until the first variable is bound.
    Integers(Vec<i64>),
    /// At any time.
    Elements(Arc<Vec<Fr>>),
}

impl Cells {
    fn len(&self) -> usize {
        match self {
            Self::Integers(integers) => integers.len(),
            Self::Elements(elements) => elements.len(),
        }
    }

    /// As elements, unless a round can take them as they are: one of a variable that eq does not have.
    fn prepared(self, below: usize, point: &[Fr]) -> Self {
        match self {
            Self::Integers(integers) if below == 0 || !point.is_empty() => {
                Self::Elements(Arc::new(integers.into_par_iter().with_min_len(PER_TASK).map(Fr::from).collect()))
            }
            cells => cells,
        }
    }

    /// Binds the lowest variable; in place, unless somebody else reads the same elements.
    fn fold(&mut self, x: Fr) {
        match self {
            Self::Integers(integers) => *self = Self::Elements(Arc::new(fold_integers(integers, x))),
            Self::Elements(elements) => fold(elements, x),
        }
    }
}

/// factor * sum of eq(point, top variables of x) a(x) b(x).
pub struct Instance {
    a: Cells,
    b: Arc<Vec<Fr>>,
    /// Variables below those of eq that are still free.
    below: usize,
    /// eq of the top variables, while variables below them are free.
    weights: Vec<Fr>,
    eq: EqRounds,
    /// The product of 1 - x over rounds after this instance's own.
    after: Fr,
}

impl Instance {
    /// Refuses tables of different lengths, or that are no power of two, or too small for the point.
    pub fn new(factor: Fr, point: Vec<Fr>, a: Cells, b: Arc<Vec<Fr>>) -> Result<Self> {
        same_length("elements of a", a.len(), "elements of b", b.len())?;
        let Some(below) = variables(a.len())?.checked_sub(point.len()) else {
            return Err(KernelError::Argument(format!("{} elements for a point of {}", a.len(), point.len())));
        };
        let weights = if below > 0 { eq_table(&point)? } else { Vec::new() };
        let a = a.prepared(below, &point);
        Ok(Self { a, b, below, weights, eq: EqRounds::new(point, factor)?, after: Fr::ONE })
    }

    fn rounds(&self) -> usize {
        self.b.len().ilog2() as usize
    }

    /// The whole sum, while no variable is bound.
    fn total(&self) -> Result<Fr> {
        let a = match &self.a {
            Cells::Integers(a) => return Ok(self.eq.scale() * small::weighted_sum(a, 1, &self.b)?[0]),
            Cells::Elements(a) => a,
        };
        let weights = self.eq.whole()?;
        let cells = a.len() / weights.len();
        let product = |(a, b): (&Fr, &Fr)| *a * b;
        let weighted = |((a, b), weight): ((&[Fr], &[Fr]), &Fr)| a.iter().zip(b).map(product).sum::<Fr>() * weight;
        let parts = a.par_chunks(cells).zip(self.b.par_chunks(cells)).zip(&weights);
        Ok(self.eq.scale() * parts.with_min_len(PER_TASK.div_ceil(cells)).map(weighted).sum::<Fr>())
    }

    fn round(&mut self) -> Round {
        let b = &self.b;
        let a = match &self.a {
            Cells::Integers(a) => return self.without_eq(small::product_sums(a, b)),
            Cells::Elements(a) => a,
        };
        if self.below > 0 {
            return self.without_eq(self.sums_below(a));
        }
        if !self.eq.is_open() {
            return [self.eq.scale() * self.after * a[0] * b[0], Fr::ZERO, Fr::ZERO];
        }
        let zero = |i: usize| a[2 * i] * b[2 * i];
        let infinity = |i: usize| (a[2 * i + 1] - a[2 * i]) * (b[2 * i + 1] - b[2 * i]);
        if self.eq.needs_one() {
            let one = |i: usize| a[2 * i + 1] * b[2 * i + 1];
            let sums = weighted_sums(self.eq.table(), |i| [zero(i), infinity(i), one(i)]);
            return self.eq.round(sums[0], sums[1], Some(sums[2]));
        }
        let sums = weighted_sums(self.eq.table(), |i| [zero(i), infinity(i)]);
        self.eq.round(sums[0], sums[1], None)
    }

    fn without_eq(&self, [zero, infinity]: [Fr; 2]) -> Round {
        [self.eq.scale() * zero, self.eq.scale() * infinity, Fr::ZERO]
    }

    /// A variable that eq does not have: each index of eq's has a sum of its own.
    fn sums_below(&self, a: &[Fr]) -> [Fr; 2] {
        let cells = 1 << self.below;
        if cells < SHARED_REDUCTION {
            let cells_of = |top: usize| top * cells..(top + 1) * cells;
            return weighted_sums(&self.weights, |top| few_sums(&a[cells_of(top)], &self.b[cells_of(top)]));
        }
        let weighted = |((a, b), weight): ((&[Fr], &[Fr]), &Fr)| product_sums(a, b).map(|sum| sum * weight);
        let parts = a.par_chunks(cells).zip(self.b.par_chunks(cells)).zip(&self.weights);
        parts.map(weighted).reduce(|| [Fr::ZERO; 2], add_each)
    }

    fn bind(&mut self, x: Fr) {
        if self.below == 0 && !self.eq.is_open() {
            self.after *= Fr::ONE - x;
            return;
        }
        self.a.fold(x);
        fold(&mut self.b, x);
        if self.below == 0 {
            return self.eq.bind(x);
        }
        self.below -= 1;
        if self.below == 0 {
            self.weights = Vec::new();
        }
    }
}

/// As `product_sums`, each product reduced.
fn few_sums(a: &[Fr], b: &[Fr]) -> [Fr; 2] {
    let pairs = a.chunks_exact(2).zip(b.chunks_exact(2));
    pairs.map(|(a, b)| [a[0] * b[0], (a[1] - a[0]) * (b[1] - b[0])]).fold([Fr::ZERO; 2], add_each)
}

/// In place, unless somebody else reads the same table.
fn fold(table: &mut Arc<Vec<Fr>>, x: Fr) {
    match Arc::get_mut(table) {
        Some(own) => fold_in_place(own, x),
        None => *table = Arc::new(fold_pairs(table, x)),
    }
}

/// Instances side by side. One whose rounds are over is a number times 1 - x for each later round.
pub struct ProductSumcheck {
    instances: Vec<Instance>,
    rounds: usize,
    bound: usize,
}

impl ProductSumcheck {
    /// As many rounds as the largest instance has variables.
    pub fn new(instances: Vec<Instance>) -> Self {
        let rounds = instances.iter().map(Instance::rounds).max().unwrap_or(0);
        Self { instances, rounds, bound: 0 }
    }

    /// All rounds.
    pub fn rounds(&self) -> usize {
        self.rounds
    }

    /// What the instances add up to, before any round.
    pub fn total(&self) -> Result<Fr> {
        if self.bound > 0 {
            return Err(KernelError::Argument(format!("{} rounds are bound", self.bound)));
        }
        self.instances.par_iter().map(Instance::total).sum()
    }

    /// The next round's polynomial.
    pub fn round(&mut self) -> Result<Round> {
        self.check_open()?;
        Ok(self.instances.par_iter_mut().map(Instance::round).reduce(|| [Fr::ZERO; 3], add_each))
    }

    /// Binds the next variable.
    pub fn bind(&mut self, x: Fr) -> Result<()> {
        self.check_open()?;
        self.instances.par_iter_mut().for_each(|instance| instance.bind(x));
        self.bound += 1;
        Ok(())
    }

    /// The values of a and b at the point reached.
    pub fn finals(&self) -> Result<Vec<(Fr, Fr)>> {
        if self.bound < self.rounds {
            return Err(KernelError::Argument(format!("{} of {} rounds are bound", self.bound, self.rounds)));
        }
        let values = |instance: &Instance| match &instance.a {
            Cells::Elements(a) => Ok((a[0], instance.b[0])),
            Cells::Integers(_) => Err(KernelError::Argument("no variable is bound".into())),
        };
        self.instances.iter().map(values).collect()
    }

    fn check_open(&self) -> Result<()> {
        if self.bound < self.rounds {
            return Ok(());
        }
        Err(KernelError::Argument(format!("all {} rounds are over", self.rounds)))
    }
}
