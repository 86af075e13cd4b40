//! Files that try to break out, as a decoder would that was taken over: for tests of the lock, and compiled for
//! them only (feature `escapes`). Such a file is a JPEG whose first comment names what to try.
#![expect(unsafe_code, reason = "an attacker makes system calls as it likes")]

use std::ffi::c_void;
use std::time::Duration;

use sealpress_media::{Fault, Media, Refusal, RefusalKind};

/// What the comment begins with: marker, length, this.
const MARK: &[u8] = b"sealpress-escape:";

/// Does what the file says, if it says something. What is left of the process then presses on, or says in a
/// refusal which of the calls were refused: `NAME=ERRNO` each, or `NAME=WORKED`.
pub(crate) fn attempt(media: &Media) -> Result<(), Refusal> {
    let Some(order) = media.bytes().get(6..).and_then(|rest| rest.strip_prefix(MARK)) else { return Ok(()) };
    let order = order.split(|byte| *byte == b';').next().unwrap_or_default();
    let order = String::from_utf8_lossy(order);
    let (what, argument) = order.split_once(' ').unwrap_or((&order, ""));
    let tried = match what {
        "abort" => std::process::abort(),
        "exit" => std::process::exit(3),
        "segfault" => segfault(),
        "overflow" => vec![format!("overflow={}", overflow(1))],
        "spin" => spin(),
        "sleep" => {
            std::thread::sleep(Duration::from_secs(3600));
            Vec::new()
        }
        "allocate" => allocate(),
        "kill-self" => vec![call("kill-self", libc::SYS_tgkill, [own_pid(), own_pid(), 9, 0, 0, 0])],
        "garbage" => garbage(argument),
        "calls" => calls(argument.parse().unwrap_or(0)),
        other => vec![format!("{other}=UNKNOWN")],
    };
    Err(Refusal::new(RefusalKind::Internal, Fault::Internal, tried.join(" ")))
}

fn own_pid() -> i64 {
    i64::from(std::process::id())
}

fn call(name: &str, number: i64, arguments: [i64; 6]) -> String {
    let [a, b, c, d, e, f] = arguments;
    // SAFETY: none is claimed: this is what a taken-over process does, and it is run in a worker alone. Pointers
    // among the arguments point to memory that outlives the call.
    let answer = unsafe { libc::syscall(number, a, b, c, d, e, f) };
    if answer >= 0 {
        return format!("{name}=WORKED");
    }
    match std::io::Error::last_os_error().raw_os_error() {
        Some(libc::EPERM) => format!("{name}=EPERM"),
        Some(libc::ENOSYS) => format!("{name}=ENOSYS"),
        Some(other) => format!("{name}=errno-{other}"),
        None => format!("{name}=?"),
    }
}

/// Every call that would reach beyond the worker. `host` is the number of the process that it works for.
fn calls(host: i64) -> Vec<String> {
    born_as();
    let path = c"/etc/passwd".as_ptr() as i64;
    let program = c"/bin/true".as_ptr() as i64;
    let name = c"escape".as_ptr() as i64;
    let mut pair = [0i32; 2];
    let pair = pair.as_mut_ptr() as i64;
    let zeros = [0u64; 16];
    let zeros = zeros.as_ptr() as i64;
    let page = 4096;
    let (anonymous, grows, huge) =
        (i64::from(libc::MAP_ANONYMOUS), i64::from(libc::MAP_GROWSDOWN), i64::from(libc::MAP_HUGETLB));
    let (shared, validate, private) =
        (i64::from(libc::MAP_SHARED), i64::from(libc::MAP_SHARED_VALIDATE), i64::from(libc::MAP_PRIVATE));
    let map = |what: &str, flags: i64| call(what, libc::SYS_mmap, [0, page, 3, flags, -1, 0]);
    let signal = i64::from(libc::SIGTERM);
    let clone = |what: &str, flags: i64| {
        let tried = call(what, libc::SYS_clone, [flags, 0, 0, 0, 0, 0]);
        if tried.ends_with("WORKED") && own_pid() != born_as() {
            // The child of a fork that worked must not answer a second time.
            std::process::exit(0);
        }
        tried
    };
    let sigchld = i64::from(libc::SIGCHLD);
    vec![
        // Signals.
        call("kill-host", libc::SYS_kill, [host, signal, 0, 0, 0, 0]),
        call("kill-all", libc::SYS_kill, [-1, signal, 0, 0, 0, 0]),
        call("kill-init", libc::SYS_kill, [1, 0, 0, 0, 0, 0]),
        call("tkill-host", libc::SYS_tkill, [host, signal, 0, 0, 0, 0]),
        call("tgkill-host", libc::SYS_tgkill, [host, host, signal, 0, 0, 0]),
        call("tgkill-init", libc::SYS_tgkill, [1, 1, 0, 0, 0, 0]),
        call("sigqueue-host", libc::SYS_rt_sigqueueinfo, [host, signal, zeros, 0, 0, 0]),
        call("tgsigqueue-host", libc::SYS_rt_tgsigqueueinfo, [host, host, signal, zeros, 0, 0]),
        call("pidfd-open", libc::SYS_pidfd_open, [host, 0, 0, 0, 0, 0]),
        // Processes and namespaces.
        clone("fork", sigchld),
        clone("vfork", i64::from(libc::CLONE_VFORK | libc::CLONE_VM) | sigchld),
        clone("clone-parent", i64::from(libc::CLONE_PARENT) | sigchld),
        clone("clone-newuser", i64::from(libc::CLONE_NEWUSER) | sigchld),
        clone("clone-newpid", i64::from(libc::CLONE_NEWUSER | libc::CLONE_NEWPID) | sigchld),
        clone(
            "thread-newuser",
            i64::from(libc::CLONE_THREAD | libc::CLONE_VM | libc::CLONE_SIGHAND | libc::CLONE_FILES)
                | i64::from(libc::CLONE_NEWUSER),
        ),
        call("clone3", libc::SYS_clone3, [zeros, 64, 0, 0, 0, 0]),
        call("unshare-user", libc::SYS_unshare, [i64::from(libc::CLONE_NEWUSER), 0, 0, 0, 0, 0]),
        call("unshare-net", libc::SYS_unshare, [i64::from(libc::CLONE_NEWNET), 0, 0, 0, 0, 0]),
        call("setns", libc::SYS_setns, [0, 0, 0, 0, 0, 0]),
        call("execve", libc::SYS_execve, [program, zeros, zeros, 0, 0, 0]),
        call("execveat", libc::SYS_execveat, [-100, program, zeros, zeros, 0, 0]),
        call("ptrace-host", libc::SYS_ptrace, [16, host, 0, 0, 0, 0]),
        call("read-host", libc::SYS_process_vm_readv, [host, zeros, 1, zeros, 1, 0]),
        call("write-host", libc::SYS_process_vm_writev, [host, zeros, 1, zeros, 1, 0]),
        call("prctl-dumpable", libc::SYS_prctl, [4, 1, 0, 0, 0, 0]),
        call("prctl-deathsig", libc::SYS_prctl, [1, 0, 0, 0, 0, 0]),
        call("raise-limit", libc::SYS_prlimit64, [0, i64::from(libc::RLIMIT_DATA), zeros, 0, 0, 0]),
        call("setpgid", libc::SYS_setpgid, [0, host, 0, 0, 0, 0]),
        call("setsid", libc::SYS_setsid, [0; 6]),
        call("nice-host", libc::SYS_setpriority, [0, host, 19, 0, 0, 0]),
        // Files.
        call("open", libc::SYS_openat, [-100, path, 0, 0, 0, 0]),
        call("openat2", libc::SYS_openat2, [-100, path, zeros, 24, 0, 0]),
        call("open-by-handle", libc::SYS_open_by_handle_at, [-100, zeros, 0, 0, 0, 0]),
        call("stat", libc::SYS_newfstatat, [-100, path, zeros, 0, 0, 0]),
        call("unlink", libc::SYS_unlinkat, [-100, path, 0, 0, 0, 0]),
        call("mkdir", libc::SYS_mkdirat, [-100, name, 0o755, 0, 0, 0]),
        call("chdir", libc::SYS_chdir, [path, 0, 0, 0, 0, 0]),
        call("mount", libc::SYS_mount, [name, path, name, 0, 0, 0]),
        call("memfd", libc::SYS_memfd_create, [name, 0, 0, 0, 0, 0]),
        call("pipe", libc::SYS_pipe2, [pair, 0, 0, 0, 0, 0]),
        call("dup", libc::SYS_dup, [0, 0, 0, 0, 0, 0]),
        call("fcntl-setown", libc::SYS_fcntl, [0, 8, host, 0, 0, 0]),
        call("ioctl", libc::SYS_ioctl, [0, 0x5401, zeros, 0, 0, 0]),
        call("io-uring", libc::SYS_io_uring_setup, [8, zeros, 0, 0, 0, 0]),
        // The network.
        call("socket-inet", libc::SYS_socket, [2, 1, 0, 0, 0, 0]),
        call("socket-unix", libc::SYS_socket, [1, 1, 0, 0, 0, 0]),
        call("socket-netlink", libc::SYS_socket, [16, 3, 0, 0, 0, 0]),
        call("socketpair", libc::SYS_socketpair, [1, 1, 0, pair, 0, 0]),
        call("connect", libc::SYS_connect, [0, zeros, 16, 0, 0, 0]),
        call("sendto-address", libc::SYS_sendto, [0, zeros, 1, 0, zeros, 16]),
        call("sendmsg", libc::SYS_sendmsg, [0, zeros, 0, 0, 0, 0]),
        call("recvmsg", libc::SYS_recvmsg, [0, zeros, 0x40, 0, 0, 0]),
        // Memory that no limit counts.
        map("map-shared", shared | anonymous),
        map("map-shared-validate", validate | anonymous),
        map("map-growsdown", private | anonymous | grows),
        map("map-huge", private | anonymous | huge),
        call("shmget", libc::SYS_shmget, [0, page, 0o1600, 0, 0, 0]),
        call("reserve-a-terabyte", libc::SYS_mmap, [0, 1 << 40, 1, private | anonymous | 0x4000, -1, 0]),
        // The kernel's own doors.
        call("bpf", libc::SYS_bpf, [0, zeros, 0, 0, 0, 0]),
        call("keyctl", libc::SYS_keyctl, [0; 6]),
        call("userfaultfd", libc::SYS_userfaultfd, [0; 6]),
        call("perf", libc::SYS_perf_event_open, [zeros, 0, -1, -1, 0, 0]),
        call("seccomp", libc::SYS_seccomp, [2, 0, 0, 0, 0, 0]),
    ]
    .into_iter()
    .chain(inherited())
    .collect()
}

/// The number that this process had when it was started: a forked child has another.
fn born_as() -> i64 {
    static BORN: std::sync::OnceLock<i64> = std::sync::OnceLock::new();
    *BORN.get_or_init(own_pid)
}

/// Descriptors beyond the socket's first number that are open.
fn inherited() -> Vec<String> {
    let mut byte = 0u8;
    let byte = std::ptr::from_mut(&mut byte) as i64;
    (1..64)
        .filter_map(|number| {
            // To read or write nothing tells an open descriptor from a closed one, and waits for nobody.
            let is_open = |way| call("", way, [number, byte, 0, 0, 0, 0]) == "=WORKED";
            (is_open(libc::SYS_read) || is_open(libc::SYS_write)).then(|| format!("fd-{number}=OPEN"))
        })
        .collect()
}

fn segfault() -> ! {
    // SAFETY: none: the process is to die of it.
    unsafe { std::ptr::null_mut::<u8>().wrapping_add(8).write_volatile(1) };
    std::process::exit(4)
}

fn overflow(depth: u64) -> u64 {
    let room = std::hint::black_box([depth; 512]);
    if depth == 0 { room[0] } else { overflow(depth + 1) + room[511] }
}

fn spin() -> ! {
    let mut n = 1u64;
    loop {
        n = std::hint::black_box(n.wrapping_mul(31).wrapping_add(7));
    }
}

/// Takes memory and writes to it until there is none, then does what Rust does: aborts.
fn allocate() -> ! {
    let mut held = Vec::new();
    loop {
        held.push(std::hint::black_box(vec![1u8; 16 << 20]));
    }
}

/// Bytes that are no frame, straight to the host.
fn garbage(kind: &str) -> Vec<String> {
    let bytes: Vec<u8> = match kind {
        // Lengths beyond what was agreed.
        "long" => vec![0xFF; 64],
        // A header that is no JSON.
        "noise" => [&16u32.to_le_bytes()[..], &0u64.to_le_bytes(), &[0x5A; 16]].concat(),
        // A kind of refusal that there is not.
        "kind" => {
            let header = br#"{"Refused":{"kind":"approved","fault":"input","message":""}}"#;
            let length = u32::try_from(header.len()).unwrap_or(0);
            [&length.to_le_bytes()[..], &0u64.to_le_bytes(), header].concat()
        }
        // The right frame over the wrong file.
        "format" => {
            let header = br#"{"Pressed":{"format":"jpeg","output_format":"jpeg","actions":[],"warnings":[]}}"#;
            let length = u32::try_from(header.len()).unwrap_or(0);
            [&length.to_le_bytes()[..], &8u64.to_le_bytes(), header, b"%PDF-1.7"].concat()
        }
        _ => Vec::new(),
    };
    // SAFETY: as in `call`; the bytes outlive it.
    unsafe { libc::write(0, bytes.as_ptr().cast::<c_void>(), bytes.len()) };
    spin()
}
