//! Libraries and code, by content hash: given by path or streamed in pieces.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use sha2::{Digest, Sha256};

use crate::request::{Artifact, Load};
use crate::sync::lock;
use crate::sys::library::FunctionLibrary;
use crate::wire::Hash;

/// Largest library, bytes.
pub const LARGEST_LIBRARY: u64 = 1024 * 1024 * 1024;
/// Largest code, bytes (an action's code is 48 MiB at most).
pub const LARGEST_CODE: u64 = 64 * 1024 * 1024;

/// What is loaded.
pub struct Artifacts {
    /// Private folder for streamed libraries.
    folder: PathBuf,
    libraries: Mutex<HashMap<Hash, Arc<FunctionLibrary>>>,
    codes: Mutex<HashMap<Hash, Arc<Vec<u8>>>>,
}

impl Artifacts {
    /// Nothing loaded; streamed libraries will lie in `folder`.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder, libraries: Mutex::default(), codes: Mutex::default() }
    }

    /// A loaded library.
    pub fn library(&self, hash: &Hash) -> Option<Arc<FunctionLibrary>> {
        lock(&self.libraries).get(hash).cloned()
    }

    /// Loaded code; all zeros is the empty code of a compiled function.
    pub fn code(&self, hash: &Hash) -> Option<Arc<Vec<u8>>> {
        if *hash == [0; 32] {
            return Some(Arc::default());
        }
        lock(&self.codes).get(hash).cloned()
    }

    /// Whether an artifact of this kind and hash is here.
    pub fn has(&self, artifact: Artifact, hash: &Hash) -> bool {
        match artifact {
            Artifact::Library => lock(&self.libraries).contains_key(hash),
            Artifact::Code => lock(&self.codes).contains_key(hash),
        }
    }

    /// How many libraries are mapped.
    pub fn library_count(&self) -> usize {
        lock(&self.libraries).len()
    }

    /// Forgets code. A library stays mapped (see [`FunctionLibrary`]), so it stays known as well.
    pub fn unload(&self, hash: &Hash) -> bool {
        lock(&self.codes).remove(hash).is_some() || lock(&self.libraries).contains_key(hash)
    }

    /// Loads from a file; `Err` is for the controller, in words.
    pub fn load_path(&self, load: &Load) -> Result<(), String> {
        let path = Path::new(&load.path);
        if load.artifact == Artifact::Code {
            let bytes = read_code(path).map_err(|error| format!("{}: {error}", load.path))?;
            return self.keep_code(load.hash, bytes);
        }
        if load.verify && hash_file(path).map_err(|error| format!("{}: {error}", load.path))? != load.hash {
            return Err(format!("{}: its content has another hash", load.path));
        }
        self.open_library(load.hash, path)
    }

    fn open_library(&self, hash: Hash, path: &Path) -> Result<(), String> {
        let library = FunctionLibrary::open(path).map_err(|error| error.to_string())?;
        lock(&self.libraries).entry(hash).or_insert_with(|| Arc::new(library));
        Ok(())
    }

    fn keep_code(&self, hash: Hash, bytes: Vec<u8>) -> Result<(), String> {
        if <[u8; 32]>::from(Sha256::digest(&bytes)) != hash {
            return Err("the code's content has another hash".into());
        }
        lock(&self.codes).insert(hash, Arc::new(bytes));
        Ok(())
    }
}

fn read_code(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(LARGEST_CODE + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST_CODE {
        return Err(io::Error::other(format!("larger than {LARGEST_CODE} bytes")));
    }
    Ok(bytes)
}

fn hash_file(path: &Path) -> io::Result<Hash> {
    let mut hasher = Sha256::new();
    let mut file = File::open(path)?;
    let mut buffer = vec![0; 256 * 1024];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hasher.finalize().into()),
            got => hasher.update(buffer.get(..got).unwrap_or_default()),
        }
    }
}

/// A streamed artifact on its way; dropped half-way it leaves nothing behind.
pub struct Upload {
    load: Load,
    hasher: Sha256,
    received: u64,
    into: Sink,
}

enum Sink {
    Memory(Vec<u8>),
    File(File, PathBuf),
}

impl Upload {
    /// Opens an upload; `Err` in words.
    pub fn begin(artifacts: &Artifacts, load: Load, number: u64) -> Result<Self, String> {
        let largest = if load.artifact == Artifact::Code { LARGEST_CODE } else { LARGEST_LIBRARY };
        if load.size == 0 || load.size > largest {
            return Err(format!("a size of {} bytes; 1 to {largest} are allowed", load.size));
        }
        let into = match load.artifact {
            Artifact::Code => Sink::Memory(Vec::new()),
            Artifact::Library => {
                let path = artifacts.folder.join(format!("{number}.part"));
                let file = OpenOptions::new().write(true).create_new(true).mode(0o700).open(&path);
                Sink::File(file.map_err(|error| format!("{}: {error}", path.display()))?, path)
            }
        };
        Ok(Self { load, hasher: Sha256::new(), received: 0, into })
    }

    /// Takes the next piece; `Ok(true)` when it was the last.
    pub fn take(&mut self, offset: u64, bytes: &[u8]) -> Result<bool, String> {
        let after = self.received + bytes.len() as u64;
        if offset != self.received || after > self.load.size {
            return Err(format!("a piece at {offset} with {} bytes; {} was next", bytes.len(), self.received));
        }
        self.hasher.update(bytes);
        match &mut self.into {
            Sink::Memory(all) => all.extend_from_slice(bytes),
            Sink::File(file, path) => {
                file.write_all(bytes).map_err(|error| format!("{}: {error}", path.display()))?;
            }
        }
        self.received = after;
        Ok(after == self.load.size)
    }

    /// Checks the hash and loads. `Err` in words.
    pub fn finish(mut self, artifacts: &Artifacts) -> Result<(), String> {
        let hash = self.load.hash;
        if <[u8; 32]>::from(std::mem::take(&mut self.hasher).finalize()) != hash {
            return Err("the content has another hash".into());
        }
        match std::mem::replace(&mut self.into, Sink::Memory(Vec::new())) {
            Sink::Memory(bytes) => artifacts.keep_code(hash, bytes),
            Sink::File(file, part) => {
                // A file that is open for writing may not be mapped for execution everywhere.
                drop(file);
                let path = part.with_file_name(format!("{}.so", hex(&hash)));
                fs::rename(&part, &path).map_err(|error| format!("{}: {error}", path.display()))?;
                artifacts.open_library(hash, &path).inspect_err(|_| drop(fs::remove_file(&path)))
            }
        }
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if let Sink::File(_, path) = &self.into {
            // It may be gone with its folder.
            let _ = fs::remove_file(path);
        }
    }
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from(if value < 10 { b'0' + value } else { b'a' + value - 10 });
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}
