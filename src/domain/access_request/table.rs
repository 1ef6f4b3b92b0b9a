//! Tests of [`AccessRequest::apply`].
