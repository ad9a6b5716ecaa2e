//! The Stripe target.
