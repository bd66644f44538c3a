//! Products of weights added to cells whose numbers are sums of positions.

use ark_bn254::Fr;
use ark_ff::Zero;

use crate::error::{KernelError, Result};
use crate::field_vec::{PER_TASK, same_length};

/// One group: positions and the value at each.
pub type Group<'a> = (&'a [i64], &'a [Fr]);

/// For every choice of one member per group, target[offset + sum of positions] += factor * product of values.
pub fn scatter(target: &mut [Fr], offset: usize, factor: Fr, groups: &[Group<'_>]) -> Result<()> {
    for (positions, values) in groups {
        same_length("positions", positions.len(), "values", values.len())?;
    }
    if groups.iter().any(|(positions, _)| positions.is_empty()) {
        return Ok(());
    }
    let base = lowest_cell(target.len(), offset, groups)?;
    let mut groups: Vec<Part<'_>> = groups.iter().map(Part::new).collect();
    // Groups of large strides first: the cells of their members do not overlap, so the members are shared out.
    groups.sort_by_key(|group| std::cmp::Reverse(group.least_gap()));
    add(&mut target[base..], factor, &groups);
    Ok(())
}

fn lowest_cell(length: usize, offset: usize, groups: &[Group<'_>]) -> Result<usize> {
    let bound = |pick: fn(&[i64]) -> Option<i64>| -> i128 {
        let sum: i128 = groups.iter().filter_map(|(positions, _)| pick(positions)).map(i128::from).sum();
        sum + offset as i128
    };
    let (low, high) = (bound(|p| p.iter().min().copied()), bound(|p| p.iter().max().copied()));
    if low < 0 || high >= length as i128 {
        return Err(KernelError::Argument(format!("cells {low} to {high} are outside a vector of {length}")));
    }
    Ok(low as usize)
}

/// A group in the order of its positions, which are counted from its lowest.
struct Part<'a> {
    members: Vec<(usize, &'a Fr)>,
}

impl<'a> Part<'a> {
    fn new((positions, values): &Group<'a>) -> Self {
        let lowest = positions.iter().min().copied().unwrap_or_default();
        let from_lowest = positions.iter().map(|position| position.abs_diff(lowest) as usize);
        let mut members: Vec<_> = from_lowest.zip(*values).collect();
        members.sort_by_key(|(position, _)| *position);
        Self { members }
    }

    fn least_gap(&self) -> usize {
        self.members.windows(2).map(|pair| pair[1].0 - pair[0].0).min().unwrap_or(usize::MAX)
    }

    fn width(&self) -> usize {
        self.members.last().map_or(0, |(position, _)| *position)
    }
}

fn add(target: &mut [Fr], factor: Fr, groups: &[Part<'_>]) {
    match groups {
        [] => target[0] += factor,
        [first, rest @ ..] => {
            let cells: usize = rest.iter().map(|part| part.members.len()).product();
            let width: usize = rest.iter().map(Part::width).sum();
            let apart = first.least_gap() > width && rayon::current_num_threads() > 1;
            add_members(target, 0, factor, &first.members, &Rest { groups: rest, cells, apart });
        }
    }
}

/// The groups after one; `apart` if no two members of that one reach a common cell.
struct Rest<'a> {
    groups: &'a [Part<'a>],
    cells: usize,
    apart: bool,
}

/// `start` is the position at which the slice begins.
fn add_members(target: &mut [Fr], start: usize, factor: Fr, members: &[(usize, &Fr)], rest: &Rest<'_>) {
    if rest.apart && members.len() > 1 && members.len() * rest.cells > 2 * PER_TASK {
        let (low, high) = members.split_at(members.len() / 2);
        let cut = high[0].0;
        let (below, above) = target.split_at_mut(cut - start);
        rayon::join(|| add_members(below, start, factor, low, rest), || add_members(above, cut, factor, high, rest));
        return;
    }
    for (position, value) in members {
        let factor = factor * *value;
        if rest.groups.is_empty() {
            target[position - start] += factor;
        } else if !factor.is_zero() {
            add(&mut target[position - start..], factor, rest.groups);
        }
    }
}
