//! Whether Docker can be used, and what to do if it cannot.

use std::{
    io,
    process::{Command, Stdio},
};

/// If this user cannot use Docker: what is missing, with the command that helps.
#[must_use]
pub fn missing() -> Option<String> {
    let asked = Command::new("docker")
        .arg("version")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .output();
    match asked {
        Ok(ended) if ended.status.success() => None,
        Ok(ended) => Some(what_to_do(&String::from_utf8_lossy(&ended.stderr))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Some(
            "there is no `docker` command: install Docker Engine, for example with \
             `sudo apt-get install docker.io`"
                .to_owned(),
        ),
        Err(error) => Some(format!("`docker` cannot be started: {error}")),
    }
}

fn what_to_do(said: &str) -> String {
    let last = said.lines().rfind(|line| !line.trim().is_empty());
    let last = last.unwrap_or("no message").trim();
    if said.to_lowercase().contains("permission denied") {
        format!(
            "this user may not use Docker: `sudo usermod --append --groups docker $USER`, then log in again \
             (Docker says: {last})"
        )
    } else {
        format!(
            "Docker does not answer: start it, for example with `sudo systemctl start docker` \
             (Docker says: {last})"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::what_to_do;

    #[test]
    fn the_advice_fits_what_docker_says() {
        let denied = "Got permission denied while trying to connect to the Docker daemon socket at \
                      unix:///var/run/docker.sock: dial unix /var/run/docker.sock: connect: permission denied\n";
        assert!(
            what_to_do(denied).contains("usermod"),
            "{}",
            what_to_do(denied)
        );
        let stopped = "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. \
                       Is the docker daemon running?\n\n";
        let said = what_to_do(stopped);
        assert!(said.contains("systemctl start docker"), "{said}");
        assert!(said.ends_with("Is the docker daemon running?)"), "{said}");
        assert!(what_to_do("").contains("no message"));
    }
}
