//! Attributes: facts that a caller or a directory supplies and a policy may read. What they are
//! called and of which type is the schema's business; here they are only carried.

use std::collections::BTreeMap;

/// Attributes by name, in one canonical order.
pub type Attributes = BTreeMap<String, Value>;

/// The value of an attribute.
///
/// There are no fractions: Cedar has none, and a rounded number could open a policy.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Value {
    /// True or false.
    Bool(bool),
    /// A whole number.
    Long(i64),
    /// A text.
    String(String),
    /// A set; the order carries no meaning.
    Set(Vec<Value>),
    /// Named values.
    Record(Attributes),
}
