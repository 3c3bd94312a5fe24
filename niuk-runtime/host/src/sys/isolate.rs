//! One isolate of a function library, and the callbacks that it makes into the host.

use std::ffi::c_void;
use std::ptr;
use std::sync::{Arc, Mutex, PoisonError};

use super::library::{CHost, CIsolate, CReply, CThread, FunctionLibrary, Functions, Memory};

/// What an isolate may ask of the host. Called on any thread of the isolate.
pub trait Services: Send + Sync {
    /// Bytes that invocation `invocation` (0: none) wrote to stream 1 or 2.
    fn output(&self, invocation: u64, stream: i32, bytes: &[u8]);
    /// Calls another function; returns 0 and its result, or another number and an error object.
    fn invoke(&self, invocation: u64, name: &[u8], params: &[u8]) -> (i32, Vec<u8>);
}

/// What stands behind the `context` pointer of one isolate.
struct Context {
    services: Arc<dyn Services>,
    /// Replies handed to the isolate and not yet released. The bytes of a boxed slice do not move. A call that is cut
    /// off may leave one here: its isolate is torn down then, and this with it.
    lent: Mutex<Vec<Box<[u8]>>>,
}

/// Borrowed bytes of one call's reply are longer than this: the library lies.
const LONGEST_REPLY: u64 = i32::MAX as u64;

/// A live isolate. Methods are sound from any thread; the caller keeps the contract that is no matter of memory:
/// one `init`, then one `run` at a time, and nothing after `tear_down`.
pub struct RawIsolate {
    functions: Functions,
    isolate: *mut CIsolate,
    context: *const Context,
}

// SAFETY: the pointers are opaque handles that the library accepts from every attached thread; Context is Sync.
unsafe impl Send for RawIsolate {}
// SAFETY: as above.
unsafe impl Sync for RawIsolate {}

/// An OS thread's place in one isolate. Not Send: the library allows it on its own thread only.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Attached {
    thread: *mut CThread,
}

/// An [`Attached`] put away in a table that is looked up by OS thread.
#[derive(Clone, Copy)]
pub struct Parked(usize);

impl Attached {
    /// For keeping in a table.
    pub fn park(self) -> Parked {
        Parked(self.thread as usize)
    }
}

impl Parked {
    /// Back into use. The caller looked it up under the number of the thread that parked it; a mix-up would break the
    /// library's contract, which only `Isolate` of this crate is in a position to do.
    pub(crate) fn resume(self) -> Attached {
        Attached { thread: self.0 as *mut CThread }
    }
}

impl RawIsolate {
    /// Makes an isolate; the calling thread is attached to it. `Err` is native-image's error number.
    pub fn create(library: &FunctionLibrary, services: Arc<dyn Services>) -> Result<(Self, Attached), i32> {
        let functions = library.functions;
        let (mut isolate, mut thread) = (ptr::null_mut(), ptr::null_mut());
        // SAFETY: both out-pointers are valid; null parameters are allowed.
        let code = unsafe { (functions.create)(ptr::null_mut(), &raw mut isolate, &raw mut thread) };
        if code != 0 || isolate.is_null() || thread.is_null() {
            return Err(code);
        }
        let context = Box::into_raw(Box::new(Context { services, lent: Mutex::new(Vec::new()) }));
        Ok((Self { functions, isolate, context }, Attached { thread }))
    }

    /// Attaches the calling thread. `Err` is native-image's error number.
    pub fn attach(&self) -> Result<Attached, i32> {
        let mut thread = ptr::null_mut();
        // SAFETY: the isolate is alive by this type's contract; the out-pointer is valid.
        let code = unsafe { (self.functions.attach)(self.isolate, &raw mut thread) };
        if code == 0 && !thread.is_null() { Ok(Attached { thread }) } else { Err(code) }
    }

    /// Ends the calling thread's attachment.
    pub fn detach(&self, attached: Attached) {
        // SAFETY: `attached` is this thread's and of this isolate; it is not used again.
        unsafe { (self.functions.detach)(attached.thread) };
    }

    /// `argo_v1_init`; `take` sees status and reply.
    pub fn init<R>(&self, on: Attached, request: &[u8], code: &[u8], take: impl FnOnce(i32, &[u8]) -> R) -> R {
        let host = CHost {
            size: size_of::<CHost>() as u64,
            context: self.context.cast_mut().cast::<c_void>(),
            output,
            invoke,
            release,
        };
        let code_pointer = if code.is_empty() { ptr::null() } else { code.as_ptr() };
        let mut reply = CReply { data: ptr::null(), length: 0 };
        // SAFETY: all pointers are valid for their lengths during the call; the library copies `host`, whose context
        // lives until after tear-down.
        let status = unsafe {
            (self.functions.init)(
                on.thread,
                &raw const host,
                request.as_ptr(),
                request.len() as u64,
                code_pointer,
                code.len() as u64,
                &raw mut reply,
            )
        };
        // SAFETY: the reply stays valid until the next call on this isolate, and `take` cannot make one.
        take(status, unsafe { reply_bytes(&reply) })
    }

    /// `argo_v1_run`; `take` sees status and reply.
    pub fn run<R>(
        &self,
        on: Attached,
        invocation: u64,
        environment: &[u8],
        params: &[u8],
        take: impl FnOnce(i32, &[u8]) -> R,
    ) -> R {
        let environment_pointer = if environment.is_empty() { ptr::null() } else { environment.as_ptr() };
        let mut reply = CReply { data: ptr::null(), length: 0 };
        // SAFETY: all pointers are valid for their lengths during the call.
        let status = unsafe {
            (self.functions.run)(
                on.thread,
                invocation,
                environment_pointer,
                environment.len() as u64,
                params.as_ptr(),
                params.len() as u64,
                &raw mut reply,
            )
        };
        // SAFETY: the reply stays valid until the next call on this isolate, and `take` cannot make one.
        take(status, unsafe { reply_bytes(&reply) })
    }

    /// `argo_v1_place`: what is initialised or run next is the function of that number. False: there is no such place.
    pub fn place(&self, on: Attached, number: u64) -> bool {
        // SAFETY: `on` is this thread's attachment to this isolate.
        self.functions.place.is_some_and(|place| unsafe { place(on.thread, number) == 0 })
    }

    /// `argo_v1_leave`: the place of that number is cleared.
    pub fn leave(&self, on: Attached, number: u64) {
        if let Some(leave) = self.functions.leave {
            // SAFETY: `on` is this thread's attachment to this isolate.
            unsafe { leave(on.thread, number) };
        }
    }

    /// `argo_v1_cancel`: true if that invocation was running and was asked to end.
    pub fn cancel(&self, on: Attached, invocation: u64) -> bool {
        // SAFETY: `on` is this thread's attachment to this isolate.
        unsafe { (self.functions.cancel)(on.thread, invocation) == 0 }
    }

    /// `argo_v1_memory`.
    pub fn memory(&self, on: Attached) -> Memory {
        let mut memory = Memory::default();
        // SAFETY: `on` is this thread's attachment to this isolate; the out-pointer is valid.
        unsafe { (self.functions.memory)(on.thread, &raw mut memory) };
        memory
    }

    /// `argo_v1_collect`, where the library has it.
    pub fn collect(&self, on: Attached) {
        if let Some(collect) = self.functions.collect {
            // SAFETY: `on` is this thread's attachment to this isolate.
            unsafe { collect(on.thread) };
        }
    }

    /// Frees the isolate; every attachment to it is void. False: a thread of the function would not end, and what
    /// the isolate may still use is left in place.
    pub fn tear_down(&self, on: Attached) -> bool {
        // SAFETY: `on` is this thread's; the caller makes sure that no other thread is inside.
        if unsafe { (self.functions.tear_down)(on.thread) } != 0 {
            return false;
        }
        // SAFETY: made by Box::into_raw in `create`; the isolate that used it is gone, and the caller calls once.
        drop(unsafe { Box::from_raw(self.context.cast_mut()) });
        true
    }
}

/// # Safety
/// `reply` was filled by the library just now and nothing was called on the isolate since.
unsafe fn reply_bytes(reply: &CReply) -> &[u8] {
    if reply.data.is_null() || reply.length > LONGEST_REPLY {
        return b"{}";
    }
    // SAFETY: by the contract of this function.
    unsafe { std::slice::from_raw_parts(reply.data, reply.length as usize) }
}

/// # Safety
/// `data` is null or valid for `length` bytes during the call that the result is used in.
unsafe fn input<'a>(data: *const u8, length: u64) -> &'a [u8] {
    if data.is_null() || length > LONGEST_REPLY {
        return &[];
    }
    // SAFETY: by the contract of this function.
    unsafe { std::slice::from_raw_parts(data, length as usize) }
}

extern "C" fn output(context: *mut c_void, invocation: u64, stream: i32, bytes: *const u8, length: u64) {
    // SAFETY: the library passes back the context of `init`, alive until tear-down.
    let context = unsafe { &*context.cast_const().cast::<Context>() };
    // SAFETY: valid during this call by the header's contract.
    context.services.output(invocation, stream, unsafe { input(bytes, length) });
}

extern "C" fn invoke(
    context: *mut c_void,
    invocation: u64,
    name: *const u8,
    name_length: u64,
    params: *const u8,
    params_length: u64,
    reply: *mut CReply,
) -> i32 {
    // SAFETY: the library passes back the context of `init`, alive until tear-down.
    let context = unsafe { &*context.cast_const().cast::<Context>() };
    // SAFETY: valid during this call by the header's contract.
    let (name, params) = unsafe { (input(name, name_length), input(params, params_length)) };
    let (status, body) = context.services.invoke(invocation, name, params);
    let body = body.into_boxed_slice();
    let filled = CReply { data: body.as_ptr(), length: body.len() as u64 };
    context.lent.lock().unwrap_or_else(PoisonError::into_inner).push(body);
    // SAFETY: the library passes a valid out-pointer.
    unsafe { reply.write(filled) };
    status
}

extern "C" fn release(context: *mut c_void, reply: *mut CReply) {
    // SAFETY: the library passes back the context of `init`, and the reply that `invoke` filled.
    let (context, reply) = unsafe { (&*context.cast_const().cast::<Context>(), &*reply) };
    let mut lent = context.lent.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(at) = lent.iter().rposition(|body| ptr::eq(body.as_ptr(), reply.data)) {
        lent.swap_remove(at);
    }
}
