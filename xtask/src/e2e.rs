//! `cargo xtask e2e`: builds everything, then becomes the program `e2e`.

use anyhow::bail;
use options::e2e::{Options, Target, has_localstack_token};
use xshell::Shell;

use crate::{image, program};

pub(crate) fn run(sh: &Shell, args: &Options) -> anyhow::Result<()> {
    if let Some(missing) = args.target.missing() {
        bail!("{missing}");
    }
    let builds = match args.target {
        // For AWS, the image is published to a repository after the person has agreed.
        Target::Embedded | Target::Aws => false,
        // LocalStack's open edition runs no images.
        Target::Localstack if !has_localstack_token() => false,
        Target::Docker | Target::Ministack | Target::Localstack | Target::Url(_) => {
            args.image.is_none()
        }
    };
    if builds {
        image::build(sh, &image::commit(sh)?)?;
    }
    program::build_and_become(sh, "e2e", 2)
}
