//! Sums of integer times point (Pippenger's): a window's points are sorted by digit, points of equal digits are added in
//! affine coordinates, many divisions at a time, and what is left is added up by running sums.

use ark_bn254::{Fq, G1Affine, G1Projective};
use ark_ec::{AffineRepr, VariableBaseMSM};
use ark_ff::{AdditiveGroup, Field, Zero, serial_batch_inversion_and_mul};
use rayon::prelude::*;

use crate::recoding::{Integer, MAX_WIDTH, Recoding};

type Bucket = <G1Projective as VariableBaseMSM>::Bucket;

/// Points added side by side: few enough for the second-level cache, many enough to share a division.
const CHUNK: usize = 1 << 12;
/// Fewer additions than this cost less without a shared division.
const LEAST_PAIRS: usize = 48;
/// Distances between digits up to this are crossed by adding.
const ADDED_GAP: u32 = 12;

/// The sum of integer times point; a scalar without an integer is zero.
pub fn sum_of_products<S, T: Integer>(
    points: &[G1Affine],
    scalars: &[S],
    integer: impl Fn(&S) -> Option<T>,
) -> G1Projective {
    let pairs = points.iter().zip(scalars).enumerate().filter(|(_, (point, _))| !point.is_zero());
    let terms = pairs.filter_map(|(index, (_, scalar))| Some((index as u32, integer(scalar)?)));
    let (indices, integers): (Vec<u32>, Vec<T>) = terms.unzip();
    let Some(recoding) = best_recoding(&integers) else {
        return G1Projective::zero();
    };
    let window = |window| window_sum(points, &indices, &integers, &recoding, window);
    let sums: Vec<G1Projective> = (0..recoding.windows).into_par_iter().map(window).collect();
    sums.into_iter().rev().fold(G1Projective::zero(), |mut total, sum| {
        (0..recoding.width).for_each(|_| {
            total.double_in_place();
        });
        total + sum
    })
}

/// The width for which additions cost least; an integer of b bits has digits other than 0 in the lowest b only.
fn best_recoding<T: Integer>(integers: &[T]) -> Option<Recoding> {
    let mut counts = [0usize; 257];
    integers.iter().for_each(|integer| counts[integer.bits() as usize] += 1);
    let most = counts.iter().rposition(|&count| count > 0)? as u32;
    let longer = |bits: u32| -> usize { counts[bits as usize + 1..].iter().sum() };
    // As measured, in multiplications of the base field: an addition to a bucket, and those to both running sums.
    let cost = |width: &u32| -> usize {
        let window = |start: u32| {
            let (entries, buckets) = (longer(start), 1 << (width - 1));
            12 * entries + 10 * buckets.min(entries) + 14 * buckets.min(entries * MAX_WIDTH as usize)
        };
        (0..most).step_by(*width as usize).map(window).sum()
    };
    let width = (1..=MAX_WIDTH).min_by_key(cost)?;
    Some(Recoding::new(width, most))
}

/// What is added to the bucket of a digit's magnitude.
#[derive(Clone, Copy, Default)]
struct Entry {
    bucket: u16,
    negative: bool,
    index: u32,
}

fn window_sum<T: Integer>(
    points: &[G1Affine],
    indices: &[u32],
    integers: &[T],
    recoding: &Recoding,
    window: u32,
) -> G1Projective {
    let digits: Vec<i32> = integers.iter().map(|integer| recoding.digit(integer, window)).collect();
    let entries = by_bucket(indices, &digits, 1 << (recoding.width - 1));
    entries.par_chunks(CHUNK).map(|entries| chunk_sum(points, entries)).sum()
}

/// Counting sort; digits of 0 are left out.
fn by_bucket(indices: &[u32], digits: &[i32], buckets: usize) -> Vec<Entry> {
    let mut starts = vec![0u32; buckets + 2];
    digits.iter().for_each(|digit| starts[digit.unsigned_abs() as usize + 1] += 1);
    let zeros = starts[1];
    starts[1] = 0;
    (1..starts.len()).for_each(|bucket| starts[bucket] += starts[bucket - 1]);
    let mut entries = vec![Entry::default(); digits.len() - zeros as usize];
    for (&index, &digit) in indices.iter().zip(digits).filter(|(_, digit)| **digit != 0) {
        let bucket = digit.unsigned_abs();
        let place = &mut starts[bucket as usize];
        entries[*place as usize] = Entry { bucket: bucket as u16, negative: digit < 0, index };
        *place += 1;
    }
    entries
}

/// A finite point and the number that it is to be multiplied with.
#[derive(Clone, Copy)]
struct Term {
    x: Fq,
    y: Fq,
    bucket: u16,
}

fn chunk_sum(points: &[G1Affine], entries: &[Entry]) -> G1Projective {
    let term = |entry: &Entry| {
        let point = &points[entry.index as usize];
        Term { x: point.x, y: if entry.negative { -point.y } else { point.y }, bucket: entry.bucket }
    };
    let mut terms: Vec<Term> = entries.iter().map(term).collect();
    let mut divisors = Vec::with_capacity(terms.len() / 2);
    while add_neighbours(&mut terms, &mut divisors) {}
    running_sum(&terms).into()
}

/// Adds pairs of neighbours in the same bucket; false once too few are left.
fn add_neighbours(terms: &mut Vec<Term>, divisors: &mut Vec<Fq>) -> bool {
    divisors.clear();
    let mut i = 0;
    while i < terms.len() {
        let pair = pair_at(terms, i);
        if pair {
            divisors.push(divisor(&terms[i], &terms[i + 1]));
        }
        i += 1 + usize::from(pair);
    }
    if divisors.len() < LEAST_PAIRS {
        return false;
    }
    serial_batch_inversion_and_mul(divisors, &Fq::ONE);
    let (mut i, mut kept, mut inverses) = (0, 0, divisors.iter());
    while i < terms.len() {
        let pair = pair_at(terms, i);
        let sum = if pair {
            inverses.next().and_then(|inverse| add(&terms[i], &terms[i + 1], inverse))
        } else {
            Some(terms[i])
        };
        i += 1 + usize::from(pair);
        if let Some(sum) = sum {
            terms[kept] = sum;
            kept += 1;
        }
    }
    terms.truncate(kept);
    true
}

fn pair_at(terms: &[Term], i: usize) -> bool {
    i + 1 < terms.len() && terms[i].bucket == terms[i + 1].bucket
}

/// What the slope of the line through both is a quotient by; 0 for opposite points, which have no finite sum. No point
/// of the curve has y = 0, for its order is odd.
fn divisor(a: &Term, b: &Term) -> Fq {
    if a.x != b.x {
        return b.x - a.x;
    }
    if a.y == b.y { a.y.double() } else { Fq::ZERO }
}

fn add(a: &Term, b: &Term, inverse: &Fq) -> Option<Term> {
    if inverse.is_zero() {
        return None;
    }
    let rise = if a.x == b.x { a.x.square() * Fq::from(3u64) } else { b.y - a.y };
    let slope = rise * inverse;
    let x = slope.square() - a.x - b.x;
    Some(Term { x, y: slope * (a.x - x) - a.y, bucket: a.bucket })
}

/// The sum of bucket times point over terms in the order of their buckets.
fn running_sum(terms: &[Term]) -> Bucket {
    let (mut running, mut total) = (Bucket::default(), Bucket::default());
    let mut bucket = terms.last().map_or(0, |term| term.bucket);
    for term in terms.iter().rev() {
        add_times(&mut total, &running, u32::from(bucket - term.bucket));
        running += G1Affine::new_unchecked(term.x, term.y);
        bucket = term.bucket;
    }
    add_times(&mut total, &running, u32::from(bucket));
    total
}

fn add_times(total: &mut Bucket, point: &Bucket, times: u32) {
    if times <= ADDED_GAP {
        (0..times).for_each(|_| *total += point);
        return;
    }
    let mut multiple = *point;
    for bit in (0..times.ilog2()).rev() {
        multiple.double_in_place();
        if times >> bit & 1 == 1 {
            multiple += point;
        }
    }
    *total += &multiple;
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_bn254::Fr;

    fn plain(points: &[G1Affine], integers: &[i64]) -> G1Projective {
        points.iter().zip(integers).map(|(point, &integer)| *point * Fr::from(integer)).sum()
    }

    fn fast(points: &[G1Affine], integers: &[i64]) -> G1Projective {
        sum_of_products(points, integers, |&integer| (integer != 0).then_some(integer))
    }

    /// Enough of them in one bucket that they are added in affine coordinates.
    #[test]
    fn equal_opposite_and_absent_points_are_added_right() {
        let generator = G1Affine::generator();
        let double = (generator + generator).into();
        for points in [[generator; 3], [generator, -generator, double], [generator, double, G1Affine::identity()]] {
            let points: Vec<G1Affine> = points.into_iter().cycle().take(700).collect();
            for pattern in [&[1][..], &[1, 1, -1], &[3, -3], &[0, 5, 300], &[i64::MIN, i64::MAX, -1], &[0]] {
                let integers: Vec<i64> = pattern.iter().copied().cycle().take(700).collect();
                assert_eq!(fast(&points, &integers), plain(&points, &integers), "{pattern:?}");
            }
        }
    }

    #[test]
    fn far_buckets_are_reached_by_doubling() {
        let points = [G1Affine::generator(); 4];
        for integers in [[1, 0, 0, 1 << 15], [13, 26, 39, 32767], [12, 25, 1, 14], [-32768, 32768, 5, 0]] {
            assert_eq!(fast(&points, &integers), plain(&points, &integers), "{integers:?}");
        }
    }
}
