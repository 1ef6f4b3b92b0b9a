//! Renewals between an authority and a sidecar, with the clock in hand.
