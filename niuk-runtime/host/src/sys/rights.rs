//! Becoming an ordinary user without any right, in place of another program that would do it and start this one.

use std::io;

/// The interface of `capset` that knows capabilities beyond 31.
const CAPABILITIES_V3: u32 = 0x2008_0522;
const LAST_CAPABILITY: libc::c_ulong = 63;

#[repr(C)]
struct CapabilityHeader {
    version: u32,
    pid: libc::c_int,
}

#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Capabilities {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

/// User and group `id`, no other group, no capability and none to be had again. Before there is a second thread: rights
/// are a thread's own.
pub fn become_user(id: u32) -> io::Result<()> {
    drop_bounding_set()?;
    // SAFETY: no pointers but a null one for an empty list.
    unsafe {
        check(libc::setgroups(0, std::ptr::null()).into())?;
        check(libc::setresgid(id, id, id).into())?;
        check(libc::setresuid(id, id, id).into())?;
    }
    drop_capabilities()?;
    // Who changes its user gets a /proc/self of root's, as a program that is started by its new user does not.
    // SAFETY: no pointers.
    check(unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 1, 0, 0, 0) }.into())
}

/// Scheduled as a batch process: one that wakes up does not take the processor from the service.
pub fn be_batch() -> io::Result<()> {
    let parameters = libc::sched_param { sched_priority: 0 };
    // SAFETY: `parameters` is valid during the call.
    check(unsafe { libc::sched_setscheduler(0, libc::SCHED_BATCH, &raw const parameters) }.into())
}

fn check(code: libc::c_long) -> io::Result<()> {
    if code == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

fn drop_bounding_set() -> io::Result<()> {
    for capability in 0..=LAST_CAPABILITY {
        // SAFETY: no pointers.
        match check(unsafe { libc::prctl(libc::PR_CAPBSET_DROP, capability, 0, 0, 0) }.into()) {
            // The kernel knows no more of them.
            Err(error) if error.raw_os_error() == Some(libc::EINVAL) && capability > 0 => return Ok(()),
            other => other?,
        }
    }
    Ok(())
}

fn drop_capabilities() -> io::Result<()> {
    // SAFETY: no pointers.
    check(unsafe { libc::prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) }.into())?;
    let header = CapabilityHeader { version: CAPABILITIES_V3, pid: 0 };
    let none = [Capabilities::default(); 2];
    // SAFETY: `header` names the version whose data are two structs; both are only read during the call.
    check(unsafe { libc::syscall(libc::SYS_capset, &raw const header, none.as_ptr()) })
}
