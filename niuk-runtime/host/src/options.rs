//! The command line. Pure.

use std::ffi::OsString;
use std::path::PathBuf;

/// Where the controller is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transport {
    /// Accept connections on a unix socket.
    Listen(PathBuf),
    /// Connect to a unix socket; end when it closes.
    Connect(PathBuf),
    /// An open descriptor of a stream socket; end when it closes.
    Descriptor(i32),
    /// Accept connections on a vsock port.
    VsockListen(u32),
    /// Connect to a vsock port of a context (2: the hypervisor).
    VsockConnect(u32, u32),
    /// A virtio-serial port.
    Serial(PathBuf),
}

/// How to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Where the controller is.
    pub transport: Transport,
    /// Folder for streamed libraries.
    pub folder: PathBuf,
    /// Limit of private writable memory, bytes.
    pub data_limit: Option<u64>,
    /// Leave all system calls to functions.
    pub unconfined: bool,
    /// Print `ready` with the microseconds since the start, for measuring.
    pub announce: bool,
    /// Bring up the network of a VM.
    pub net: bool,
    /// Give up root and all its rights for this user and group.
    pub user: Option<u32>,
    /// Be scheduled as a batch process.
    pub batch: bool,
}

/// How to call the program.
pub const USAGE: &str = "\
niuk-host: the only program inside a NIUk

  niuk-host TRANSPORT [OPTIONS]

TRANSPORT is one of
  --listen PATH             accept connections on a unix socket
  --connect PATH            connect to a unix socket, end when it closes
  --fd NUMBER               use an inherited stream socket, end when it closes
  --vsock-listen PORT       accept connections on a vsock port
  --vsock-connect CID:PORT  connect to a vsock port
  --serial DEVICE           use a virtio-serial port

OPTIONS
  --folder PATH             where streamed libraries are kept (default /tmp)
  --data-limit BYTES        limit of private writable memory
  --unconfined              install no system call filter
  --announce                print 'ready' and the microseconds since the start
  --net                     bring up the network of a VM (as PID 1 only)
  --user ID                 become this user and group without any right (from root)
  --batch                   be scheduled as a batch process
";

/// Parses the arguments behind the program's name; `Err` in words.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Options, String> {
    let mut arguments = arguments.into_iter();
    let (mut transport, mut folder) = (None, PathBuf::from("/tmp"));
    let (mut data_limit, mut unconfined, mut announce, mut net) = (None, false, false, false);
    let (mut user, mut batch) = (None, false);
    while let Some(name) = arguments.next() {
        let name = name.to_string_lossy().into_owned();
        match name.as_str() {
            "--unconfined" => unconfined = true,
            "--announce" => announce = true,
            "--net" => net = true,
            "--batch" => batch = true,
            _ => {
                let value = arguments.next().ok_or_else(|| format!("{name} needs a value, or is unknown"))?;
                match name.as_str() {
                    "--folder" => folder = value.into(),
                    "--user" => user = Some(number(&name, &value)?),
                    "--data-limit" => data_limit = Some(number(&name, &value)?),
                    _ => transport = Some(parse_transport(&name, value)?),
                }
            }
        }
    }
    let transport = transport.ok_or("no transport given")?;
    Ok(Options { transport, folder, data_limit, unconfined, announce, net, user, batch })
}

fn parse_transport(name: &str, value: OsString) -> Result<Transport, String> {
    Ok(match name {
        "--listen" => Transport::Listen(value.into()),
        "--connect" => Transport::Connect(value.into()),
        "--serial" => Transport::Serial(value.into()),
        "--fd" => Transport::Descriptor(number(name, &value)?),
        "--vsock-listen" => Transport::VsockListen(number(name, &value)?),
        "--vsock-connect" => {
            let text = value.to_string_lossy();
            let (cid, port) = text.split_once(':').ok_or_else(|| format!("{name}: {text} is not CID:PORT"))?;
            Transport::VsockConnect(number(name, cid.as_ref())?, number(name, port.as_ref())?)
        }
        _ => return Err(format!("unknown option {name}")),
    })
}

fn number<T: std::str::FromStr>(name: &str, value: &std::ffi::OsStr) -> Result<T, String> {
    value.to_str().and_then(|text| text.parse().ok()).ok_or_else(|| format!("{name}: {value:?} is not such a number"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_words(line: &str) -> Result<Options, String> {
        parse(line.split_whitespace().map(OsString::from))
    }

    #[test]
    fn understands_every_transport() {
        let cases = [
            ("--listen /a", Transport::Listen("/a".into())),
            ("--connect /a", Transport::Connect("/a".into())),
            ("--fd 3", Transport::Descriptor(3)),
            ("--vsock-listen 5000", Transport::VsockListen(5000)),
            ("--vsock-connect 2:5000", Transport::VsockConnect(2, 5000)),
            ("--serial /dev/vport0p1", Transport::Serial("/dev/vport0p1".into())),
        ];
        for (line, transport) in cases {
            assert_eq!(parse_words(line).unwrap().transport, transport);
        }
    }

    #[test]
    fn understands_options_and_names_what_is_wrong() {
        let options = parse_words("--fd 3 --folder /f --data-limit 1000 --unconfined").unwrap();
        assert_eq!((options.folder, options.data_limit), (PathBuf::from("/f"), Some(1000)));
        assert!(options.unconfined && !options.announce);
        let options = parse_words("--fd 3 --user 1000001 --batch").unwrap();
        assert_eq!((options.user, options.batch), (Some(1_000_001), true));
        for (line, word) in [
            ("", "transport"),
            ("--fd x", "--fd"),
            ("--fd", "--fd"),
            ("--nonsense 1", "--nonsense"),
            ("--vsock-connect 5", "CID:PORT"),
            ("--fd 3 --data-limit -1", "--data-limit"),
            ("--fd 3 --user root", "--user"),
        ] {
            assert!(parse_words(line).unwrap_err().contains(word), "{line}");
        }
    }
}
