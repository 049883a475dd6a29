use std::io;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// The kernel's own timer among the connections that the one thread waits for. The runtime's clock ticks once a
/// millisecond, which is as long as a whole post takes.
pub(crate) struct Timer {
    descriptor: AsyncFd<OwnedFd>,
}

impl Timer {
    #[allow(deprecated, reason = "a descriptor that is owned is sound here; what replaces this is unsafe")]
    pub(crate) fn new() -> io::Result<Self> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let descriptor = timerfd_create(TimerfdClockId::Monotonic, flags)?;
        Ok(Self { descriptor: AsyncFd::with_interest(descriptor, Interest::READABLE)? })
    }

    /// Waits until this moment, never less. One who waits at a time: setting it anew ends the waiting of before.
    pub(crate) async fn wait_until(&self, moment: Instant) -> io::Result<()> {
        loop {
            let left = moment.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            self.set(left)?;
            let mut ready = self.descriptor.readable().await?;
            let mut expirations = [0; 8];
            // That there is nothing to read is of a waiting that was given up: then it is waited on.
            if let Ok(read) = ready.try_io(|fd| Ok(rustix::io::read(fd, &mut expirations)?)) {
                read?;
            }
        }
    }

    fn set(&self, left: Duration) -> io::Result<()> {
        let once = Timespec { tv_sec: 0, tv_nsec: 0 };
        let left = Timespec::try_from(left).map_err(io::Error::other)?;
        let value = Itimerspec { it_interval: once, it_value: left };
        timerfd_settime(&self.descriptor, TimerfdTimerFlags::empty(), &value)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_never_wakes_too_early_also_after_a_waiting_that_was_given_up() {
        let timer = Timer::new().unwrap();
        for micros in [0, 1, 300, 1700, 20_000] {
            let given_up = timer.wait_until(Instant::now() + Duration::from_micros(500));
            let _ = tokio::time::timeout(Duration::from_micros(100), given_up).await;
            let moment = Instant::now() + Duration::from_micros(micros);
            timer.wait_until(moment).await.unwrap();
            assert!(Instant::now() >= moment, "{micros}");
        }
    }
}
