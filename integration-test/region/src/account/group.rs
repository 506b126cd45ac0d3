//! EC2 Auto Scaling groups, as far as they say how many instances there are to be.

/// An Auto Scaling group. Its instances are those that carry its name in the tag [`GROUP_TAG`].
#[derive(Clone, Debug)]
pub struct Group {
    /// How many instances it means to run, where nothing else is the unit.
    pub desired_capacity: u32,
    /// `units`, `vcpu` or `memory-mib`, where it says so.
    pub desired_capacity_type: Option<&'static str>,
}

/// The tag that AWS gives to the instances of a group. Nobody else can set it.
pub const GROUP_TAG: &str = "aws:autoscaling:groupName";
