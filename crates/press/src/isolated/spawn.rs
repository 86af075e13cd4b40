//! One thread starts all workers. A worker dies with the thread that started it (that is what the kernel
//! offers: `PR_SET_PDEATHSIG` looks at the thread, not at its process), and the threads of a pool come and
//! go; this one ends with the process.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};

use super::child::Child;
use super::early;
use super::start::{VARIABLE, is_own_worker};

/// Variables of the host's that a worker gets: where the loader finds shared libraries.
const KEPT: [&str; 2] = ["LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"];

/// Who starts, and in which process: after a fork without exec there is no such thread any more.
static STARTER: Mutex<Option<(u32, SyncSender<Order>)>> = Mutex::new(None);

struct Order {
    command: Command,
    done: SyncSender<io::Result<Child>>,
}

/// Starts a worker and gives its process and this end of the socket.
pub(crate) fn spawn(program: Option<&Path>) -> io::Result<(Child, UnixStream)> {
    let program = match program {
        None if let Some(early) = early::take() => return Ok(early),
        Some(program) => program.to_owned(),
        None if is_own_worker()? => this_program()?,
        None => {
            return Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "this code was loaded into another program, which cannot be its own worker; name one that can",
            ));
        }
    };
    let (ours, theirs) = UnixStream::pair()?;
    let mut command = Command::new(program);
    command
        .arg0("sealpress-press-worker")
        .env_clear()
        .env(VARIABLE, std::process::id().to_string())
        .current_dir("/")
        .process_group(0)
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    for name in KEPT {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    Ok((start(command)?, ours))
}

/// The program that runs now, even if its file was replaced meanwhile.
fn this_program() -> io::Result<PathBuf> {
    if cfg!(target_os = "linux") { Ok("/proc/self/exe".into()) } else { std::env::current_exe() }
}

fn start(command: Command) -> io::Result<Child> {
    let starter = starter()?;
    let (done, outcome) = sync_channel(1);
    let gone = || io::Error::other("the thread that starts workers has ended");
    starter.send(Order { command, done }).map_err(|_| gone())?;
    outcome.recv().map_err(|_| gone())?
}

fn starter() -> io::Result<SyncSender<Order>> {
    let mut starter = STARTER.lock().unwrap_or_else(PoisonError::into_inner);
    let here = std::process::id();
    if let Some((process, sender)) = &*starter
        && *process == here
    {
        return Ok(sender.clone());
    }
    let (sender, orders) = sync_channel(0);
    std::thread::Builder::new().name("press-starter".into()).stack_size(128 << 10).spawn(move || work(&orders))?;
    *starter = Some((here, sender.clone()));
    Ok(sender)
}

fn work(orders: &Receiver<Order>) {
    while let Ok(Order { mut command, done }) = orders.recv() {
        // Whoever ordered it may be gone; then the process ends for want of a host.
        let _ = done.send(command.spawn().map(|child| Child::new(rustix::process::Pid::from_child(&child))));
    }
}
