//! `cargo xtask image`: the container image of demo-node.
//!
//! One static binary and the CA certificates, `FROM scratch`. Nothing is pulled:
//! the binary is compiled on this machine, and `docker/Dockerfile` says how it becomes an image.
//! `docker/compose.yaml` needs another image, with the simulated region.

use std::{
    fs::{self, Permissions},
    io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail, ensure};
use xshell::{Shell, cmd};

use crate::{
    cargo::as_from_a_shell,
    folders::{self, root},
};

/// The image's name on this machine.
pub(crate) const NAME: &str = "demo-node";

/// The name of the simulated region's image.
const REGION: &str = "pretended-region:latest";

/// The size limit: an image that is pulled whenever a task starts must be small. If it is exceeded, something was
/// added by mistake.
const LIMIT: u64 = 25_000_000;

const DOCKERFILE: &str = "docker/Dockerfile";

/// The Dockerfile's stage that makes the image, and what it copies from the stage before.
const LAST_STAGE: &str = "\nFROM scratch\n";
const BUILD_STAGE: &str = "FROM scratch AS build\nCOPY . /image/\n";

/// Where the binary expects the certificates, and where Debian, Ubuntu and Alpine keep them.
const CERTIFICATES: &str = "etc/ssl/certs/ca-certificates.crt";

/// Builds the container image: one static binary, the CA certificates, nothing else.
///
/// Without --push, also builds the image of the simulated AWS region, which docker/compose.yaml uses.
/// Compiles on this machine, which must run Linux, and pulls no image.
/// On other systems, or without Rust: docker build --file docker/Dockerfile --tag demo-node .
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The image's tag; `latest` is set as well [default: the commit, with a mark if files differ from it].
    #[arg(long)]
    tag: Option<String>,

    /// Publish it, for example to 123456789012.dkr.ecr.eu-west-1.amazonaws.com/demo-node.
    #[arg(long, value_name = "REPOSITORY")]
    push: Option<String>,

    /// Only write the image's files to this folder; needs no Docker.
    #[arg(long, value_name = "FOLDER", conflicts_with_all = ["tag", "push"])]
    files: Option<PathBuf>,
}

pub(crate) fn run(sh: &Shell, args: &Args) -> anyhow::Result<()> {
    if let Some(folder) = &args.files {
        return lay_out(sh, folder);
    }
    let tag = match &args.tag {
        Some(tag) => tag.clone(),
        None => commit(sh)?,
    };
    let image = build(sh, &tag)?;
    let Some(repository) = &args.push else {
        build_region(sh)?;
        eprintln!(
            "next: docker compose --file docker/compose.yaml up    (a cluster of containers)"
        );
        eprintln!(
            "  or: cargo xtask e2e --target docker    (the end-to-end scenarios in containers)"
        );
        eprintln!("  or: cargo xtask image --push REPOSITORY");
        return Ok(());
    };

    let published = format!("{repository}:{tag}");
    cmd!(sh, "docker tag {image} {published}").run()?;
    cmd!(sh, "docker push {published}")
        .run()
        .with_context(|| format!("{published} was not published; {}", login_hint(repository)))?;
    eprintln!("published {published}");
    Ok(())
}

/// Builds the image, tests it, and returns its name with the tag.
pub(crate) fn build(sh: &Shell, tag: &str) -> anyhow::Result<String> {
    // Checked first, because the build takes minutes.
    if let Some(missing) = options::docker::missing() {
        bail!("{missing}");
    }

    let folder = folders::target()?.join("image");
    lay_out(sh, &folder)?;

    let image = format!("{NAME}:{tag}");
    let latest = format!("{NAME}:latest");
    eprintln!("\n==> pack {image}");
    let dockerfile = sh.read_file(DOCKERFILE)?;
    cmd!(
        sh,
        "docker build --quiet --tag {image} --tag {latest} --file - {folder}"
    )
    .stdin(packing(&dockerfile)?)
    .ignore_stdout()
    .run()
    .context("the image cannot be built; see Docker's message above")?;

    let only_size = "{{.Size}}";
    let size = cmd!(sh, "docker image inspect --format {only_size} {image}")
        .quiet()
        .read()?;
    let size: u64 = size.parse().context("Docker does not give the size")?;
    // As in production: not root, nothing writable, no capabilities.
    let version = cmd!(
        sh,
        "docker run --rm --read-only --cap-drop ALL --network none {image} --version"
    )
    .quiet()
    .read()
    .context("the image was built, but does not start")?;
    eprintln!(
        "{image}: {version}, {:.1} MB of at most {:.0} MB",
        megabytes(size),
        megabytes(LIMIT)
    );
    ensure!(
        size <= LIMIT,
        "the image is too large: find out what made {} grow",
        folder.display()
    );
    Ok(image)
}

/// Builds the image of the simulated region.
pub(crate) fn build_region(sh: &Shell) -> anyhow::Result<()> {
    eprintln!("\n==> compile the simulated region");
    let binary = compile(sh, &["--package", "region"], "region")?;

    let folder = folders::target()?.join("image-of-region");
    if folder.exists() {
        sh.remove_path(&folder)?;
    }
    install(&binary, &folder.join("region"), 0o755)
        .with_context(|| format!("{} cannot be filled", folder.display()))?;
    eprintln!("\n==> pack {REGION}");
    cmd!(
        sh,
        "docker build --quiet --tag {REGION} --file docker/region.Dockerfile {folder}"
    )
    .ignore_stdout()
    .run()
    .context("the image cannot be built; see Docker's message above")
}

/// Writes the image's files to a folder.
fn lay_out(sh: &Shell, folder: &Path) -> anyhow::Result<()> {
    let certificates = Path::new("/").join(CERTIFICATES);
    ensure!(
        certificates.exists(),
        "there is no {}: install the CA certificates (`apt-get install ca-certificates`; on Alpine `apk add ca-certificates`)",
        certificates.display()
    );

    eprintln!("\n==> compile (the first time takes about ten minutes: aws-sdk-ec2 is large)");
    let binary = compile(sh, &["--package", "demo-node"], "demo-node")?;

    let copied = || -> io::Result<()> {
        if folder.exists() {
            fs::remove_dir_all(folder)?;
        }
        install(&binary, &folder.join("demo-node"), 0o755)?;
        install(&certificates, &folder.join(CERTIFICATES), 0o644)
    };
    copied().with_context(|| format!("{} cannot be filled", folder.display()))
}

/// Builds an optimised static binary.
fn compile(sh: &Shell, what: &[&str], binary: &str) -> anyhow::Result<PathBuf> {
    let host = cmd!(sh, "rustc --print host-tuple").quiet().read()?;
    if !host.contains("-linux-") {
        bail!(
            "{host} cannot link a static Linux binary; use: docker build --file {DOCKERFILE} --tag {NAME} ."
        );
    }
    // The target is given, although it is this machine's: so the flags do not reach build scripts and macros, which
    // cannot be static.
    as_from_a_shell(cmd!(
        sh,
        "cargo build --locked --release {what...} --target {host}"
    ))
    .env("RUSTFLAGS", "-C target-feature=+crt-static")
    .run()
    .context("correct what the compiler names above")?;
    Ok(folders::target()?.join(host).join("release").join(binary))
}

fn install(from: &Path, to: &Path, mode: u32) -> io::Result<()> {
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::copy(from, to)?;
    fs::set_permissions(to, Permissions::from_mode(mode))
}

/// A Dockerfile with the same last stage as ours, which takes the image's files from a given folder.
fn packing(dockerfile: &str) -> anyhow::Result<String> {
    let (_, last) = dockerfile
        .split_once(LAST_STAGE)
        .with_context(|| format!("{DOCKERFILE} has no stage that begins with `FROM scratch`"))?;
    Ok(format!("{BUILD_STAGE}{LAST_STAGE}{last}"))
}

/// The source of the image, as a tag.
pub(crate) fn commit(sh: &Shell) -> anyhow::Result<String> {
    cmd!(sh, "git describe --always --dirty")
        .quiet()
        .read()
        .with_context(|| {
            format!(
                "git does not know the commit of {}: give --tag",
                root().display()
            )
        })
}

fn login_hint(repository: &str) -> String {
    let registry = repository.split('/').next().unwrap_or(repository);
    if registry.contains(".dkr.ecr") {
        format!(
            "to log in: aws ecr get-login-password | docker login --username AWS --password-stdin {registry}"
        )
    } else {
        format!("to log in: docker login {registry}")
    }
}

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_is_the_last_stage_of_the_dockerfile() {
        let packing = packing(&dockerfile()).unwrap();

        assert!(!packing.contains("rust"), "{packing}");
        for line in ["COPY --from=build /image/ /", "USER 65532:65532"] {
            assert!(packing.lines().any(|it| it == line), "{packing}");
        }
    }

    #[test]
    fn the_dockerfile_compiles_with_the_toolchain_of_the_repository() {
        let toolchain = fs::read_to_string(root().join("rust-toolchain.toml")).unwrap();
        let version = toolchain.split('"').nth(1).unwrap();

        let dockerfile = dockerfile();
        assert!(dockerfile.contains(&format!("FROM rust:{version}-")));
        assert!(dockerfile.contains(&format!("RUSTUP_TOOLCHAIN={version}\n")));
    }

    #[test]
    fn who_cannot_push_learns_how_to_log_in() {
        let registry = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";
        let hint = login_hint(&format!("{registry}/demo-node"));
        assert!(hint.contains("aws ecr get-login-password"));
        assert!(hint.ends_with(registry));

        assert!(login_hint("localhost:5000/demo-node").ends_with("docker login localhost:5000"));
    }

    fn dockerfile() -> String {
        fs::read_to_string(root().join(DOCKERFILE)).unwrap()
    }
}
