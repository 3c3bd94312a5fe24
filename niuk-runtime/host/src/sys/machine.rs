//! The machine underneath: mounts and power of a VM, limits of a process, entropy and clock.

use std::ffi::CStr;
use std::io;

fn check(code: libc::c_int) -> io::Result<()> {
    if code == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Mounts a file system of type `kind` without a device, unless one is mounted there already.
pub fn mount(kind: &CStr, target: &CStr, flags: u64, options: &CStr) -> io::Result<()> {
    // SAFETY: all strings end in NUL; mkdir and mount read them only during the call.
    let code = unsafe {
        libc::mkdir(target.as_ptr(), 0o755);
        libc::mount(kind.as_ptr(), target.as_ptr(), kind.as_ptr(), flags, options.as_ptr().cast())
    };
    match check(code) {
        Err(error) if error.raw_os_error() == Some(libc::EBUSY) => Ok(()),
        other => other,
    }
}

/// Lets the kernel reap children at once: nobody waits for them.
pub fn reap_automatically() {
    // SAFETY: ignoring a signal installs no handler.
    unsafe { libc::signal(libc::SIGCHLD, libc::SIG_IGN) };
}

/// Ends the machine; returns only on failure.
pub fn power_off() -> io::Error {
    // SAFETY: no arguments but the command. A microVM has no ACPI: restart ends the VMM (`-no-reboot`).
    unsafe {
        libc::sync();
        libc::reboot(libc::RB_AUTOBOOT);
    }
    io::Error::last_os_error()
}

/// Random bytes of the kernel.
pub fn random<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    let mut filled = 0;
    while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        // SAFETY: the buffer is valid for its length.
        let got = unsafe { libc::getrandom(rest.as_mut_ptr().cast(), rest.len(), 0) };
        filled += usize::try_from(got).map_err(|_| io::Error::last_os_error())?;
    }
    Ok(bytes)
}

/// Sets the wall clock of a VM. Anywhere but as PID 1 the clock is the machine's, keeps itself, and is left alone.
pub fn set_clock(unix_ns: u64) -> io::Result<()> {
    if std::process::id() != 1 {
        return Ok(());
    }
    let time = libc::timespec {
        tv_sec: libc::time_t::try_from(unix_ns / 1_000_000_000).map_err(io::Error::other)?,
        tv_nsec: libc::c_long::try_from(unix_ns % 1_000_000_000).map_err(io::Error::other)?,
    };
    // SAFETY: `time` is a valid timespec.
    check(unsafe { libc::clock_settime(libc::CLOCK_REALTIME, &raw const time) })
}

/// Mixes `entropy` into the kernel's pool, credits it and makes the generator reseed; needs the right to.
pub fn add_entropy(entropy: &[u8]) -> io::Result<()> {
    use std::os::fd::AsRawFd;
    #[repr(C)]
    struct Pool {
        entropy_count: libc::c_int,
        size: libc::c_int,
        bytes: [u8; 64],
    }
    const ADD: libc::c_ulong = 0x4008_5203;
    const RESEED: libc::c_ulong = 0x5207;
    let device = std::fs::File::open("/dev/urandom")?;
    for part in entropy.chunks(64) {
        let mut pool = Pool { entropy_count: part.len() as i32 * 8, size: part.len() as i32, bytes: [0; 64] };
        for (to, from) in pool.bytes.iter_mut().zip(part) {
            *to = *from;
        }
        // SAFETY: RNDADDENTROPY reads a rand_pool_info of `size` bytes, which `pool` is laid out as.
        check(unsafe { libc::ioctl(device.as_raw_fd(), ADD, &raw const pool) })?;
    }
    // SAFETY: RNDRESEEDCRNG takes no argument.
    check(unsafe { libc::ioctl(device.as_raw_fd(), RESEED) })
}

/// Bounds private writable memory of the process (`RLIMIT_DATA`): reserved address space does not count.
pub fn limit_data(bytes: u64) -> io::Result<()> {
    let limit = libc::rlimit { rlim_cur: bytes, rlim_max: bytes };
    // SAFETY: `limit` is a valid rlimit.
    check(unsafe { libc::setrlimit(libc::RLIMIT_DATA, &raw const limit) })
}

/// No core files: they would hold tenants' data.
pub fn forbid_core_files() -> io::Result<()> {
    let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `none` is a valid rlimit.
    check(unsafe { libc::setrlimit(libc::RLIMIT_CORE, &raw const none) })
}

/// Fewer malloc arenas: a thousand idle isolate threads need not have one each.
pub fn spare_malloc_arenas() {
    // SAFETY: mallopt with a known parameter; called before any other thread exists.
    unsafe { libc::mallopt(libc::M_ARENA_MAX, 2) };
}
