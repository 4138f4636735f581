//! Flattened device trees: their structure, the tree of hardware, and FIT images, which are device trees as well.

pub(crate) mod fit;
pub(crate) mod structure;
pub(crate) mod tree;
