//! EC2 Auto Scaling groups: only their desired capacity.

/// An Auto Scaling group. Its instances are those with its name in the tag [`GROUP_TAG`].
#[derive(Clone, Debug)]
pub struct Group {
    /// Its desired capacity, in instances unless another unit is given.
    pub desired_capacity: u32,
    /// `units`, `vcpu` or `memory-mib`, if it is given.
    pub desired_capacity_type: Option<&'static str>,
}

/// The tag that AWS gives to the instances of a group. Nobody else can set it.
pub const GROUP_TAG: &str = "aws:autoscaling:groupName";
