//! The interfaces of a VM, with the addresses that QEMU's user-mode network has for its guest.

use std::io;
use std::net::Ipv4Addr;

const LOOPBACK: &[u8] = b"lo";
const OUTSIDE: &[u8] = b"eth0";
const GUEST: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 15);
const GATEWAY: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 2);
const NETWORK: Ipv4Addr = Ipv4Addr::new(255, 255, 255, 0);

/// Brings up the loopback interface and the one that leads out. Raises the kernel's error where there is none.
pub fn raise() -> io::Result<()> {
    let control = Control::open()?;
    control.interface(LOOPBACK, Ipv4Addr::LOCALHOST, Ipv4Addr::new(255, 0, 0, 0))?;
    control.interface(OUTSIDE, GUEST, NETWORK)?;
    control.default_route(GATEWAY)
}

/// A socket whose only use are the interfaces' calls.
struct Control(std::net::UdpSocket);

impl Control {
    fn open() -> io::Result<Self> {
        // Binding to the wildcard address needs no interface.
        std::net::UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).map(Self)
    }

    fn interface(&self, name: &[u8], ip: Ipv4Addr, mask: Ipv4Addr) -> io::Result<()> {
        let mut request = named(name);
        request.ifr_ifru.ifru_addr = address(ip);
        self.call(libc::SIOCSIFADDR, &raw mut request)?;
        request.ifr_ifru.ifru_netmask = address(mask);
        self.call(libc::SIOCSIFNETMASK, &raw mut request)?;
        request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as i16;
        self.call(libc::SIOCSIFFLAGS, &raw mut request)
    }

    fn default_route(&self, gateway: Ipv4Addr) -> io::Result<()> {
        // SAFETY: a struct of integers, addresses and a pointer that may be null.
        let mut route: libc::rtentry = unsafe { std::mem::zeroed() };
        route.rt_dst = address(Ipv4Addr::UNSPECIFIED);
        route.rt_genmask = address(Ipv4Addr::UNSPECIFIED);
        route.rt_gateway = address(gateway);
        route.rt_flags = libc::RTF_UP | libc::RTF_GATEWAY;
        self.call(libc::SIOCADDRT, &raw mut route)
    }

    fn call<T>(&self, number: libc::c_ulong, request: *mut T) -> io::Result<()> {
        use std::os::fd::AsRawFd;
        // SAFETY: `request` points to the struct that this call takes, for the time of the call.
        if unsafe { libc::ioctl(self.0.as_raw_fd(), number, request) } == 0 {
            Ok(())
        } else {
            Err(io::Error::last_os_error())
        }
    }
}

fn named(name: &[u8]) -> libc::ifreq {
    // SAFETY: a struct of bytes and a union of plain values.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(name) {
        *to = *from as libc::c_char;
    }
    request
}

fn address(ip: Ipv4Addr) -> libc::sockaddr {
    let mut bytes = [0; 14];
    for (to, from) in bytes.iter_mut().skip(2).zip(ip.octets()) {
        *to = from as libc::c_char;
    }
    libc::sockaddr { sa_family: libc::AF_INET as u16, sa_data: bytes }
}
