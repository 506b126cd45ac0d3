//! What is wrong with a form.

use crate::reply::ApiError;

pub(super) fn unknown_parameter(name: &str) -> ApiError {
    let message = format!("The parameter {name} is not recognized");
    ApiError::new(400, "UnknownParameter", message)
}

pub(super) fn invalid_value(message: String) -> ApiError {
    ApiError::new(400, "InvalidParameterValue", message)
}
