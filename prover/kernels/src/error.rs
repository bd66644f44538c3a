//! What a kernel refuses, with the values.

use std::fmt;

/// A reason to refuse an argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KernelError {
    /// An argument that has no meaning: a length, a width, a range.
    Argument(String),
    /// Bytes that are no point of the group, at this index of the points handed over.
    Point {
        /// Position among the points of the call.
        index: usize,
        /// What is wrong with the bytes.
        reason: &'static str,
    },
}

impl fmt::Display for KernelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Argument(message) => f.write_str(message),
            Self::Point { index, reason } => write!(f, "point {index}: {reason}"),
        }
    }
}

impl std::error::Error for KernelError {}

/// What every kernel returns.
pub type Result<T> = std::result::Result<T, KernelError>;
