//! Rounds of a sum of eq(point, x) times a polynomial t of degree 2 in each variable.
//!
//! The factor of eq that belongs to bound variables is a number, the one of the variable at hand a linear factor, and the
//! rest a table; so a round needs only t's weighted sum at 0, at infinity, and at 1, which the round before gives.

use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, Field, Zero};

use crate::error::Result;
use crate::field_vec::{eq_table, sum_pairs};

/// A round's polynomial without its linear coefficient: (c0, c2, c3).
pub type Round = [Fr; 3];

/// A polynomial of degree 2 without its constant, which follows from what it has to add up to: (c1, c2).
pub type InnerRound = [Fr; 2];

/// eq over the variables that are still free.
pub struct EqRounds {
    point: Vec<Fr>,
    bound: usize,
    /// eq of the free variables after the next one.
    table: Vec<Fr>,
    /// The factor of everything bound.
    scale: Fr,
    /// The sum over the free variables without `scale`, where known.
    claim: Option<Fr>,
    /// t's coefficients in the round at hand.
    inner: Option<[Fr; 3]>,
}

impl EqRounds {
    /// Rounds over all variables of the point.
    pub fn new(point: Vec<Fr>, scale: Fr) -> Result<Self> {
        let table = eq_table(point.get(1..).unwrap_or_default())?;
        Ok(Self { point, bound: 0, table, scale, claim: None, inner: None })
    }

    /// eq of all variables, of which none is bound.
    pub fn whole(&self) -> Result<Vec<Fr>> {
        eq_table(&self.point)
    }

    /// The weights of the pairs in the next round.
    pub fn table(&self) -> &[Fr] {
        &self.table
    }

    /// The factor of everything bound.
    pub fn scale(&self) -> Fr {
        self.scale
    }

    /// Whether variables are free.
    pub fn is_open(&self) -> bool {
        self.bound < self.point.len()
    }

    /// Whether the weighted sum at 1 does not follow from the one at 0.
    pub fn needs_one(&self) -> bool {
        self.claim.is_none() || self.point[self.bound].is_zero()
    }

    /// The round whose weighted sums of t at 0, at infinity, and if `needs_one` at 1, are these.
    pub fn round(&mut self, zero: Fr, infinity: Fr, one: Option<Fr>) -> Round {
        let z = self.point[self.bound];
        let [linear, quadratic] = self.inner_round(zero, infinity, one);
        let (constant, slope) = (self.scale * (Fr::ONE - z), self.scale * (z.double() - Fr::ONE));
        [constant * zero, constant * quadratic + slope * linear, slope * quadratic]
    }

    /// The same round without eq of the bound variables and the one at hand: coefficients 1 and 2 of t's weighted sum.
    pub fn inner_round(&mut self, zero: Fr, infinity: Fr, one: Option<Fr>) -> InnerRound {
        let z = self.point[self.bound];
        let one = one.unwrap_or_else(|| {
            let rest = self.claim.unwrap_or_default() - (Fr::ONE - z) * zero;
            rest * z.inverse().unwrap_or_default()
        });
        let linear = one - zero - infinity;
        self.inner = Some([zero, linear, infinity]);
        [linear, infinity]
    }

    /// Binds the next variable.
    pub fn bind(&mut self, x: Fr) {
        let z = self.point[self.bound];
        self.scale *= Fr::ONE - z + (z.double() - Fr::ONE) * x;
        self.claim = self.inner.take().map(|[zero, linear, infinity]| zero + x * (linear + x * infinity));
        self.bound += 1;
        if self.is_open() {
            self.table = sum_pairs(&self.table);
        }
    }
}
