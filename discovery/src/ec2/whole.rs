//! Rejects a truncated answer.
//!
//! The SDK's XML reader accepts whatever it can: if a proxy, for example, cuts an answer short, it sees an ordinary
//! answer with fewer instances and no token for the next page. That would look like a complete list. JSON does not
//! have this problem: an answer of ECS must be closed.

use aws_sdk_ec2::{
    config::{
        ConfigBag, Intercept, RuntimeComponents,
        interceptors::AfterDeserializationInterceptorContextRef,
    },
    error::BoxError,
};

/// Checks how an answer ends.
#[derive(Debug)]
pub(super) struct Whole(&'static [u8]);

impl Whole {
    /// Of `DescribeInstances`.
    pub(super) const INSTANCES: Self = Self(b"</DescribeInstancesResponse>");

    /// Of `DescribeAutoScalingGroups`.
    #[cfg(feature = "ec2-expected-nodes")]
    pub(super) const GROUPS: Self = Self(b"</DescribeAutoScalingGroupsResponse>");

    fn is_end_of(&self, body: &[u8]) -> bool {
        body.trim_ascii_end().ends_with(self.0)
    }
}

impl Intercept for Whole {
    fn name(&self) -> &'static str {
        "Whole"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if context.output_or_error().is_err() {
            // The error that is already known says more.
            return Ok(());
        }
        let answer = context.response();
        let body = answer.body().bytes().unwrap_or_default();
        if answer.status().is_success() && !self.is_end_of(body) {
            return Err("the answer stops before its end".into());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_whole_when_its_outermost_element_is_closed() {
        let whole = |body| Whole::INSTANCES.is_end_of(body);
        assert!(whole(
            b"<DescribeInstancesResponse>x</DescribeInstancesResponse>\n"
        ));
        for part in [
            &b""[..],
            b"<DescribeInstancesResponse>x",
            b"<DescribeInstancesResponse>x</DescribeInstancesResponse",
        ] {
            assert!(!whole(part));
        }
    }
}
