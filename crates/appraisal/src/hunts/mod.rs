//! What looks at the tree alone, one file each.

pub(crate) mod limits;

pub(crate) use limits::limits;
