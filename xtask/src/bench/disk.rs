//! What the machine is, and how fast its disk keeps a promise.

use std::fs::OpenOptions;
use std::io::Write;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::site::Site;

/// Synced appends of 4 KiB a second, over two seconds.
pub(super) fn fsyncs(site: &Site) -> Result<f64> {
    let path = site.directory.join("state/fsyncs");
    let mut file = OpenOptions::new().create(true).append(true).open(&path)?;
    let (started, mut count) = (Instant::now(), 0);
    while started.elapsed() < Duration::from_secs(2) {
        file.write_all(&[0; 4096])?;
        file.sync_data()?;
        count += 1;
    }
    std::fs::remove_file(path)?;
    Ok(f64::from(count) / started.elapsed().as_secs_f64())
}

/// Processor, cores and memory in a line.
pub(super) fn machine() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let field = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default().to_owned();
        line.split_once(':').map_or(String::new(), |(_, value)| value.trim().to_owned())
    };
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let model = field(&read("/proc/cpuinfo"), "model name");
    format!("{cores} cores, {model}, memory {}", field(&read("/proc/meminfo"), "MemTotal"))
}
