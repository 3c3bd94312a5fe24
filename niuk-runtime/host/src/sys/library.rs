//! A function library: a shared object that exports the symbols of `include/argo_isolate.h`.

use std::ffi::{CStr, CString, c_char, c_void};
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// `argo_isolate`.
#[repr(C)]
pub(super) struct CIsolate {
    opaque: [u8; 0],
}

/// `argo_thread`.
#[repr(C)]
pub(super) struct CThread {
    opaque: [u8; 0],
}

/// `argo_reply`.
#[repr(C)]
pub(super) struct CReply {
    pub data: *const u8,
    pub length: u64,
}

/// `argo_memory`: what an isolate holds.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Memory {
    /// Bytes of live and not yet collected objects.
    pub used: u64,
    /// Bytes of heap taken from the system.
    pub committed: u64,
    /// Heap limit in force; 0: none.
    pub limit: u64,
    /// Most ever committed.
    pub peak: u64,
    /// Collections so far.
    pub collections: u64,
    /// Threads of the function besides the host's.
    pub threads: u64,
}

/// `argo_host`.
#[repr(C)]
pub(super) struct CHost {
    pub size: u64,
    pub context: *mut c_void,
    pub output: extern "C" fn(*mut c_void, u64, i32, *const u8, u64),
    pub invoke: extern "C" fn(*mut c_void, u64, *const u8, u64, *const u8, u64, *mut CReply) -> i32,
    pub release: extern "C" fn(*mut c_void, *mut CReply),
}

/// The functions of one library, as the header declares them.
#[derive(Clone, Copy)]
pub(super) struct Functions {
    pub create: unsafe extern "C" fn(*mut c_void, *mut *mut CIsolate, *mut *mut CThread) -> i32,
    pub attach: unsafe extern "C" fn(*mut CIsolate, *mut *mut CThread) -> i32,
    pub detach: unsafe extern "C" fn(*mut CThread) -> i32,
    pub tear_down: unsafe extern "C" fn(*mut CThread) -> i32,
    pub init: unsafe extern "C" fn(*mut CThread, *const CHost, *const u8, u64, *const u8, u64, *mut CReply) -> i32,
    pub run: unsafe extern "C" fn(*mut CThread, u64, *const u8, u64, *const u8, u64, *mut CReply) -> i32,
    pub cancel: unsafe extern "C" fn(*mut CThread, u64) -> i32,
    pub memory: unsafe extern "C" fn(*mut CThread, *mut Memory) -> i32,
    /// Not every library has it.
    pub collect: Option<unsafe extern "C" fn(*mut CThread) -> i32>,
    /// Nor these.
    pub place: Option<unsafe extern "C" fn(*mut CThread, u64) -> i32>,
    pub leave: Option<unsafe extern "C" fn(*mut CThread, u64) -> i32>,
}

/// Why a file is not a function library, in the loader's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadError(pub String);

impl fmt::Display for LoadError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// A loaded library. It stays mapped for the life of the process: native-image leaves thread-specific data and
/// code addresses behind that outlive `dlclose`.
pub struct FunctionLibrary {
    pub(super) functions: Functions,
}

impl FunctionLibrary {
    /// Loads the shared object at `path` and looks its functions up.
    pub fn open(path: &Path) -> Result<Self, LoadError> {
        let name = CString::new(path.as_os_str().as_bytes()).map_err(|_| LoadError("path holds a NUL".into()))?;
        // SAFETY: `name` ends in NUL. Constructors of the object run: the controller vouches for what it loads.
        let handle = unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL) };
        if handle.is_null() {
            return Err(last_error());
        }
        symbol::<*const c_void>(handle, c"argo_v1_version")
            .map_err(|_| LoadError("not a function library of interface version 1 (no argo_v1_version)".into()))?;
        Ok(Self {
            functions: Functions {
                create: symbol(handle, c"graal_create_isolate")?,
                attach: symbol(handle, c"graal_attach_thread")?,
                detach: symbol(handle, c"graal_detach_thread")?,
                tear_down: symbol(handle, c"graal_detach_all_threads_and_tear_down_isolate")?,
                init: symbol(handle, c"argo_v1_init")?,
                run: symbol(handle, c"argo_v1_run")?,
                cancel: symbol(handle, c"argo_v1_cancel")?,
                memory: symbol(handle, c"argo_v1_memory")?,
                collect: symbol(handle, c"argo_v1_collect").ok(),
                place: symbol(handle, c"argo_v1_place").ok(),
                leave: symbol(handle, c"argo_v1_leave").ok(),
            },
        })
    }

    /// Whether an isolate may hold more than one function: an engine's.
    pub fn has_places(&self) -> bool {
        self.functions.place.is_some() && self.functions.leave.is_some()
    }
}

/// Looks `name` up as a pointer of type `T`, which every caller above takes from the header.
fn symbol<T: Copy>(handle: *mut c_void, name: &CStr) -> Result<T, LoadError> {
    const { assert!(size_of::<T>() == size_of::<*mut c_void>()) };
    // SAFETY: `handle` came from dlopen and is never closed; `name` ends in NUL.
    let address = unsafe { libc::dlsym(handle, name.as_ptr()) };
    if address.is_null() {
        return Err(LoadError(format!("no symbol {}", name.to_string_lossy())));
    }
    // SAFETY: `T` is a pointer type of the same size; that the symbol has this signature is the library's contract.
    Ok(unsafe { std::mem::transmute_copy(&address) })
}

fn last_error() -> LoadError {
    // SAFETY: dlerror gives a string that lives until the next dl call on this thread, or null.
    let message: *const c_char = unsafe { libc::dlerror() };
    if message.is_null() {
        return LoadError("dlopen failed".into());
    }
    // SAFETY: not null, ends in NUL, copied at once.
    LoadError(unsafe { CStr::from_ptr(message) }.to_string_lossy().into_owned())
}
