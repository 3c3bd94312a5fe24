//! Stream ends that the standard library has no type for.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::time::Duration;

/// Takes over descriptor `number`, which whoever started this process left open for it.
pub fn inherited(number: RawFd) -> io::Result<File> {
    // SAFETY: F_GETFD on any number is harmless and tells whether it is open.
    if number < 3 || unsafe { libc::fcntl(number, libc::F_SETFD, libc::FD_CLOEXEC) } < 0 {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("descriptor {number} is not open")));
    }
    // SAFETY: open, above the standard streams, and named on the command line for this purpose only.
    Ok(unsafe { File::from_raw_fd(number) })
}

fn vsock() -> io::Result<OwnedFd> {
    // SAFETY: no pointers.
    let fd = unsafe { libc::socket(libc::AF_VSOCK, libc::SOCK_STREAM | libc::SOCK_CLOEXEC, 0) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: a fresh descriptor that nobody else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn vsock_address(cid: u32, port: u32) -> libc::sockaddr_vm {
    // SAFETY: all-zero is a valid sockaddr_vm.
    let mut address: libc::sockaddr_vm = unsafe { std::mem::zeroed() };
    address.svm_family = libc::AF_VSOCK as libc::sa_family_t;
    address.svm_cid = cid;
    address.svm_port = port;
    address
}

const VSOCK_LENGTH: libc::socklen_t = size_of::<libc::sockaddr_vm>() as libc::socklen_t;

/// Connects to a vsock port (the hypervisor is context 2).
pub fn connect_vsock(cid: u32, port: u32) -> io::Result<File> {
    let (socket, address) = (vsock()?, vsock_address(cid, port));
    // SAFETY: the address is valid for its length.
    let code = unsafe { libc::connect(socket.as_raw_fd(), (&raw const address).cast(), VSOCK_LENGTH) };
    if code == 0 { Ok(File::from(socket)) } else { Err(io::Error::last_os_error()) }
}

/// Listens on a vsock port of every context.
pub fn listen_vsock(port: u32) -> io::Result<OwnedFd> {
    let (socket, address) = (vsock()?, vsock_address(libc::VMADDR_CID_ANY, port));
    // SAFETY: the address is valid for its length.
    let code = unsafe {
        match libc::bind(socket.as_raw_fd(), (&raw const address).cast(), VSOCK_LENGTH) {
            0 => libc::listen(socket.as_raw_fd(), 8),
            failed => failed,
        }
    };
    if code == 0 { Ok(socket) } else { Err(io::Error::last_os_error()) }
}

/// Waits for a connection.
pub fn accept(listener: &OwnedFd) -> io::Result<File> {
    // SAFETY: null address pointers are allowed.
    let fd =
        unsafe { libc::accept4(listener.as_raw_fd(), std::ptr::null_mut(), std::ptr::null_mut(), libc::SOCK_CLOEXEC) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: a fresh descriptor that nobody else owns.
    Ok(unsafe { File::from_raw_fd(fd) })
}

/// Bounds how long a write may wait for the peer. Not every kind of stream can: then nothing changes.
pub fn limit_writes(stream: &File, longest: Duration) {
    let time = libc::timeval { tv_sec: longest.as_secs().min(3600) as libc::time_t, tv_usec: 0 };
    // SAFETY: `time` is valid for its size; a descriptor that is no socket is refused with an error.
    unsafe {
        libc::setsockopt(
            stream.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_SNDTIMEO,
            (&raw const time).cast(),
            size_of::<libc::timeval>() as libc::socklen_t,
        )
    };
}

/// Ends both directions, so that a thread that reads wakes up. Harmless on what is no socket.
pub fn shut(stream: &File) {
    // SAFETY: no pointers.
    unsafe { libc::shutdown(stream.as_raw_fd(), libc::SHUT_RDWR) };
}

/// Waits until `stream` has something to read, at most `longest`; false if it has not, or if the other side is away.
pub fn readable(stream: &File, longest: Duration) -> bool {
    let mut poll = libc::pollfd { fd: stream.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    let wait = i32::try_from(longest.as_millis()).unwrap_or(i32::MAX);
    // SAFETY: one valid pollfd.
    let found = unsafe { libc::poll(&raw mut poll, 1, wait) };
    found > 0 && poll.revents & libc::POLLIN != 0
}
