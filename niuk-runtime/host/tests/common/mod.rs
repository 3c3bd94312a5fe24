//! A controller for tests: a real host process, a real unix socket, the C function library.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::io::Write;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use niuk_host::frame::{Header, Incoming, MAX_PAYLOAD, read_frame};
use niuk_host::report::kind;
use niuk_host::request::{Artifact, Hello, Init, Load, Policy, Request, Run};
use niuk_host::wire::{FieldReader, Hash};
use sha2::{Digest, Sha256};

/// Longest wait for anything in a test.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// The function library of `tests/fake`, compiled once.
pub fn fake_library() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let out = folder.join(format!("fake_function.{}.so", std::process::id()));
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let status = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-pthread", "-I"])
            .arg(here.join("../include"))
            .arg(here.join("tests/fake/fake_function.c"))
            .arg("-o")
            .arg(&out)
            .status()
            .expect("a C compiler");
        assert!(status.success());
        out
    })
}

pub fn library_hash() -> Hash {
    static HASH: OnceLock<Hash> = OnceLock::new();
    *HASH.get_or_init(|| Sha256::digest(std::fs::read(fake_library()).unwrap()).into())
}

/// A running host; killed when dropped.
pub struct HostProcess {
    pub child: Child,
    pub socket: PathBuf,
    folder: PathBuf,
}

impl HostProcess {
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    pub fn start_with(options: &[&str]) -> Self {
        static NEXT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let number = NEXT.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        let folder = std::env::temp_dir().join(format!("niuk-host-test-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let socket = folder.join("socket");
        let child = Command::new(env!("CARGO_BIN_EXE_niuk-host"))
            .arg("--listen")
            .arg(&socket)
            .arg("--folder")
            .arg(&folder)
            .args(options)
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        Self { child, socket, folder }
    }

    pub fn connect_raw(&self) -> UnixStream {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match UnixStream::connect(&self.socket) {
                Ok(stream) => {
                    stream.set_read_timeout(Some(PATIENCE)).unwrap();
                    return stream;
                }
                Err(error) => assert!(Instant::now() < deadline, "{error}"),
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    pub fn connect(&self) -> Client {
        let mut client = Client { stream: self.connect_raw(), next: 1, other: Vec::new() };
        let id = client.send(&hello("guest"));
        assert_eq!(client.reply(id).kind, kind::WELCOME);
        client
    }

    /// A controller whose host has the fake library and function `f`.
    pub fn connect_with(&self, change: impl FnOnce(&mut Init)) -> Client {
        let mut client = self.connect();
        client.load_fake();
        let reply = client.init("f", change);
        assert_eq!(reply.kind, kind::READY, "{}", String::from_utf8_lossy(&reply.payload));
        client
    }

    pub fn is_alive(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }
}

impl Drop for HostProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

pub fn hello(namespace: &str) -> Request {
    Request::Hello(Hello { lowest: 1, highest: 1, serves_calls: true, namespace: namespace.into() })
}

pub fn init_of(name: &str) -> Init {
    Init {
        function: name.into(),
        address: format!("/guest/{name}"),
        library: library_hash(),
        code: [0; 32],
        request: b"{}".to_vec(),
        heap_limit: 0,
        init_timeout_ms: 10_000,
        run_timeout_ms: 10_000,
        log_limit: 1 << 20,
        defaults: Vec::new(),
        call_environment: Vec::new(),
        policy: Policy {
            spares: 0,
            most: 4,
            queue: 100,
            max_uses: 0,
            idle_ms: 60_000,
            recycle_bytes: 0,
            recycle_threads: false,
            patience_ms: 0,
        },
    }
}

pub fn run_of(function: &str, params: &str) -> Run {
    Run {
        function: function.into(),
        timeout_ms: 10_000,
        wait_ms: 10_000,
        environment: Vec::new(),
        params: params.as_bytes().to_vec(),
    }
}

#[derive(Debug, Clone)]
pub struct Frame {
    pub kind: u8,
    pub id: u64,
    pub payload: Vec<u8>,
}

/// RESULT, taken apart.
#[derive(Debug)]
pub struct Answer {
    pub status: u8,
    pub flags: u8,
    pub wait_ns: u64,
    pub init_ns: u64,
    pub run_ns: u64,
    pub body: String,
}

pub struct Client {
    pub stream: UnixStream,
    next: u64,
    /// Frames that came while another was waited for.
    pub other: Vec<Frame>,
}

impl Client {
    pub fn send(&mut self, request: &Request) -> u64 {
        let id = self.next;
        self.next += 1;
        self.stream.write_all(&request.encode(id)).unwrap();
        id
    }

    /// The next ids are taken: by the steps of a chain.
    pub fn skip(&mut self, ids: u64) {
        self.next += ids;
    }

    /// As a part of request `id`.
    pub fn send_as(&mut self, id: u64, request: &Request) {
        self.stream.write_all(&request.encode(id)).unwrap();
    }

    pub fn send_run(&mut self, run: Run) -> u64 {
        self.send(&Request::Run(run))
    }

    pub fn read(&mut self) -> Frame {
        match read_frame(&mut self.stream, MAX_PAYLOAD).unwrap() {
            Incoming::Frame(Header { kind, id, .. }, payload) => Frame { kind, id, payload },
            other => panic!("{other:?}"),
        }
    }

    /// The next frame that satisfies `wanted`; others are kept aside.
    pub fn wait(&mut self, wanted: impl Fn(&Frame) -> bool) -> Frame {
        if let Some(at) = self.other.iter().position(&wanted) {
            return self.other.remove(at);
        }
        loop {
            let frame = self.read();
            if wanted(&frame) {
                return frame;
            }
            self.other.push(frame);
        }
    }

    /// The reply to request `id`, not its events.
    pub fn reply(&mut self, id: u64) -> Frame {
        self.wait(|frame| frame.id == id && frame.kind < kind::LOG)
    }

    pub fn call(&mut self, request: &Request) -> Frame {
        let id = self.send(request);
        self.reply(id)
    }

    pub fn load_fake(&mut self) {
        let path = fake_library().to_str().unwrap().to_owned();
        let load = Load { hash: library_hash(), artifact: Artifact::Library, verify: true, size: 0, path };
        let reply = self.call(&Request::Load(load));
        assert_eq!(reply.kind, kind::LOADED, "{}", String::from_utf8_lossy(&reply.payload));
    }

    pub fn init(&mut self, name: &str, change: impl FnOnce(&mut Init)) -> Frame {
        let mut init = init_of(name);
        change(&mut init);
        self.call(&Request::Init(Box::new(init)))
    }

    pub fn answer(&mut self, id: u64) -> Answer {
        let frame = self.reply(id);
        assert_eq!(frame.kind, kind::RESULT);
        let mut fields = FieldReader::new(&frame.payload);
        let (status, flags) = (fields.u8().unwrap(), fields.u8().unwrap());
        let numbers: Vec<u64> = (0..5).map(|_| fields.u64().unwrap()).collect();
        let body = String::from_utf8(fields.bytes().unwrap().to_vec()).unwrap();
        fields.end().unwrap();
        Answer { status, flags, wait_ns: numbers[1], init_ns: numbers[2], run_ns: numbers[3], body }
    }

    pub fn run(&mut self, function: &str, params: &str) -> Answer {
        let id = self.send_run(run_of(function, params));
        self.answer(id)
    }

    /// Lines printed by run `id` so far, as (call, stream, text).
    pub fn lines(&mut self, id: u64) -> Vec<(u32, u8, String)> {
        let (mine, other) = std::mem::take(&mut self.other)
            .into_iter()
            .partition(|frame: &Frame| frame.kind == kind::LOG && frame.id == id);
        self.other = other;
        let parse = |frame: Frame| {
            let mut fields = FieldReader::new(&frame.payload);
            let (call, stream, time) = (fields.u32().unwrap(), fields.u8().unwrap(), fields.u64().unwrap());
            assert!(time > 1_500_000_000_000_000_000);
            (call, stream, String::from_utf8(fields.bytes().unwrap().to_vec()).unwrap())
        };
        Vec::into_iter(mine).map(parse).collect()
    }

    pub fn stats(&mut self) -> String {
        let frame = self.call(&Request::Stats);
        String::from_utf8(FieldReader::new(&frame.payload).bytes().unwrap().to_vec()).unwrap()
    }

    /// Asks for figures until they hold `text`.
    pub fn await_stats(&mut self, text: &str) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let stats = self.stats();
            if stats.contains(text) {
                return;
            }
            assert!(Instant::now() < deadline, "no {text} in {stats}");
        }
    }
}

/// FAILED's status and words.
pub fn failure(frame: &Frame) -> (u8, String) {
    assert_eq!(frame.kind, kind::FAILED);
    let mut fields = FieldReader::new(&frame.payload);
    (fields.u8().unwrap(), String::from_utf8(fields.bytes().unwrap().to_vec()).unwrap())
}
