//! What a worker gives up before it reads the first byte from outside.
//!
//! In order: no core dumps, no new privileges, death with its host; then limits on memory, open files and file
//! sizes; then the file system, the network, signals and abstract sockets (landlock, where the kernel has it);
//! last every system call that decoding does not need (seccomp, see [`calls`]).

mod calls;

use std::io;

use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, Ruleset, RulesetAttr, RulesetCreated, Scope,
};
use rustix::process::{DumpableBehavior, Resource, Rlimit, Signal};

/// What is only reserved counts in the address space, and its page tables are memory that no other limit counts:
/// so much may be reserved beside the private memory.
const RESERVED: u64 = 8 << 30;

/// The main thread's stack.
const STACK: u64 = 8 << 20;

/// Less private memory than this is no place to decode anything.
const LEAST_MEMORY: u64 = 64 << 20;

/// Locks this process down for good. Gives the bytes of private memory that it may use: as many as are asked
/// for, or the hard limit that it was born with.
pub(crate) fn enter(memory: u64) -> Result<u64, String> {
    let because = |what: &'static str| move |e: io::Error| format!("{what}: {e}");
    quiet().map_err(because("prctl"))?;
    // RLIMIT_DATA counts private writable memory.
    let memory = limit(Resource::Data, memory).map_err(because("RLIMIT_DATA"))?;
    if memory < LEAST_MEMORY {
        return Err(format!(
            "the hard limit of private memory (RLIMIT_DATA) is {memory} bytes, {LEAST_MEMORY} are the least"
        ));
    }
    limit(Resource::As, memory.saturating_add(RESERVED)).map_err(because("RLIMIT_AS"))?;
    limit(Resource::Stack, STACK).map_err(because("RLIMIT_STACK"))?;
    limit(Resource::Core, 0).map_err(because("RLIMIT_CORE"))?;
    limit(Resource::Fsize, 0).map_err(because("RLIMIT_FSIZE"))?;
    limit(Resource::Nofile, 32).map_err(because("RLIMIT_NOFILE"))?;
    landlock().map_err(because("landlock"))?;
    seccompiler::apply_filter(&calls::filter().map_err(because("seccomp"))?).map_err(|e| format!("seccomp: {e}"))?;
    Ok(memory)
}

/// No trace of it, nothing gained by what it executes, no life without its host.
fn quiet() -> io::Result<()> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    Ok(rustix::thread::set_no_new_privs(true)?)
}

/// Sets both limits to this value, or to the hard limit where that is lower: raising it is not ours.
fn limit(resource: Resource, value: u64) -> io::Result<u64> {
    let hard = rustix::process::getrlimit(resource).maximum.unwrap_or(u64::MAX);
    let value = value.min(hard);
    rustix::process::setrlimit(resource, Rlimit { current: Some(value), maximum: Some(value) })?;
    Ok(value)
}

/// A ruleset that handles everything this kernel knows and allows nothing. Kernels without landlock (before
/// 5.13, or built without it) leave this to seccomp, which refuses `openat`, `socket` and `kill` anyway.
fn landlock() -> io::Result<()> {
    let abi = ABI::V7;
    Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(abi))
        .and_then(|rules| rules.handle_access(AccessNet::from_all(abi)))
        .and_then(|rules| rules.scope(Scope::from_all(abi)))
        .and_then(Ruleset::create)
        .and_then(RulesetCreated::restrict_self)
        .map(|_| ())
        .map_err(io::Error::other)
}
