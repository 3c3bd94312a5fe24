//! `niuk-host`: an ordinary program, or PID 1 of a VM.

use std::io;
use std::process::ExitCode;

use niuk_host::artifacts::Artifacts;
use niuk_host::host::Host;
use niuk_host::options::{self, Options};
use niuk_host::sys::{confine, machine, network, rights};
use niuk_host::{boot, clock, limits, listen};

fn main() -> ExitCode {
    clock::start();
    let init = boot::is_init();
    if init && let Err(error) = boot::prepare() {
        boot::finish(&format!("cannot prepare the machine: {error}"));
    }
    let options = match options::parse(std::env::args_os().skip(1)) {
        Ok(options) => options,
        Err(words) => {
            eprintln!("niuk-host: {words}\n\n{}", options::USAGE);
            if init {
                boot::finish("no usable command line");
            }
            return ExitCode::from(64);
        }
    };
    let ended = run(&options, init);
    if init {
        boot::finish(&ended.err().map_or("done".into(), |error| error.to_string()));
    }
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("niuk-host: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options, owns_machine: bool) -> io::Result<()> {
    if options.batch {
        rights::be_batch()?;
    }
    if let Some(id) = options.user {
        rights::become_user(id)?;
    }
    machine::spare_malloc_arenas();
    machine::forbid_core_files()?;
    if let Some(bytes) = options.data_limit {
        machine::limit_data(bytes)?;
    }
    if options.net && owns_machine {
        network::raise()?;
    }
    let opened = listen::open(&options.transport)?;
    confine::forbid_new_privileges()?;
    // A machine of its own has no other program, user or mount to keep a function from, and its kernel no filters.
    if !options.unconfined && !owns_machine {
        confine::filter_system_calls()?;
    }
    let (host, signals) = Host::new(Artifacts::new(options.folder.clone()), owns_machine)?;
    limits::watch(&host, signals.to_cancel)?;
    if options.announce {
        println!("ready {}", clock::start().elapsed().as_micros());
    }
    listen::serve(&host, opened)?;
    // The process then ends without waiting for isolates that still run user code.
    signals.end.recv().map_err(io::Error::other)?
}
