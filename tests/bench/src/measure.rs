//! Rounds, medians and percentiles. What is compared is measured in turns, so that a disturbance meets all of it alike.

use rustix::time::{ClockId, clock_gettime};
use std::hint::black_box;
use std::time::{Duration, Instant};

/// One thing to measure: does it once more and answers its cost.
pub type Side<'a> = &'a mut dyn FnMut() -> f64;

/// Does all sides in turns, so often, after one turn that does not count. The median of each.
pub fn turns<const N: usize>(rounds: usize, mut sides: [Side<'_>; N]) -> [f64; N] {
    let mut samples = [const { Vec::new() }; N];
    for round in 0..=rounds {
        for (side, samples) in sides.iter_mut().zip(&mut samples) {
            let cost = side();
            if round > 0 {
                samples.push(cost);
            }
        }
    }
    samples.map(|mut samples| median(&mut samples))
}

/// The middle one.
pub fn median(samples: &mut [f64]) -> f64 {
    percentile(samples, 0.5)
}

/// The one below which that part of them lies.
pub fn percentile(samples: &mut [f64], part: f64) -> f64 {
    samples.sort_by(f64::total_cmp);
    samples[((samples.len() - 1) as f64 * part).round() as usize]
}

/// Nanoseconds of each of `count` repetitions that are done at once.
pub fn each(count: usize, work: impl FnOnce()) -> f64 {
    let began = Instant::now();
    work();
    nanoseconds(began.elapsed()) / count as f64
}

/// Makes sure that something is computed, and lets it go.
pub fn keep<T>(value: T) {
    black_box(value);
}

/// As a number of nanoseconds.
pub fn nanoseconds(duration: Duration) -> f64 {
    duration.as_nanos() as f64
}

/// Processor time of all threads of this process, in nanoseconds.
pub fn processor_time() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
}

/// Processor time of the whole machine so far, in nanoseconds.
fn machine_time() -> f64 {
    let text = std::fs::read_to_string("/proc/stat").unwrap();
    let numbers = text.lines().next().unwrap().split_whitespace().skip(1);
    // User, nice, system; in hundredths of a second.
    numbers.take(3).map(|number| number.parse::<f64>().unwrap() * 1e7).sum()
}

/// Processor time of the processes that this one has started and that have ended, in nanoseconds.
fn children_time() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap();
    let after_name = text.rsplit(')').next().unwrap();
    after_name.split_whitespace().skip(13).take(2).map(|number| number.parse::<f64>().unwrap() * 1e7).sum()
}

/// How many processors other work takes meanwhile: more than a little spoils a measurement.
pub struct Others {
    began: Instant,
    machine: f64,
    own: f64,
}

impl Others {
    /// From now on.
    pub fn begin() -> Others {
        Others { began: Instant::now(), machine: machine_time(), own: processor_time() + children_time() }
    }

    /// Until now, in the mean.
    pub fn processors(&self) -> f64 {
        let own = processor_time() + children_time() - self.own;
        ((machine_time() - self.machine - own) / nanoseconds(self.began.elapsed())).max(0.0)
    }
}

/// Adds up the time of the parts of something that is done many times.
pub struct Parts<const N: usize> {
    last: Instant,
    sums: [f64; N],
    count: usize,
}

impl<const N: usize> Parts<N> {
    /// Nothing yet.
    pub fn new() -> Parts<N> {
        Parts { last: Instant::now(), sums: [0.0; N], count: 0 }
    }

    /// It begins once more.
    pub fn begin(&mut self) {
        self.count += 1;
        self.last = Instant::now();
    }

    /// The part with this number has ended, the next begins.
    pub fn ended(&mut self, part: usize) {
        let now = Instant::now();
        self.sums[part] += nanoseconds(now - self.last);
        self.last = now;
    }

    /// The mean of each, named.
    pub fn means(&self, names: [&str; N]) -> Vec<(String, f64)> {
        names.iter().zip(self.sums).map(|(name, sum)| ((*name).to_owned(), sum / self.count.max(1) as f64)).collect()
    }
}
