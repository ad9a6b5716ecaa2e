//! Stripe's operations, parameters and currencies as data.
