//! What this process gives up before it loads a function: new privileges, and system calls that no function needs.

use std::io;

/// System calls answered with EPERM: programs, kernels, other processes, namespaces, mounts.
const DENIED: &[libc::c_long] = &[
    libc::SYS_execve,
    libc::SYS_execveat,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_pidfd_getfd,
    libc::SYS_kexec_load,
    libc::SYS_kexec_file_load,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_io_uring_setup,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_open_by_handle_at,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_acct,
    libc::SYS_quotactl,
    libc::SYS_syslog,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_iopl,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_ioperm,
];

#[cfg(target_arch = "x86_64")]
const ARCHITECTURE: u32 = 0xC000_003E;
#[cfg(target_arch = "aarch64")]
const ARCHITECTURE: u32 = 0xC000_00B7;

const LOAD: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
const EQUAL: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
const AT_LEAST: u16 = (libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K) as u16;
const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;
const NUMBER_OFFSET: u32 = 0;
const ARCHITECTURE_OFFSET: u32 = 4;
/// Numbers from here on are the x32 interface, which would slip past the list.
const X32: u32 = 0x4000_0000;

fn filter() -> Vec<libc::sock_filter> {
    let op = |code: u16, k: u32, jt: u8, jf: u8| libc::sock_filter { code, jt, jf, k };
    let deny = op(RETURN, libc::SECCOMP_RET_ERRNO | libc::EPERM as u32, 0, 0);
    let mut program = vec![
        op(LOAD, ARCHITECTURE_OFFSET, 0, 0),
        op(EQUAL, ARCHITECTURE, 1, 0),
        op(RETURN, libc::SECCOMP_RET_KILL_PROCESS, 0, 0),
        op(LOAD, NUMBER_OFFSET, 0, 0),
        op(AT_LEAST, X32, 0, 1),
        deny,
    ];
    for number in DENIED {
        program.push(op(EQUAL, u32::try_from(*number).unwrap_or(u32::MAX), 0, 1));
        program.push(deny);
    }
    program.push(op(RETURN, libc::SECCOMP_RET_ALLOW, 0, 0));
    program
}

/// No set-uid program or file capability gives this process or its children anything.
pub fn forbid_new_privileges() -> io::Result<()> {
    // SAFETY: no pointers.
    match unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Installs the filter on this thread and all that it starts. Needs [`forbid_new_privileges`] first.
pub fn filter_system_calls() -> io::Result<()> {
    let mut program = filter();
    let length = u16::try_from(program.len()).map_err(io::Error::other)?;
    let header = libc::sock_fprog { len: length, filter: program.as_mut_ptr() };
    // SAFETY: `header` describes `program`, which outlives the call; the kernel copies it.
    match unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const header) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
