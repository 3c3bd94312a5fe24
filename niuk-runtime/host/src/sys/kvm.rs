//! A guest of a few instructions through the KVM ioctls: whether KVM executes, not only opens.
//!
//! Some hosts offer `/dev/kvm` and interpret every guest instruction, or refuse SSE. The guest counts down in 64-bit
//! mode, halts, adds two floats in an SSE register, and halts again.

use std::ffi::c_void;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd};
use std::ptr;
use std::time::{Duration, Instant};

const GET_API_VERSION: libc::c_ulong = 0xAE00;
const CREATE_VM: libc::c_ulong = 0xAE01;
const GET_RUN_SIZE: libc::c_ulong = 0xAE04;
const CREATE_VCPU: libc::c_ulong = 0xAE41;
const SET_MEMORY: libc::c_ulong = 0x4020_AE46;
const RUN: libc::c_ulong = 0xAE80;
const GET_REGISTERS: libc::c_ulong = 0x8090_AE81;
const SET_REGISTERS: libc::c_ulong = 0x4090_AE82;
const GET_SYSTEM: libc::c_ulong = 0x8138_AE83;
const SET_SYSTEM: libc::c_ulong = 0x4138_AE84;
const EXIT_HALT: u32 = 5;
const EXIT_REASON_OFFSET: usize = 8;

const MEMORY: usize = 2 * 1024 * 1024;
const TABLES: usize = 0x1000;
const CODE: usize = 0x8000;
/// Iterations of the countdown: some milliseconds where instructions are executed.
const COUNT: u64 = 5_000_000;
/// One, and twice one, as 32-bit floats.
const ONE: u32 = 0x3F80_0000;
const TWO: u64 = 0x4000_0000;

#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Registers {
    rax: u64,
    rbx: u64,
    rcx: u64,
    others: [u64; 13],
    rip: u64,
    rflags: u64,
}

#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Segment {
    base: u64,
    limit: u32,
    selector: u16,
    kind: u8,
    present: u8,
    dpl: u8,
    db: u8,
    s: u8,
    l: u8,
    g: u8,
    avl: u8,
    unusable: u8,
    padding: u8,
}

#[repr(C)]
#[derive(Clone, Copy)]
struct System {
    cs: Segment,
    data: [Segment; 5],
    tr: Segment,
    ldt: Segment,
    gdt: [u64; 2],
    idt: [u64; 2],
    cr0: u64,
    cr2: u64,
    cr3: u64,
    cr4: u64,
    cr8: u64,
    efer: u64,
    apic_base: u64,
    interrupts: [u64; 4],
}

#[repr(C)]
struct MemoryRegion {
    slot: u32,
    flags: u32,
    guest_address: u64,
    size: u64,
    user_address: u64,
}

/// What the guest did.
#[derive(Debug, Clone, Copy)]
pub struct Executed {
    /// Iterations of the countdown that it made in its time.
    pub iterations: u64,
    /// The time that they took.
    pub took: Duration,
    /// It finished the countdown.
    pub finished: bool,
    /// The SSE addition gave the right sum.
    pub sse: bool,
}

fn guest_code() -> Vec<u8> {
    let mut code = vec![0x48, 0xB9]; // mov rcx, COUNT
    code.extend_from_slice(&COUNT.to_le_bytes());
    code.extend_from_slice(&[0x48, 0xFF, 0xC9, 0x75, 0xFB, 0xF4]); // dec rcx; jnz; hlt
    code.push(0xB8); // mov eax, ONE
    code.extend_from_slice(&ONE.to_le_bytes());
    code.extend_from_slice(&[0x66, 0x0F, 0x6E, 0xC0, 0x0F, 0x58, 0xC0]); // movd xmm0, eax; addps xmm0, xmm0
    code.extend_from_slice(&[0x66, 0x0F, 0x7E, 0xC3, 0xF4]); // movd ebx, xmm0; hlt
    code
}

struct Guest {
    vcpu: File,
    run: *mut u8,
    // The rest lives as long as the guest runs.
    _vm: File,
}

fn control(file: &File, request: libc::c_ulong, argument: *mut c_void) -> io::Result<libc::c_int> {
    // SAFETY: every caller passes what the request's definition says: null, a number, or a struct of its layout.
    let code = unsafe { libc::ioctl(file.as_raw_fd(), request, argument) };
    if code < 0 { Err(io::Error::last_os_error()) } else { Ok(code) }
}

fn descriptor(number: libc::c_int) -> File {
    // SAFETY: a fresh descriptor that an ioctl just gave, owned by nobody else.
    unsafe { File::from_raw_fd(number) }
}

fn map(length: usize, file: Option<&File>) -> io::Result<*mut u8> {
    let (flags, fd) = file.map_or((libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, -1), |f| (libc::MAP_SHARED, f.as_raw_fd()));
    // SAFETY: a new mapping at an address of the kernel's choice.
    let address = unsafe { libc::mmap(ptr::null_mut(), length, libc::PROT_READ | libc::PROT_WRITE, flags, fd, 0) };
    if address == libc::MAP_FAILED { Err(io::Error::last_os_error()) } else { Ok(address.cast()) }
}

/// Identity-mapped first 2 MiB: three levels of tables with one large page.
fn write_memory(memory: *mut u8) {
    let entries = [(TABLES, 0x2003_u64), (0x2000, 0x3003), (0x3000, 0x83)];
    // SAFETY: all offsets lie within the MEMORY bytes of the mapping.
    unsafe {
        for (offset, entry) in entries {
            memory.add(offset).cast::<u64>().write_unaligned(entry);
        }
        let code = guest_code();
        ptr::copy_nonoverlapping(code.as_ptr(), memory.add(CODE), code.len());
    }
}

fn set_long_mode(vcpu: &File) -> io::Result<()> {
    // SAFETY: plain numbers: all-zero is valid.
    let mut system: System = unsafe { std::mem::zeroed() };
    control(vcpu, GET_SYSTEM, (&raw mut system).cast())?;
    let flat =
        Segment { limit: u32::MAX, selector: 0x10, kind: 3, present: 1, db: 1, s: 1, g: 1, ..Segment::default() };
    system.cs = Segment { selector: 8, kind: 11, db: 0, l: 1, ..flat };
    system.data = [flat; 5];
    system.cr3 = TABLES as u64;
    system.cr4 = 0x620; // PAE, OSFXSR, OSXMMEXCPT
    system.cr0 = 0x8000_0033; // PG, NE, ET, MP, PE
    system.efer = 0x500; // LMA, LME
    control(vcpu, SET_SYSTEM, (&raw mut system).cast())?;
    let mut registers = Registers { rip: CODE as u64, rflags: 2, ..Registers::default() };
    control(vcpu, SET_REGISTERS, (&raw mut registers).cast()).map(|_| ())
}

impl Guest {
    fn make(kvm: &File) -> io::Result<Self> {
        let vm = descriptor(control(kvm, CREATE_VM, ptr::null_mut())?);
        let memory = map(MEMORY, None)?;
        write_memory(memory);
        let mut region =
            MemoryRegion { slot: 0, flags: 0, guest_address: 0, size: MEMORY as u64, user_address: memory as u64 };
        control(&vm, SET_MEMORY, (&raw mut region).cast())?;
        let vcpu = descriptor(control(&vm, CREATE_VCPU, ptr::null_mut())?);
        let length = control(kvm, GET_RUN_SIZE, ptr::null_mut())?;
        let run = map(usize::try_from(length).map_err(io::Error::other)?, Some(&vcpu))?;
        set_long_mode(&vcpu)?;
        Ok(Self { vcpu, run, _vm: vm })
    }

    /// Runs to the next halt; `Ok(false)` when the alarm came first.
    fn run(&self) -> io::Result<bool> {
        match control(&self.vcpu, RUN, ptr::null_mut()) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(false),
            Err(error) => Err(error),
            Ok(_) => {
                // SAFETY: the shared area is as long as the kernel said, which is more than this.
                let reason = unsafe { self.run.add(EXIT_REASON_OFFSET).cast::<u32>().read_volatile() };
                if reason == EXIT_HALT {
                    return Ok(true);
                }
                Err(io::Error::other(format!("the guest left with KVM exit reason {reason}")))
            }
        }
    }

    fn registers(&self) -> io::Result<Registers> {
        let mut registers = Registers::default();
        control(&self.vcpu, GET_REGISTERS, (&raw mut registers).cast())?;
        Ok(registers)
    }
}

/// A signal that interrupts the guest at `after`; the handler does nothing.
fn set_alarm(after: Duration) {
    extern "C" fn nothing(_: libc::c_int) {}
    // SAFETY: a handler that does nothing is safe in any context; without SA_RESTART the ioctl is interrupted. The
    // timer repeats, so a signal that comes between two ioctls is not the last.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = nothing as extern "C" fn(libc::c_int) as usize;
        libc::sigaction(libc::SIGALRM, &raw const action, ptr::null_mut());
        let first = libc::timeval { tv_sec: 0, tv_usec: after.as_micros() as libc::suseconds_t };
        let repeat = libc::timeval { tv_sec: 0, tv_usec: 10_000 };
        libc::setitimer(libc::ITIMER_REAL, &libc::itimerval { it_interval: repeat, it_value: first }, ptr::null_mut());
    }
}

/// The KVM interface version of `/dev/kvm`.
pub fn api_version(kvm: &File) -> io::Result<i32> {
    control(kvm, GET_API_VERSION, ptr::null_mut())
}

/// Runs the guest, at most for `limit` (less than a second).
pub fn execute(kvm: &File, limit: Duration) -> io::Result<Executed> {
    let guest = Guest::make(kvm)?;
    set_alarm(limit);
    let started = Instant::now();
    let finished = guest.run()?;
    let took = started.elapsed();
    let iterations = COUNT.saturating_sub(guest.registers()?.rcx);
    let sse = finished && guest.run().unwrap_or(false) && guest.registers()?.rbx == TWO;
    Ok(Executed { iterations, took, finished, sse })
}
