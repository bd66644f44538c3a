//! A sum of fractions as a binary tree, and the sumcheck of each of its layers: docs/protocol/sumcheck.md section 6.

use std::sync::Arc;

use ark_bn254::Fr;
use ark_ff::Field;
use rayon::prelude::*;

use crate::eq_rounds::{EqRounds, InnerRound};
use crate::error::{KernelError, Result};
use crate::field_vec::{PER_TASK, fold_in_place, fold_pairs, same_length, variables};
use crate::wide::weighted_sums;

type Shared = Arc<Vec<Fr>>;

/// Layers of numerators and denominators, from the one of two nodes down to the leaves.
pub struct FractionTree {
    depth: usize,
    top: [Fr; 4],
    /// Layers that are not consumed yet, the leaves first.
    layers: Vec<(Shared, Shared)>,
}

impl FractionTree {
    /// Adds up leaves, of which there are a power of two and at least two.
    pub fn new(numerators: Shared, denominators: Shared) -> Result<Self> {
        same_length("numerators", numerators.len(), "denominators", denominators.len())?;
        let depth = variables(numerators.len())?;
        if depth == 0 {
            return Err(KernelError::Argument("one fraction is no tree".into()));
        }
        let mut layers = vec![(numerators, denominators)];
        for _ in 1..depth {
            let (p, q) = &layers[layers.len() - 1];
            let next = parents(p, q);
            layers.push(next);
        }
        let (p, q) = &layers[depth - 1];
        Ok(Self { depth, top: [p[0], p[1], q[0], q[1]], layers })
    }

    /// The number of layers below the root.
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// (p0, p1, q0, q1) of the layer of two nodes.
    pub fn top(&self) -> [Fr; 4] {
        self.top
    }

    /// The sumcheck over the 2^layer nodes of a layer. It takes the layer of their children out of the tree, so layers
    /// are asked for from the top down.
    pub fn layer(&mut self, layer: usize, point: Vec<Fr>, combiner: Fr) -> Result<LayerSumcheck> {
        if layer == 0 || layer >= self.depth {
            return Err(KernelError::Argument(format!("a tree of depth {} has no layer {layer}", self.depth)));
        }
        same_length("coordinates", point.len(), "variables", layer)?;
        self.layers.truncate(self.depth - layer);
        if self.layers.len() < self.depth - layer {
            return Err(KernelError::Argument(format!("layer {layer} is consumed")));
        }
        let children = self.layers.pop().unwrap_or_default();
        Ok(LayerSumcheck { tables: Tables::Children(children), eq: EqRounds::new(point, Fr::ONE)?, combiner })
    }
}

fn parents(p: &[Fr], q: &[Fr]) -> (Shared, Shared) {
    let ((p0, p1), (q0, q1)) = (p.split_at(p.len() / 2), q.split_at(q.len() / 2));
    let parent = |i: usize| (Fr::sum_of_products(&[p0[i], p1[i]], &[q1[i], q0[i]]), q0[i] * q1[i]);
    let (p, q) = (0..p0.len()).into_par_iter().with_min_len(PER_TASK).map(parent).unzip();
    (Arc::new(p), Arc::new(q))
}

enum Tables {
    /// The layer of children as the tree has it.
    Children((Shared, Shared)),
    /// p0, p1 + combiner q1, q0, q1.
    Bound([Vec<Fr>; 4]),
}

impl Tables {
    fn slices(&self) -> [&[Fr]; 4] {
        match self {
            Self::Children((p, q)) => {
                let ((p0, p1), (q0, q1)) = (p.split_at(p.len() / 2), q.split_at(q.len() / 2));
                [p0, p1, q0, q1]
            }
            Self::Bound(tables) => tables.each_ref().map(Vec::as_slice),
        }
    }
}

/// The sum of eq(point, x) (p0 q1 + p1 q0 + combiner q0 q1)(x) = eq(point, x) (p0 q1 + (p1 + combiner q1) q0)(x).
pub struct LayerSumcheck {
    tables: Tables,
    eq: EqRounds,
    combiner: Fr,
}

impl LayerSumcheck {
    /// The next round's polynomial, without eq's part in it.
    pub fn round(&mut self) -> Result<InnerRound> {
        self.check_open()?;
        let [p0, p1, q0, q1] = self.tables.slices();
        // What q1 still has to be multiplied with where it is added to p1.
        let combiner = if matches!(self.tables, Tables::Children(_)) { Some(self.combiner) } else { None };
        let shifted = |i: usize| combiner.map_or(p1[i], |combiner| p1[i] + combiner * q1[i]);
        let slope = |values: &[Fr], i: usize| values[i + 1] - values[i];
        let sums_at = |i: usize| {
            let (i, low, high) = (2 * i, shifted(2 * i), shifted(2 * i + 1));
            let zero = Fr::sum_of_products(&[p0[i], low], &[q1[i], q0[i]]);
            let infinity = Fr::sum_of_products(&[slope(p0, i), high - low], &[slope(q1, i), slope(q0, i)]);
            (zero, infinity, high)
        };
        if !self.eq.needs_one() {
            let sums = weighted_sums(self.eq.table(), |i| {
                let (zero, infinity, _) = sums_at(i);
                [zero, infinity]
            });
            return Ok(self.eq.inner_round(sums[0], sums[1], None));
        }
        let sums = weighted_sums(self.eq.table(), |i| {
            let (zero, infinity, high) = sums_at(i);
            let i = 2 * i + 1;
            [zero, infinity, Fr::sum_of_products(&[p0[i], high], &[q1[i], q0[i]])]
        });
        Ok(self.eq.inner_round(sums[0], sums[1], Some(sums[2])))
    }

    /// Binds the next variable.
    pub fn bind(&mut self, x: Fr) -> Result<()> {
        self.check_open()?;
        match &mut self.tables {
            Tables::Bound(tables) => tables.iter_mut().for_each(|values| fold_in_place(values, x)),
            children @ Tables::Children(_) => {
                let mut bound = children.slices().map(|values| fold_pairs(values, x));
                let [_, p1, _, q1] = &mut bound;
                p1.par_iter_mut().with_min_len(PER_TASK).zip(q1).for_each(|(p, q)| *p += self.combiner * *q);
                *children = Tables::Bound(bound);
            }
        }
        self.eq.bind(x);
        Ok(())
    }

    /// (p0, p1, q0, q1) at the point reached.
    pub fn finals(&self) -> Result<[Fr; 4]> {
        match &self.tables {
            Tables::Bound([p0, p1, q0, q1]) if !self.eq.is_open() => {
                Ok([p0[0], p1[0] - self.combiner * q1[0], q0[0], q1[0]])
            }
            _ => Err(KernelError::Argument("rounds of the layer are not bound yet".into())),
        }
    }

    fn check_open(&self) -> Result<()> {
        if self.eq.is_open() { Ok(()) } else { Err(KernelError::Argument("all rounds of the layer are over".into())) }
    }
}
