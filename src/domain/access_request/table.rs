//! Tests of the life of an AccessRequest: the table of every state and every command by everybody, as
//! golden text; properties of random lives; and who is told of what.

mod golden;
mod people;
mod properties;
mod told;
