//! The image, built here and pushed to the account's repository.

use std::{env, process::Stdio};

use anyhow::{Context, bail, ensure};
use aws_sdk_ecr::{operation::describe_images::DescribeImagesError, types::ImageIdentifier};
use aws_smithy_types::base64;
use tokio::{io::AsyncWriteExt, process::Command};

use super::account::Account;

/// The image with this tag in a repository, by its digest, if it exists.
///
/// Checked before anything is built: a tag cannot be pushed twice, not even with the same image.
pub async fn published(
    account: &Account,
    repository: &str,
    tag: &str,
) -> anyhow::Result<Option<String>> {
    let ecr = aws_sdk_ecr::Client::new(&account.config);
    let (_, name) = repository
        .split_once('/')
        .with_context(|| format!("{repository} is not an ECR repository"))?;
    let described = ecr
        .describe_images()
        .repository_name(name)
        .image_ids(ImageIdentifier::builder().image_tag(tag).build())
        .send();
    match described.await {
        Ok(answer) => {
            let digest = answer
                .image_details()
                .first()
                .and_then(|it| it.image_digest());
            Ok(digest.map(|digest| format!("{repository}@{digest}")))
        }
        Err(error)
            if error
                .as_service_error()
                .is_some_and(DescribeImagesError::is_image_not_found_exception) =>
        {
            Ok(None)
        }
        Err(error) => {
            Err(error).with_context(|| format!("asking ECR for the image {repository}:{tag}"))
        }
    }
}

/// Builds the image with `cargo xtask image` and pushes it with this tag, unless it is already there. Returns it by
/// its digest.
pub async fn publish(account: &Account, repository: &str, tag: &str) -> anyhow::Result<String> {
    if let Some(image) = published(account, repository, tag).await? {
        return Ok(image);
    }
    let pushed = build_and_push(account, repository, tag).await;
    // Another run may have pushed it in the meantime, and a tag is pushed only once: what is there counts.
    match (published(account, repository, tag).await?, pushed) {
        (Some(image), _) => Ok(image),
        (None, Err(error)) => Err(error),
        (None, Ok(())) => bail!("ECR does not know {repository}:{tag}, although it was pushed"),
    }
}

async fn build_and_push(account: &Account, repository: &str, tag: &str) -> anyhow::Result<()> {
    log_in(account, repository).await?;
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let pushed = Command::new(cargo)
        .args(["xtask", "image", "--tag", tag, "--push", repository])
        .status()
        .await
        .context("starting `cargo xtask image`")?;
    ensure!(pushed.success(), "the image was not published; see above");
    Ok(())
}

/// The processor type of an image that is built on this machine, as ECS names it.
pub fn architecture() -> &'static str {
    if cfg!(target_arch = "aarch64") {
        "ARM64"
    } else {
        "X86_64"
    }
}

/// The repository of an ECR image, as policies name it; none for another registry's image.
///
/// The form of the name is that of the Amazon ECR User Guide, "Private registries".
pub fn repository_arn(image: &str) -> Option<String> {
    let (registry, name) = image.split_once('/')?;
    let (account, place) = registry.split_once(".dkr.ecr.")?;
    let (region, domain) = place.split_once(".amazonaws.com")?;
    let partition = match domain {
        ".cn" => "aws-cn",
        _ if region.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    };
    let name = name.split(['@', ':']).next()?;
    Some(format!(
        "arn:{partition}:ecr:{region}:{account}:repository/{name}"
    ))
}

/// For a repository whose tags cannot be moved: every state of the source has its own tag, for each processor type.
pub async fn tag() -> anyhow::Result<String> {
    let described = Command::new("git")
        .args(["describe", "--always", "--dirty"])
        .output()
        .await
        .context("starting git")?;
    ensure!(
        described.status.success(),
        "git does not know this commit ({}): push an image yourself, and give --image",
        String::from_utf8_lossy(&described.stderr).trim()
    );
    let tag = String::from_utf8_lossy(&described.stdout).trim().to_owned();
    ensure!(
        !tag.ends_with("-dirty"),
        "files differ from the commit {tag}: commit them, so that the image's tag identifies its content"
    );
    Ok(format!("{tag}-{}", architecture().to_lowercase()))
}

async fn log_in(account: &Account, repository: &str) -> anyhow::Result<()> {
    let ecr = aws_sdk_ecr::Client::new(&account.config);
    let answer = ecr.get_authorization_token().send().await;
    let answer = answer.context("asking ECR for a login")?;
    let token = answer
        .authorization_data()
        .first()
        .and_then(|data| data.authorization_token())
        .context("ECR gives no login")?;
    let token = base64::decode(token).context("reading ECR's login")?;
    let token = String::from_utf8(token).context("reading ECR's login")?;
    let (user, password) = token.split_once(':').context("reading ECR's login")?;

    let registry = repository.split('/').next().unwrap_or(repository);
    let mut login = Command::new("docker")
        .args(["login", "--username", user, "--password-stdin", registry])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .context("starting docker")?;
    let mut input = login.stdin.take().context("talking to docker")?;
    input.write_all(password.as_bytes()).await?;
    drop(input);
    let status = login.wait().await?;
    ensure!(
        status.success(),
        "docker cannot log in to {registry}; see above"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_repository_of_an_image_is_told_from_its_name() {
        for (image, arn) in [
            (
                "111122223333.dkr.ecr.eu-west-1.amazonaws.com/team/demo-node:1a2b3c",
                "arn:aws:ecr:eu-west-1:111122223333:repository/team/demo-node",
            ),
            (
                "111122223333.dkr.ecr.cn-north-1.amazonaws.com.cn/demo-node@sha256:00",
                "arn:aws-cn:ecr:cn-north-1:111122223333:repository/demo-node",
            ),
            (
                "111122223333.dkr.ecr.us-gov-west-1.amazonaws.com/demo-node",
                "arn:aws-us-gov:ecr:us-gov-west-1:111122223333:repository/demo-node",
            ),
        ] {
            assert_eq!(repository_arn(image).as_deref(), Some(arn));
        }
        for image in [
            "demo-node:latest",
            "localhost:5000/demo-node",
            "public.ecr.aws/x/demo-node",
        ] {
            assert_eq!(repository_arn(image), None, "{image}");
        }
    }
}
