//! How a program becomes its own worker without a word in its `main`: the loader calls [`before_main`] as it
//! calls constructors of static objects in C++. A program that was started as a worker never gets further.
//!
//! Chosen over the alternatives: a worker program beside the binary is one more file to ship, to find and to
//! keep at the same version, and there is none in `cargo test`; a call in `main` is forgotten, and impossible
//! under `#[tokio::main]` and the test harness; a fork without exec would hand the worker all the memory of
//! the host, its secrets too, and locks that no thread will release. Only a program that has neither yet, in the
//! first line of its `main`, may have one worker that way ([`super::early`]): it saves loading the program again.
//!
//! It cannot recurse: a process in whose environment [`VARIABLE`] is set serves its host or ends, so that the
//! program's own `main` never runs in a worker; and a host starts itself as a worker only if it is itself a
//! program whose loader has called [`before_main`].
#![expect(unsafe_code, reason = "a place in a section of the binary, and two system calls that no safe crate has")]

use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::panic::AssertUnwindSafe;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use super::serve;

/// Set in the environment of a worker, to the number of the process that it works for. A worker has no other
/// variables of its host's but those that say where shared libraries are.
pub(crate) const VARIABLE: &str = "SEALPRESS_PRESS_WORKER";

static LINKED: AtomicBool = AtomicBool::new(false);

#[used]
#[cfg_attr(not(target_vendor = "apple"), unsafe(link_section = ".init_array"))]
#[cfg_attr(target_vendor = "apple", unsafe(link_section = "__DATA,__mod_init_func"))]
static BEFORE_MAIN: extern "C" fn() = before_main;

/// In every program that links this crate: one look at the environment.
extern "C" fn before_main() {
    LINKED.store(true, Ordering::Relaxed);
    let Some(host) = std::env::var_os(VARIABLE) else { return };
    // First of all: what the host had open is none of ours.
    let closed = close_inherited();
    let host = host.to_str().and_then(|host| host.parse().ok());
    let socket = io::stdin().as_fd().try_clone_to_owned().map(UnixStream::from);
    match (host, socket) {
        (Some(host), Ok(socket)) if is_child_of(host, &socket) => work(socket, closed),
        _ => {
            eprintln!("{VARIABLE} is set, but no sealpress has started this program");
            end(2)
        }
    }
}

/// The whole life of a worker.
pub(super) fn work(socket: UnixStream, closed: io::Result<()>) -> ! {
    // The host sees the end of the socket either way; the code is for a person with strace.
    let served = std::panic::catch_unwind(AssertUnwindSafe(|| serve::serve(socket, closed)));
    end(i32::from(!matches!(served, Ok(Ok(())))))
}

/// Not `std::process::exit`: what the program has registered for its end is not ours to run.
pub(super) fn end(code: i32) -> ! {
    // SAFETY: ends the process; takes no pointer.
    unsafe { libc::_exit(code) }
}

/// Whether the process of this number is the parent and made the other end of the socket.
fn is_child_of(host: i32, socket: &UnixStream) -> bool {
    let parent = rustix::process::getppid().map_or(0, |parent| parent.as_raw_nonzero().get());
    #[cfg(target_os = "linux")]
    let made_by = rustix::net::sockopt::socket_peercred(socket).map_or(0, |peer| peer.pid.as_raw_nonzero().get());
    #[cfg(not(target_os = "linux"))]
    let made_by = socket.peer_addr().map_or(0, |_| parent);
    parent == host && made_by == host
}

/// Whether this program, started again, would come to [`before_main`].
pub(crate) fn is_own_worker() -> io::Result<bool> {
    static KNOWN: OnceLock<bool> = OnceLock::new();
    if let Some(known) = KNOWN.get() {
        return Ok(*known);
    }
    let is = LINKED.load(Ordering::Relaxed) && is_in_the_program()?;
    Ok(*KNOWN.get_or_init(|| is))
}

/// Whether this code lies in the program's own file, and not in a shared library that it has loaded.
#[cfg(target_os = "linux")]
fn is_in_the_program() -> io::Result<bool> {
    let program = std::fs::read_link("/proc/self/exe")?;
    let here = before_main as *const () as usize;
    let maps = std::fs::read_to_string("/proc/self/maps")?;
    Ok(maps.lines().any(|line| {
        // 55d0c0a00000-55d0c0a80000 r-xp 00000000 fe:01 1234   /usr/bin/program
        let Some((range, rest)) = line.split_once(' ') else { return false };
        let bounds = range.split_once('-');
        let within = bounds.is_some_and(|(from, to)| {
            let bound = |text: &str| usize::from_str_radix(text, 16).unwrap_or(0);
            (bound(from)..bound(to)).contains(&here)
        });
        within && rest.find('/').is_some_and(|at| rest[at..] == *program.to_string_lossy())
    }))
}

#[cfg(not(target_os = "linux"))]
fn is_in_the_program() -> io::Result<bool> {
    Ok(true)
}

/// Closes what the host had open without `CLOEXEC`: everything but the three standard descriptors, of which
/// one is the socket and two lead nowhere.
#[cfg(target_os = "linux")]
pub(super) fn close_inherited() -> io::Result<()> {
    // SAFETY: the call takes three numbers and no pointer. Nothing in this process owns a descriptor
    // that it could close under its owner: either no `main` came before, or a fork in its first line, whose own two
    // descriptors were given up for this call. There is no other thread.
    let closed = unsafe { libc::syscall(libc::SYS_close_range, 3u32, u32::MAX, 0u32) };
    if closed == 0 {
        return Ok(());
    }
    // Kernels before 5.9.
    let open: Vec<i32> = std::fs::read_dir("/proc/self/fd")?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|number| *number > 2)
        .collect();
    for number in open {
        // SAFETY: as above; the one number that was the folder's own is closed already, which is no more
        // than an error.
        unsafe { libc::close(number) };
    }
    Ok(())
}

/// Other platforms have no lock that an open descriptor would weaken.
#[cfg(not(target_os = "linux"))]
pub(super) fn close_inherited() -> io::Result<()> {
    Ok(())
}
