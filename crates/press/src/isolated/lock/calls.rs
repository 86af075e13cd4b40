//! The system calls that are left: memory of its own, the socket that is already open, threads of its own,
//! clocks, the end. A call that is not on the list fails with `EPERM`, so that a library which merely asks goes
//! on without an answer, while nothing can be opened, connected, signalled or executed.

use std::collections::BTreeMap;
use std::io;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen as Width, SeccompCmpOp as Is, SeccompCondition, SeccompFilter,
    SeccompRule,
};

/// Calls that are allowed whatever their arguments.
const FREE: &[i64] = &[
    // Memory that `RLIMIT_DATA` counts.
    libc::SYS_brk,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_mprotect,
    libc::SYS_madvise,
    // The socket to the host, which is open already.
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_recvfrom,
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_close,
    // Threads: the guard of a page's time budget.
    libc::SYS_futex,
    libc::SYS_set_robust_list,
    libc::SYS_rseq,
    libc::SYS_sched_yield,
    libc::SYS_sched_getaffinity,
    libc::SYS_gettid,
    libc::SYS_getpid,
    libc::SYS_exit,
    libc::SYS_exit_group,
    // Signals of its own and stacks of threads.
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    // Clocks and randomness (hash maps).
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_nanosleep,
    libc::SYS_getrandom,
    libc::SYS_restart_syscall,
];

/// What a new thread shares with its process, and what it must not be: a process of its own, the owner of a
/// namespace, traced by whoever traces.
const THREAD: i32 = libc::CLONE_THREAD | libc::CLONE_VM | libc::CLONE_SIGHAND | libc::CLONE_FILES;
const NOT_A_THREAD: i32 = libc::CLONE_VFORK
    | libc::CLONE_PTRACE
    | libc::CLONE_UNTRACED
    | libc::CLONE_PARENT
    | libc::CLONE_PIDFD
    | libc::CLONE_NEWNS
    | libc::CLONE_NEWCGROUP
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUSER
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNET
    | libc::CLONE_IO;

/// Bits of a mapping's flags that say whose it is, and one that takes it out of what `RLIMIT_DATA` counts.
const MAPPING: i32 = libc::MAP_TYPE | libc::MAP_GROWSDOWN | libc::MAP_HUGETLB;

/// The filter, for this process.
pub(crate) fn filter() -> io::Result<BpfProgram> {
    let pid = u64::from(std::process::id());
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = FREE.iter().map(|&call| (call, Vec::new())).collect();
    // Threads of its own, no processes.
    rules.insert(libc::SYS_clone, rule(0, Width::Qword, masked(THREAD | NOT_A_THREAD), bits(THREAD))?);
    // Its flags lie in memory, where a filter cannot look: the C library asks, and falls back on `clone`.
    rules.insert(libc::SYS_clone3, Vec::new());
    // Private memory, which its limit counts; what is shared without a file is in nobody's limit.
    rules.insert(libc::SYS_mmap, rule(3, Width::Qword, masked(MAPPING), bits(libc::MAP_PRIVATE))?);
    // To the host, which is connected; never to an address.
    rules.insert(libc::SYS_sendto, rule(4, Width::Qword, Is::Eq, 0)?);
    // `abort` is a signal to itself.
    rules.insert(libc::SYS_tgkill, rule(0, Width::Dword, Is::Eq, pid)?);

    let arch = std::env::consts::ARCH.try_into().map_err(io::Error::other)?;
    let refused = SeccompAction::Errno(libc::EPERM.unsigned_abs());
    let filter = SeccompFilter::new(rules, refused, SeccompAction::Allow, arch).map_err(io::Error::other)?;
    let program: BpfProgram = filter.try_into().map_err(io::Error::other)?;
    Ok(without_clone3(program))
}

fn rule(argument: u8, width: Width, is: Is, value: u64) -> io::Result<Vec<SeccompRule>> {
    let condition = SeccompCondition::new(argument, width, is, value).map_err(io::Error::other)?;
    Ok(vec![SeccompRule::new(vec![condition]).map_err(io::Error::other)?])
}

fn masked(flags: i32) -> Is {
    Is::MaskedEq(bits(flags))
}

/// Flags as the kernel sees them in a register: `CLONE_IO` is the sign of an `i32`.
fn bits(flags: i32) -> u64 {
    u64::from(flags.cast_unsigned())
}

/// The same program behind three instructions that answer `clone3` with `ENOSYS`: only that makes a C library
/// try `clone`.
fn without_clone3(program: BpfProgram) -> BpfProgram {
    // linux/bpf_common.h and linux/seccomp.h: load a word at an offset; jump if equal; return a constant.
    const LOAD: u16 = 0x20;
    const JUMP_EQUAL: u16 = 0x15;
    const RETURN: u16 = 0x06;
    const ERRNO: u32 = 0x0005_0000;
    let instruction = |code, jt, jf, k| seccompiler::sock_filter { code, jt, jf, k };
    let clone3 = u32::try_from(libc::SYS_clone3).unwrap_or(u32::MAX);
    let mut whole = vec![
        // The number of the call is the first word of what a filter sees.
        instruction(LOAD, 0, 0, 0),
        instruction(JUMP_EQUAL, 0, 1, clone3),
        instruction(RETURN, 0, 0, ERRNO | libc::ENOSYS.unsigned_abs()),
    ];
    whole.extend(program);
    whole
}
