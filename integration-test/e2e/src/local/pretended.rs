//! A simulated account in this process, which reports its calls at its end.

use region::Region;

use super::chronicle::Chronicle;

/// The account of one scenario, or one of its accounts. When it is dropped, its calls and what was wrong with it go
/// to the chronicle.
#[derive(Debug)]
pub struct Pretended {
    region: Region,
    /// Within the scenario; the first account has none.
    name: String,
    chronicle: Chronicle,
}

impl Pretended {
    /// An account that is `region`'s.
    pub fn new(region: Region, name: String, chronicle: Chronicle) -> Self {
        Self {
            region,
            name,
            chronicle,
        }
    }

    /// The simulated AWS.
    pub fn region(&self) -> &Region {
        &self.region
    }
}

impl Drop for Pretended {
    fn drop(&mut self) {
        let (calls, troubles) = (self.region.calls(), self.region.faults().so_far());
        self.chronicle.closed(self.name.clone(), calls, troubles);
    }
}
