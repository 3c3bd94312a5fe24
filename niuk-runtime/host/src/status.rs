//! How an invocation or request came out: the library's own words (0–8) and the host's (from 16).

/// A status as it travels in RESULT, RECORD and FAILED.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Status {
    /// The result object.
    Ok = 0,
    /// The function threw, or returned what is not an object.
    DeveloperError = 1,
    /// The closed world lacks something.
    Missing = 2,
    /// The engine lacks a module.
    Unsupported = 3,
    /// The isolate's heap limit was met.
    OutOfMemory = 4,
    /// Ended on the controller's request, or because it went away.
    Cancelled = 5,
    /// The function tried to end the process.
    Exited = 6,
    /// The library says that the host broke the contract.
    BadRequest = 7,
    /// The library failed.
    Fatal = 8,
    /// The time limit passed.
    TimedOut = 16,
    /// No isolate in time, or too many invocations.
    Overloaded = 17,
    /// No such function, artifact or run here.
    Unknown = 18,
    /// The result does not fit a frame.
    TooLarge = 19,
    /// No isolate could be made.
    NotCreated = 20,
    /// The host is ending.
    Stopping = 21,
    /// Calls are nested too deep, or there are too many.
    CallLimit = 22,
    /// The artifact could not be loaded.
    NotLoaded = 23,
}

impl Status {
    /// The status that a library returned.
    pub fn of_library(code: i32) -> Self {
        match code {
            0 => Self::Ok,
            1 => Self::DeveloperError,
            2 => Self::Missing,
            3 => Self::Unsupported,
            4 => Self::OutOfMemory,
            5 => Self::Cancelled,
            6 => Self::Exited,
            7 => Self::BadRequest,
            _ => Self::Fatal,
        }
    }

    /// Whether an isolate that gave this must be torn down (`ARGO_SPENT`).
    pub fn spends_isolate(self) -> bool {
        self as u8 >= Self::OutOfMemory as u8
    }
}

/// `{"error": words}` in JSON.
pub fn error_body(words: &str) -> Vec<u8> {
    let mut out = String::with_capacity(words.len() + 16);
    out.push_str("{\"error\":");
    crate::json::push_string(&mut out, words);
    out.push('}');
    out.into_bytes()
}
