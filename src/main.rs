//! The rowbill command.
fn main() {}
