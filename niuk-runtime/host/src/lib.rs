//! The host of a NIUk: loads function libraries, keeps their isolates, and serves invocations over one framed protocol.
//!
//! Layers, each knowing only those above it in this list:
//! `frame`, `wire`, `request`, `report`, `status`, `json`, `plain`, `lines`, `pool`, `options` — pure;
//! `sys` — all unsafe code; `outbox`, `watchdog`, `artifacts` — one resource each;
//! `isolate`, `share`, `call`, `services`, `serve`, `invoke`, `chain`, `birth`, `function`, `host`, `limits` — invocations;
//! `session`, `listen`, `boot` — the outside.

pub mod artifacts;
pub mod birth;
pub mod boot;
pub mod call;
pub mod chain;
pub mod clock;
pub mod frame;
pub mod function;
pub mod host;
pub mod invoke;
pub mod isolate;
pub mod json;
pub mod limits;
pub mod lines;
pub mod listen;
pub mod options;
pub mod outbox;
pub mod plain;
pub mod pool;
pub mod report;
pub mod request;
pub mod run;
pub mod serve;
pub mod services;
pub mod session;
pub mod share;
pub mod stats;
pub mod status;
pub mod sync;
pub mod sys;
pub mod watchdog;
pub mod wire;

/// Version of the function library interface that this host calls.
pub const ABI_VERSION: u8 = 1;
