//! What a person sees while the tools are built: a moving line on a terminal, one plain line per part elsewhere.

use std::{
    env,
    io::IsTerminal,
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};

/// Progress of building `total` parts.
pub(super) struct Progress {
    total: usize,
    done: AtomicUsize,
    started: Instant,
    bar: Option<ProgressBar>,
}

impl Progress {
    pub(super) fn start(total: usize, usual: Duration) -> Self {
        eprintln!(
            "Building what the test rig lacks from source, once ({total} to do). On two cores this usually takes {}.",
            words(usual)
        );
        let plain = !std::io::stderr().is_terminal() || env::var_os("CI").is_some_and(|ci| ci == "true");
        let bar = (!plain).then(|| {
            let bar = ProgressBar::new(total as u64);
            if let Ok(style) =
                ProgressStyle::with_template("{spinner} [{elapsed_precise}] {pos}/{len} {prefix}: {wide_msg}")
            {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        Self { total, done: AtomicUsize::new(0), started: Instant::now(), bar }
    }

    pub(super) fn begin(&self, name: &str, usual: Duration) {
        match &self.bar {
            Some(bar) => {
                bar.set_prefix(format!("{name} (usually {})", words(usual)));
                bar.set_message("fetching modules");
            }
            None => {
                let number = self.done.load(Ordering::Relaxed) + 1;
                eprintln!("[{number}/{}] building {name}, usually {}", self.total, words(usual));
            }
        }
    }

    /// `line` is a line that Go printed: a package it compiles or a module it downloads.
    pub(super) fn step(&self, line: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(line.to_owned());
        }
    }

    pub(super) fn end(&self, name: &str) {
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        match &self.bar {
            Some(bar) => bar.inc(1),
            None => eprintln!("[{done}/{}] {name} is built, {} so far", self.total, words(self.started.elapsed())),
        }
    }

    pub(super) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        eprintln!("All is built, in {}.", words(self.started.elapsed()));
    }
}

/// A duration as a person would say it.
fn words(duration: Duration) -> String {
    match duration.as_secs() {
        seconds @ 0..90 => format!("{seconds} s"),
        seconds => format!("{} min", seconds.div_ceil(60)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_like_speech() {
        assert_eq!(words(Duration::from_secs(20)), "20 s");
        assert_eq!(words(Duration::from_secs(520)), "9 min");
    }
}
