//! From a transport to sessions.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::host::Host;
use crate::options::Transport;
use crate::session;
use crate::sys::socket;

/// Connections at once; more wait to be accepted.
const MOST_CONNECTIONS: usize = 4;
/// How long a virtio-serial port may take to appear after boot.
const DEVICE_PATIENCE: Duration = Duration::from_secs(10);
/// How often a serial port without a controller is looked at.
const SERIAL_GLANCE: Duration = Duration::from_millis(20);

/// How often a host with all the connections that it takes looks whether one has ended.
const FULL_GLANCE: Duration = Duration::from_millis(5);

/// An open transport.
pub enum Opened {
    /// One controller; the host ends with it.
    Stream(File),
    /// Any number, one after the other or together.
    Listener(OwnedFd),
    /// A port whose other side comes and goes.
    Serial(File),
}

/// Opens `transport`.
pub fn open(transport: &Transport) -> io::Result<Opened> {
    Ok(match transport {
        Transport::Listen(path) => Opened::Listener(UnixListener::bind(path)?.into()),
        Transport::Connect(path) => Opened::Stream(File::from(OwnedFd::from(UnixStream::connect(path)?))),
        Transport::Descriptor(number) => Opened::Stream(socket::inherited(*number)?),
        Transport::VsockListen(port) => Opened::Listener(socket::listen_vsock(*port)?),
        Transport::VsockConnect(cid, port) => Opened::Stream(socket::connect_vsock(*cid, *port)?),
        Transport::Serial(device) => Opened::Serial(open_device(device)?),
    })
}

fn open_device(device: &Path) -> io::Result<File> {
    let deadline = Instant::now() + DEVICE_PATIENCE;
    loop {
        match OpenOptions::new().read(true).write(true).open(device) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && Instant::now() < deadline => {
                std::thread::sleep(Duration::from_millis(1));
            }
            other => return other,
        }
    }
}

/// Serves in the background; the host ends with its only controller, where there can be but one.
pub fn serve(host: &Arc<Host>, opened: Opened) -> io::Result<()> {
    let host = Arc::clone(host);
    std::thread::Builder::new().name("listen".into()).spawn(move || {
        let ended = match opened {
            Opened::Stream(stream) => session::serve(&host, stream),
            Opened::Serial(port) => serve_serial(&host, &port),
            Opened::Listener(listener) => accept(&host, &listener),
        };
        host.end(ended);
    })?;
    Ok(())
}

fn serve_serial(host: &Arc<Host>, port: &File) -> io::Result<()> {
    loop {
        while !socket::readable(port, SERIAL_GLANCE) {
            // Without a controller the port reports a hang-up at once, so this is the wait.
            std::thread::sleep(Duration::from_millis(1));
        }
        session::serve(host, port.try_clone()?)?;
        await_hang_up(port)?;
    }
}

/// After a breach of the protocol the rest of what was sent means nothing: it is read away until the other side closes.
fn await_hang_up(mut port: &File) -> io::Result<()> {
    let mut rest = [0; 4096];
    while port.read(&mut rest)? > 0 {}
    Ok(())
}

fn accept(host: &Arc<Host>, listener: &OwnedFd) -> io::Result<()> {
    let connections = Arc::new(AtomicUsize::new(0));
    loop {
        while connections.load(Ordering::SeqCst) >= MOST_CONNECTIONS {
            std::thread::sleep(FULL_GLANCE);
        }
        let Ok(stream) = socket::accept(listener) else {
            // Out of descriptors, most likely: others must end first.
            std::thread::sleep(FULL_GLANCE);
            continue;
        };
        connections.fetch_add(1, Ordering::SeqCst);
        let (host, counted) = (Arc::clone(host), Arc::clone(&connections));
        let served = std::thread::Builder::new().name("session".into()).spawn(move || {
            // A connection that could not be set up is the controller's to notice.
            drop(session::serve(&host, stream));
            counted.fetch_sub(1, Ordering::SeqCst);
        });
        if served.is_err() {
            connections.fetch_sub(1, Ordering::SeqCst);
        }
    }
}
