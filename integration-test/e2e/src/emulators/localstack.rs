//! LocalStack in its two editions: the licensed image, and the last open one, which is a Python package.

pub mod licensed;
pub mod open;
