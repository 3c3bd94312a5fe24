//! Figures for STATS, as a JSON object. Its keys are listed in PROTOCOL.md.

use std::fmt::Write as _;
use std::sync::atomic::Ordering;

use crate::clock;
use crate::function::Function;
use crate::host::Host;
use crate::isolate::Isolate;
use crate::json::push_string;
use crate::sync::lock;

/// The figures of `host` now.
pub fn figures(host: &Host) -> String {
    let memory = process_memory();
    let mut out = String::with_capacity(1024);
    // Writing to a String cannot fail.
    let _ = write!(
        out,
        "{{\"pid\":{},\"uptime_ms\":{},\"in_flight\":{},\"libraries\":{},\"rss\":{},\"pss\":{},\"private\":{},\"replace\":",
        std::process::id(),
        clock::now_ms(),
        host.in_flight.load(Ordering::Relaxed),
        host.artifacts.library_count(),
        memory.rss,
        memory.pss,
        memory.private,
    );
    match host.replacement() {
        Some(reason) => push_string(&mut out, &reason),
        None => out.push_str("null"),
    }
    out.push_str(",\"functions\":[");
    join(&mut out, &host.functions(), |out, function| push_function(out, function));
    out.push_str("]}");
    out
}

fn join<T>(out: &mut String, items: &[T], mut push: impl FnMut(&mut String, &T)) {
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        push(out, item);
    }
}

fn push_function(out: &mut String, function: &Function) {
    let figures = function.figures();
    let counts = figures.counts;
    out.push_str("{\"function\":");
    push_string(out, &function.spec.function);
    out.push_str(",\"address\":");
    push_string(out, &function.spec.address);
    let _ = write!(
        out,
        ",\"runs\":{},\"errors\":{},\"starting\":{},\"idle\":{},\"busy\":{},\"queued\":{},\"isolates\":[",
        figures.runs, figures.errors, counts.starting, counts.idle, counts.busy, counts.queued
    );
    join(out, &figures.isolates, |out, isolate| push_isolate(out, isolate));
    out.push_str("]}");
}

fn push_isolate(out: &mut String, isolate: &Isolate) {
    let (memory, birth) = (isolate.memory(), *lock(&isolate.birth));
    let _ = write!(
        out,
        "{{\"id\":{},\"uses\":{},\"age_ms\":{},\"create_ns\":{},\"init_ns\":{},\"used\":{},\"committed\":{},\"limit\":{},\"peak\":{},\"collections\":{},\"threads\":{}}}",
        isolate.id,
        isolate.uses.load(Ordering::Relaxed),
        clock::millis(isolate.born.elapsed()),
        birth.create_ns,
        birth.init_ns,
        memory.used,
        memory.committed,
        memory.limit,
        memory.peak,
        memory.collections,
        memory.threads,
    );
}

#[derive(Default)]
struct ProcessMemory {
    rss: u64,
    pss: u64,
    private: u64,
}

/// Bytes, from the kernel's sum over all mappings; zeros where it does not tell.
fn process_memory() -> ProcessMemory {
    let text = std::fs::read_to_string("/proc/self/smaps_rollup").unwrap_or_default();
    let mut memory = ProcessMemory::default();
    for line in text.lines() {
        let mut words = line.split_whitespace();
        let (Some(name), Some(Ok(kilobytes))) = (words.next(), words.next().map(str::parse::<u64>)) else { continue };
        match name {
            "Rss:" => memory.rss = kilobytes * 1024,
            "Pss:" => memory.pss = kilobytes * 1024,
            "Private_Clean:" | "Private_Dirty:" => memory.private += kilobytes * 1024,
            _ => {}
        }
    }
    memory
}
