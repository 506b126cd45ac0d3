//! What the first build needs from the machine, printed before it begins.

use std::{env, fs, path::Path, process::Command};

/// What the compiler needs for `aws-sdk-ec2`, in GiB: the measured peak.
const MEMORY: f64 = 8.0;

/// The size of the build folder when everything has been built once, in GiB.
const DISK: f64 = 10.0;

/// The text before a build: one line, and what this machine may lack.
pub(crate) fn before_build() -> Vec<String> {
    let Some(folder) = env::current_exe()
        .ok()
        .and_then(|this| Some(this.parent()?.to_owned()))
    else {
        return Vec::new();
    };
    if has_been_built(&folder) {
        return vec!["build".to_owned()];
    }
    let memory = fs::read_to_string("/proc/meminfo").ok();
    let disk = Command::new("df").arg("-Pk").arg(&folder).output().ok();
    let disk = disk.and_then(|df| free_disk(&String::from_utf8_lossy(&df.stdout)));
    told(memory.as_deref().and_then(free_memory), disk)
}

/// Cargo puts libraries into a folder next to the programs.
fn has_been_built(folder: &Path) -> bool {
    let Ok(built) = fs::read_dir(folder.join("deps")) else {
        return false;
    };
    built.flatten().any(|file| {
        let name = file.file_name();
        let name = name.to_string_lossy();
        name.starts_with("libaws_sdk_ec2-") && name.ends_with(".rlib")
    })
}

fn told(memory: Option<f64>, disk: Option<f64>) -> Vec<String> {
    let mut lines = vec![
        "build (the first one takes 5 to 10 minutes on two cores: aws-sdk-ec2 is large)".to_owned(),
    ];
    if let Some(free) = memory.filter(|free| *free < MEMORY) {
        lines.push(format!(
            "    warning: {free:.1} GiB of memory are free, but the compiler takes about {MEMORY:.0}. \
             If it is killed: end other programs, or add swap"
        ));
    }
    if let Some(free) = disk.filter(|free| *free < DISK) {
        lines.push(format!(
            "    warning: {free:.1} GiB of disk are free, but the build takes about {DISK:.0}. \
             Set CARGO_TARGET_DIR to use another place"
        ));
    }
    lines
}

/// The memory that programs can get, including swap, in GiB, from Linux's figures.
fn free_memory(meminfo: &str) -> Option<f64> {
    let of = |name: &str| -> Option<f64> {
        let line = meminfo.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse().ok()
    };
    Some((of("MemAvailable:")? + of("SwapFree:").unwrap_or(0.0)) / f64::from(1 << 20))
}

/// The free space on a folder's disk, in GiB, from the output of `df -Pk`.
fn free_disk(df: &str) -> Option<f64> {
    let free: f64 = df.lines().nth(1)?.split_whitespace().nth(3)?.parse().ok()?;
    Some(free / f64::from(1 << 20))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_that_is_too_small_is_told_what_the_build_takes() {
        let meminfo =
            "MemTotal:       8000000 kB\nMemAvailable:   3145728 kB\nSwapFree:       1048576 kB\n";
        let df =
            "Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/x 9 9 5242880 50% /\n";
        let (memory, disk) = (free_memory(meminfo), free_disk(df));
        assert_eq!((memory, disk), (Some(4.0), Some(5.0)));

        let lines = told(memory, disk).join("\n");
        assert!(lines.contains("4.0 GiB of memory are free"), "{lines}");
        assert!(lines.contains("5.0 GiB of disk are free"), "{lines}");
        assert_eq!(told(Some(16.0), Some(50.0)).len(), 1);
        assert_eq!(told(None, None).len(), 1);
        assert_eq!((free_memory("?"), free_disk("?")), (None, None));
    }
}
