//! The only unsafe code: the C interface of function libraries, and system calls without a safe wrapper.
#![allow(unsafe_code)]

pub mod confine;
pub mod isolate;
#[cfg(target_arch = "x86_64")]
pub mod kvm;
pub mod library;
pub mod machine;
pub mod network;
pub mod rights;
pub mod socket;
