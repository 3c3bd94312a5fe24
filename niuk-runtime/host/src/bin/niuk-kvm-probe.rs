//! Says in JSON whether KVM executes a guest on this machine: `{"opens","api","executes","sse","ns_per_iteration","error"}`.

fn main() {
    println!("{}", probe());
}

#[cfg(target_arch = "x86_64")]
fn probe() -> String {
    use niuk_host::sys::kvm;
    use std::fs::OpenOptions;
    use std::time::Duration;

    /// A machine that interprets guests takes a thousand nanoseconds for one iteration, one that executes them one.
    const SLOWEST: f64 = 20.0;
    const LIMIT: Duration = Duration::from_millis(150);
    let kvm = match OpenOptions::new().read(true).write(true).open("/dev/kvm") {
        Ok(kvm) => kvm,
        Err(error) => return report(false, 0, false, false, 0.0, &format!("/dev/kvm: {error}")),
    };
    let api = kvm::api_version(&kvm).unwrap_or(-1);
    match kvm::execute(&kvm, LIMIT) {
        Ok(done) => {
            let each = done.took.as_nanos() as f64 / done.iterations.max(1) as f64;
            report(true, api, done.finished && each < SLOWEST, done.sse, each, "")
        }
        Err(error) => report(true, api, false, false, 0.0, &error.to_string()),
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn probe() -> String {
    report(false, 0, false, false, 0.0, "no probe guest for this processor")
}

fn report(opens: bool, api: i32, executes: bool, sse: bool, each: f64, error: &str) -> String {
    let mut words = String::new();
    niuk_host::json::push_string(&mut words, error);
    format!(
        "{{\"opens\":{opens},\"api\":{api},\"executes\":{executes},\"sse\":{sse},\"ns_per_iteration\":{each:.2},\"error\":{words}}}"
    )
}
