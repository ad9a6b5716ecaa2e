//! rowbill.
