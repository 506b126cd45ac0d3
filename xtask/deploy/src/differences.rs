//! All that is known of where emulators are not like AWS, and what is done about it.

pub mod ministack;
pub mod moto;
mod template_text;

/// Both parts of the credentials that an emulator is given. Any will do.
pub const ACCESS_KEY: &str = "emulator";
