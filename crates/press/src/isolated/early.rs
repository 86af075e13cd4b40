//! One worker by fork, for programs of a single file: loading the program a second time costs more there than
//! most documents do.
//!
//! What speaks against forks elsewhere (see [`super::start`]) does not hold in the first line of `main`: there is
//! one thread, and nothing in memory but the arguments and the environment, which the worker wipes before it
//! locks itself down. What is left: it lies at the same addresses as its host, and knows the arguments.
#![expect(unsafe_code, reason = "fork, and the strings of the environment, which no safe crate lets one wipe")]

use std::ffi::{CStr, c_char};
use std::io;
use std::os::fd::{AsFd, IntoRawFd};
use std::os::unix::net::UnixStream;
use std::sync::{Mutex, PoisonError};

use rustix::process::Pid;
use rustix::stdio;

use super::child::Child;
use super::start::{close_inherited, end, work};

/// The worker that waits for whoever needs one first.
static EARLY: Mutex<Option<(u32, Child, UnixStream)>> = Mutex::new(None);

/// Forks this program's first worker, for the first press in worker processes that needs one. To be called in the
/// first line of `main`: only then is there nothing in memory that a worker must not have. Where it cannot be
/// done (there is another thread already, or the platform is not Linux with glibc), nothing happens, and workers
/// are this program started again, as they are without this call.
pub fn fork_first_worker() {
    if cfg!(all(target_os = "linux", target_env = "gnu")) && is_single_threaded() {
        // A failure is of no consequence: see above.
        let forked = fork().ok();
        *EARLY.lock().unwrap_or_else(PoisonError::into_inner) =
            forked.map(|(child, socket)| (std::process::id(), child, socket));
    }
}

/// The worker that was forked, once, if it still lives and is a child of this process.
pub(super) fn take() -> Option<(Child, UnixStream)> {
    let (host, mut child, socket) = EARLY.lock().unwrap_or_else(PoisonError::into_inner).take()?;
    (host == std::process::id() && matches!(child.try_wait(), Ok(None))).then_some((child, socket))
}

fn is_single_threaded() -> bool {
    std::fs::read_dir("/proc/self/task").is_ok_and(|threads| threads.count() == 1)
}

fn fork() -> io::Result<(Child, UnixStream)> {
    let (ours, theirs) = UnixStream::pair()?;
    // SAFETY: this is the only thread of the process, so that whatever the child calls finds every lock free and
    // every structure whole.
    let child = unsafe { libc::fork() };
    if child == 0 {
        drop(ours);
        wipe_environment();
        let socket = settle(theirs).and_then(|()| io::stdin().as_fd().try_clone_to_owned());
        match socket {
            Ok(socket) => work(socket.into(), Ok(())),
            Err(_) => end(1),
        }
    }
    Ok((Child::new(Pid::from_raw(child).filter(|_| child > 0).ok_or_else(io::Error::last_os_error)?), ours))
}

/// What a worker that is started by its name gets from whoever starts it: the socket as its only descriptor, a
/// process group of its own, no folder.
fn settle(socket: UnixStream) -> io::Result<()> {
    stdio::dup2_stdin(&socket)?;
    let nowhere = std::fs::File::options().read(true).write(true).open("/dev/null")?;
    stdio::dup2_stdout(&nowhere)?;
    stdio::dup2_stderr(&nowhere)?;
    rustix::process::setpgid(None, None)?;
    std::env::set_current_dir("/")?;
    // Both are closed with all others.
    let _ = (socket.into_raw_fd(), nowhere.into_raw_fd());
    close_inherited()
}

/// Overwrites the strings of the environment where the kernel has put them.
fn wipe_environment() {
    unsafe extern "C" {
        static mut environ: *const *mut c_char;
    }
    #[expect(clippy::multiple_unsafe_ops_per_block, reason = "one list, argued as a whole")]
    // SAFETY: the only thread of a process that has just been forked: nobody else reads or writes the environment.
    // It is a list of pointers to strings, all of them writable, that ends with a null pointer (environ(7));
    // each string is overwritten up to its own end, and stays one: an empty one.
    unsafe {
        let mut variable = environ;
        while !variable.is_null() && !(*variable).is_null() {
            let text = *variable;
            text.write_bytes(0, CStr::from_ptr(text).count_bytes());
            variable = variable.add(1);
        }
    }
}
