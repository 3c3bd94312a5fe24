//! PID 1 of a VM: what an init system would do, and nothing more.

use crate::sys::machine;

/// Whether this process is PID 1 of a machine (not just of a container, which has its /proc mounted).
pub fn is_init() -> bool {
    std::process::id() == 1 && !std::path::Path::new("/proc/self").exists()
}

/// Mounts what isolates need: native-image finds its own image through /proc.
pub fn prepare() -> std::io::Result<()> {
    let quiet = libc::MS_NOSUID | libc::MS_NOEXEC | libc::MS_NODEV;
    machine::reap_automatically();
    machine::mount(c"proc", c"/proc", quiet, c"")?;
    machine::mount(c"devtmpfs", c"/dev", libc::MS_NOSUID, c"mode=0755")?;
    // Streamed libraries lie here, so it may hold programs.
    machine::mount(c"tmpfs", c"/tmp", libc::MS_NOSUID | libc::MS_NODEV, c"mode=1777")
}

/// Ends the machine.
pub fn finish(reason: &str) -> ! {
    eprintln!("niuk-host: {reason}; powering off");
    let error = machine::power_off();
    eprintln!("niuk-host: power off failed: {error}");
    std::process::abort()
}
