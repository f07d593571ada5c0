//! From fork to exec: the child becomes the user's task.
//!
//! Runs in a forked copy of a process that has one thread, so that locks and memory are whole. It ends in exec or _exit.

use std::convert::Infallible;
use std::ffi::CString;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Command, Stdio};

use nix::errno::Errno;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, SigmaskHow, Signal, sigaction, sigprocmask};
use nix::sys::stat::{Mode, umask};
use nix::unistd::{ForkResult, Pid, chdir, fork, setpgid, setsid};

use super::environment::{self, Environment};
use super::files::TaskStreams;
use super::plan::{Plan, TaskPlan};
use super::{login, notice, script};

/// Exit code of a task whose prolog failed or whose identity could not be taken.
const LAUNCH_FAILED: i32 = 1;
/// Most lines of a task prolog's output that are looked at.
const PROLOG_LINES_MAX: usize = 10_000;

/// What all children are told.
pub(crate) struct Surroundings<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) node_name: &'a str,
    pub(crate) task_prolog: &'a str,
}

/// Starts one task.
pub(crate) fn spawn(around: &Surroundings<'_>, task: &TaskPlan, streams: &TaskStreams) -> nix::Result<Pid> {
    // SAFETY: this process has one thread, so the child may do whatever the parent may; it never returns from here.
    match unsafe { fork() }? {
        ForkResult::Parent { child } => {
            // Both sides do it: whoever comes first, a signal to the group finds the task. A session's leader must not
            // be made a group's leader before.
            if !has_terminal(around.plan, task) {
                let _ = setpgid(child, child);
            }
            Ok(child)
        }
        ForkResult::Child => {
            let code = become_task(around, task, streams);
            // SAFETY: _exit has no preconditions; destructors of the parent's copy must not run here.
            unsafe { nix::libc::_exit(code) }
        }
    }
}

fn become_task(around: &Surroundings<'_>, task: &TaskPlan, streams: &TaskStreams) -> i32 {
    let plan = around.plan;
    reset_signals();
    let session = if has_terminal(plan, task) { own_terminal(&streams.stdin) } else { own_group() };
    let placed = session.and_then(|()| place_descriptors(streams));
    set_rlimits(plan);
    if let Err(errno) = placed.and_then(|()| plan.ids.become_for_good()) {
        say(&format!("{}cannot become uid {}: {}", notice::prefix(around.node_name), plan.ids.uid, errno.desc()));
        return LAUNCH_FAILED;
    }
    umask(Mode::from_bits_truncate(plan.umask));
    enter(around);
    let mut env = plan.environment.clone();
    if plan.login && !login::fill(&mut env) {
        say(&format!("{}the login environment cannot be had", notice::prefix(around.node_name)));
    }
    environment::of_task(&mut env, task.local, task.global, std::process::id());
    for prolog in [around.task_prolog, &plan.task_prolog] {
        if !prolog.is_empty() && !run_task_prolog(prolog, &mut env) {
            say(&format!("{}TaskProlog failed status=1", notice::prefix(around.node_name)));
            return LAUNCH_FAILED;
        }
    }
    execute(around, &task.argv, &env)
}

fn has_terminal(plan: &Plan, task: &TaskPlan) -> bool {
    plan.pty.is_some() && task.local == 0
}

fn reset_signals() {
    for signal in Signal::iterator().filter(|signal| !matches!(signal, Signal::SIGKILL | Signal::SIGSTOP)) {
        let default = SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty());
        // SAFETY: the default action runs no code of ours.
        let _ = unsafe { sigaction(signal, &default) };
    }
    let _ = sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::empty()), None);
}

fn own_group() -> nix::Result<()> {
    setpgid(Pid::from_raw(0), Pid::from_raw(0))
}

fn own_terminal(slave: &OwnedFd) -> nix::Result<()> {
    setsid()?;
    rustix::process::ioctl_tiocsctty(slave).map_err(|e| Errno::from_raw(e.raw_os_error()))
}

fn place_descriptors(streams: &TaskStreams) -> nix::Result<()> {
    // Copies above the three first: one of them might be 0, 1 or 2 itself.
    let high = |fd: &OwnedFd| nix::fcntl::fcntl(fd, nix::fcntl::FcntlArg::F_DUPFD_CLOEXEC(10));
    let copies = [high(&streams.stdin)?, high(&streams.stdout)?, high(&streams.stderr)?];
    for (number, copy) in copies.into_iter().enumerate() {
        // SAFETY: both are descriptors of this process; replacing 0, 1 and 2 is the purpose.
        Errno::result(unsafe { nix::libc::dup2(copy, number as i32) })?;
    }
    Ok(())
}

fn set_rlimits(plan: &Plan) {
    for limit in &plan.rlimits {
        let resource = match limit.name.as_str() {
            "CPU" => Resource::RLIMIT_CPU,
            "FSIZE" => Resource::RLIMIT_FSIZE,
            "DATA" => Resource::RLIMIT_DATA,
            "STACK" => Resource::RLIMIT_STACK,
            "CORE" => Resource::RLIMIT_CORE,
            "RSS" => Resource::RLIMIT_RSS,
            "NPROC" => Resource::RLIMIT_NPROC,
            "NOFILE" => Resource::RLIMIT_NOFILE,
            "MEMLOCK" => Resource::RLIMIT_MEMLOCK,
            "AS" => Resource::RLIMIT_AS,
            _ => continue,
        };
        // A soft limit above this node's hard one is cut to it: the job runs with what there is.
        if let Ok((_, hard)) = getrlimit(resource) {
            let _ = setrlimit(resource, limit.soft.min(hard), hard);
        }
    }
}

fn enter(around: &Surroundings<'_>) {
    let dir = &around.plan.work_dir;
    let wanted = if dir.is_empty() { "/" } else { dir };
    if let Err(errno) = chdir(wanted) {
        let line = notice::no_directory(around.node_name, dir, errno.desc());
        // Slurm's supervisor says it, and its task again.
        for _ in 0..if around.plan.is_batch { 1 } else { 2 } {
            say(&line);
        }
        let _ = chdir("/tmp");
    }
}

/// Runs a task prolog; `export NAME=value`, `unset NAME` and `print text` of its output are obeyed.
fn run_task_prolog(prolog: &str, env: &mut Environment) -> bool {
    let run = Command::new(prolog).env_clear().envs(&*env).stdin(Stdio::null()).stderr(Stdio::inherit()).output();
    let Ok(output) = run else { return false };
    for line in String::from_utf8_lossy(&output.stdout).lines().take(PROLOG_LINES_MAX) {
        match line.split_once(' ') {
            Some(("export", pair)) => {
                if let Some((name, value)) = pair.split_once('=') {
                    env.insert(name.trim().to_owned(), value.to_owned());
                }
            }
            Some(("unset", name)) => {
                env.remove(name.trim());
            }
            Some(("print", text)) => {
                let _ = writeln!(std::io::stdout(), "{text}");
            }
            _ => {}
        }
    }
    let _ = std::io::stdout().flush();
    output.status.success()
}

/// Never comes back if all goes well; otherwise says why, and gives the error's number as exit code, as Slurm does.
fn execute(around: &Surroundings<'_>, argv: &[String], env: &Environment) -> i32 {
    let program = &argv[0];
    let Some(path) = find(program, env) else {
        say(&notice::no_program(around.node_name, program, Errno::ENOENT.desc()));
        return Errno::ENOENT as i32;
    };
    let c_string = |text: &str| CString::new(text).ok();
    let arguments: Option<Vec<CString>> = argv.iter().map(|word| c_string(word)).collect();
    let variables: Vec<CString> = env.iter().filter_map(|(key, value)| c_string(&format!("{key}={value}"))).collect();
    let (Some(path_c), Some(arguments)) = (c_string(&path), arguments) else {
        say(&notice::no_program(around.node_name, program, Errno::EINVAL.desc()));
        return Errno::EINVAL as i32;
    };
    let failed: nix::Result<Infallible> = nix::unistd::execve(&path_c, &arguments, &variables);
    let Err(errno) = failed;
    let interpreter = script::interpreter(&path).filter(|_| errno == Errno::ENOENT);
    match interpreter {
        Some(interpreter) => say(&notice::bad_interpreter(around.node_name, &interpreter, errno.desc())),
        None => say(&notice::no_program(around.node_name, program, errno.desc())),
    }
    errno as i32
}

/// A name without a slash is looked for in the task's own PATH.
fn find(program: &str, env: &Environment) -> Option<String> {
    if program.contains('/') {
        return Some(program.to_owned());
    }
    let path = env.get("PATH").map_or("/usr/local/bin:/usr/bin:/bin", String::as_str);
    let candidates = path.split(':').map(|dir| Path::new(if dir.is_empty() { "." } else { dir }).join(program));
    let runnable =
        |path: &std::path::PathBuf| path.is_file() && nix::unistd::access(path, nix::unistd::AccessFlags::X_OK).is_ok();
    candidates.into_iter().find(runnable).map(|path| path.to_string_lossy().into_owned())
}

fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
