//! `scontrol show job`.

use muster_dialect::exit_code::ExitCode;
use muster_dialect::memory::print_mib;
use muster_dialect::pattern;
use muster_dialect::state::{JobState, Reason};
use muster_dialect::time::long;
use muster_proto::durable::{Attempt, JobKind, JobRow, JobSpec, Request, Sharing};
use muster_proto::wire::JobInfo;

use super::record::{Form, Record, or_null};
use super::status::job_status;
use crate::list::expected_start_ms;

const UNLIMITED: u32 = u32::MAX;
/// What `%a` stands for while no task has started.
const NO_TASK: u32 = 0xffff_fffe;

/// The record of `job`.
pub(crate) fn job(job: &JobInfo, form: &Form) -> String {
    let (Some(row), mut record) = (job.row.as_ref(), Record::default()) else { return String::new() };
    let spec = row.spec.clone().unwrap_or_default();
    let request = spec.request.clone().unwrap_or_default();
    identity(&mut record, job, row, &spec);
    state(&mut record, job, row, &spec, form);
    times(&mut record, job, row, &spec, form);
    place(&mut record, job, row, &spec, &request);
    demand(&mut record, job, &spec, &request, form);
    files(&mut record, row, &spec);
    record.print(form)
}

fn identity(record: &mut Record, job: &JobInfo, row: &JobRow, spec: &JobSpec) {
    let mut first = format!("JobId={}", row.job_id);
    if row.array_job_id != 0 {
        first += &format!(" ArrayJobId={} ArrayTaskId={}", row.array_job_id, array_tasks(job, row));
        if row.array_limit != 0 && row.array_task.is_none() {
            first += &format!(" ArrayTaskThrottle={}", row.array_limit);
        }
    }
    record.line(format!("{first} JobName={}", or_null(&spec.name)));
    let (user, group) = (or_null(&spec.user_name), or_null(&spec.group_name));
    let mcs = if spec.mcs_label.is_empty() { "N/A" } else { &spec.mcs_label };
    record.line(format!("UserId={user}({}) GroupId={group}({}) MCS_label={mcs}", spec.uid, spec.gid));
    let (account, qos) = (or_null(&spec.account), or_null(&spec.qos));
    record.line(format!("Priority={} Nice={} Account={account} QOS={qos}", row.priority, spec.nice));
}

/// `1-5` of an array's own record, `3` of a task's.
fn array_tasks(job: &JobInfo, row: &JobRow) -> String {
    let pending = || job.array_pending.trim_matches(['[', ']']).to_owned();
    row.array_task.map_or_else(pending, |task| task.to_string())
}

fn state(record: &mut Record, job: &JobInfo, row: &JobRow, spec: &JobSpec, form: &Form) {
    let reason = u16::try_from(row.reason).ok().and_then(Reason::from_code).map_or("None", Reason::text);
    let reason = if row.reason_detail.is_empty() { reason } else { &row.reason_detail };
    let reason = reason.replace(' ', "_");
    let dependency = or_null(&job.dependency);
    record.line(format!("JobState={} Reason={reason} Dependency={dependency}", job_status(job).long()));
    let (requeue, batch) = (u8::from(spec.requeue.unwrap_or(true)), u8::from(spec.kind() == JobKind::Batch));
    let exit = ExitCode::from_wait_status(row.exit_status as i32);
    let tail = format!("Reboot={} ExitCode={exit}", spec.reboot);
    record.line(format!("Requeue={requeue} Restarts={} BatchFlag={batch} {tail}", row.restarts));
    let derived = || format!("DerivedExitCode={}", ExitCode::from_wait_status(row.derived_exit as i32));
    record.line_if(form.details, derived);
}

fn times(record: &mut Record, job: &JobInfo, row: &JobRow, spec: &JobSpec, form: &Form) {
    let limit = match job.effective_time_limit_s {
        UNLIMITED => "UNLIMITED".to_owned(),
        seconds => long(u64::from(seconds)),
    };
    let least = if spec.time_min_s == 0 { "N/A".to_owned() } else { long(u64::from(spec.time_min_s)) };
    record.line(format!("RunTime={} TimeLimit={limit} TimeMin={least}", long(job.run_ms / 1000)));
    let (submit, eligible) = (form.date(row.submit_ms, "Unknown"), form.date(row.eligible_ms, "Unknown"));
    record.line(format!("SubmitTime={submit} EligibleTime={eligible}"));
    record.line(format!("AccrueTime={}", form.date(row.accrue_ms, "Unknown")));
    let attempt = row.attempts.last().filter(|_| !is_pending(row));
    let start = form.date(attempt.map_or_else(|| expected_start_ms(row), started), "Unknown");
    let end = form.date(if row.end_ms == 0 { job.end_estimate_ms } else { row.end_ms }, "Unknown");
    record.line(format!("StartTime={start} EndTime={end} Deadline={}", form.date(spec.deadline_ms, "N/A")));
    let suspended = attempt.map_or((0, 0), |attempt| (attempt.suspended_since_ms, attempt.suspended_ms / 1000));
    let by = if row.backfilled { "Backfill" } else { "Main" };
    // A submit is an evaluation too.
    let evaluated = form.date(row.last_sched_ms.max(row.submit_ms), "Unknown");
    let suspend = form.date(suspended.0, "None");
    let before = suspended.1;
    record.line(format!("SuspendTime={suspend} SecsPreSuspend={before} LastSchedEval={evaluated} Scheduler={by}"));
}

/// When an attempt began, as users see it: when it got its nodes.
fn started(attempt: &Attempt) -> u64 {
    if attempt.start_ms == 0 { attempt.placed_ms } else { attempt.start_ms }
}

fn is_pending(row: &JobRow) -> bool {
    row.state & 0xff == JobState::Pending.code()
}

fn place(record: &mut Record, job: &JobInfo, row: &JobRow, spec: &JobSpec, request: &Request) {
    let host = spec.alloc_host.as_str();
    record.line(format!("Partition={} AllocNode:Sid={host}:{}", job.effective_partition, spec.alloc_sid));
    let (wanted, unwanted) = (or_null(&request.required_nodes), or_null(&request.excluded_nodes));
    record.line(format!("ReqNodeList={wanted} ExcNodeList={unwanted}"));
    record.line(format!("NodeList={}", job.nodes));
    record.line_if(!job.batch_host.is_empty(), || format!("BatchHost={}", job.batch_host));
    let planned = is_pending(row) && !row.estimated_nodes.is_empty();
    record.line_if(planned, || format!("SchedNodeList={}", row.estimated_nodes));
    let nodes = match request.max_nodes {
        most if is_pending(row) && most != 0 && request.min_nodes != 0 && most > 1 => {
            format!("{}-{most}", request.min_nodes)
        }
        _ => job.num_nodes.to_string(),
    };
    let tasks = if job.num_tasks == 0 { "N/A".to_owned() } else { job.num_tasks.to_string() };
    let each = if request.cpus_per_task == 0 { 1 } else { request.cpus_per_task };
    let cpus = job.num_cpus;
    record.line(format!("NumNodes={nodes} NumCPUs={cpus} NumTasks={tasks} CPUs/Task={each} {}", shape(request)));
    record.line(format!("TRES={}", job.tres));
}

/// `ReqB:S:C:T=0:0:*:*`
fn shape(request: &Request) -> String {
    let star = |asked: u32| if asked == 0 { "*".to_owned() } else { asked.to_string() };
    let (cores, threads) = (star(request.cores_per_socket), star(request.threads_per_core));
    format!("ReqB:S:C:T=0:{}:{cores}:{threads}", request.sockets_per_node)
}

fn demand(record: &mut Record, job: &JobInfo, spec: &JobSpec, request: &Request, form: &Form) {
    let star = |asked: u32| if asked == 0 { "*".to_owned() } else { asked.to_string() };
    let (sockets, specialised) = (star(request.sockets_per_node), star(request.core_spec));
    let (socket, core) = (star(request.ntasks_per_socket), star(request.ntasks_per_core));
    let per_node = request.ntasks_per_node;
    record.line(format!("Socks/Node={sockets} NtasksPerN:B:S:C={per_node}:0:{socket}:{core} CoreSpec={specialised}"));
    if form.details {
        record.line(format!("JOB_GRES={}", or_null(&request.tres_per_node)));
        for node in &job.details {
            let (mem, gres) = (node.mem_mib, &node.gres);
            record.line(format!("  Nodes={} CPU_IDs={} Mem={mem} GRES={gres}", node.nodes, node.cpu_ids));
        }
    }
    let least = request.min_cpus_per_node.max(per_node.max(1) * request.cpus_per_task.max(1));
    let memory = match (request.mem_per_cpu_mib, request.mem_per_node_mib) {
        (Some(mib), _) => format!("MinMemoryCPU={}", print_mib(mib)),
        (None, mib) => format!("MinMemoryNode={}", print_mib(mib.unwrap_or(0))),
    };
    record.line(format!("MinCPUsNode={least} {memory} MinTmpDiskNode={}", print_mib(request.tmp_disk_mib)));
    let delay = long(u64::from(spec.delay_boot_s));
    record.line(format!("Features={} DelayBoot={delay}", or_null(&request.features)));
    record.line_if(!request.reservation.is_empty(), || format!("Reservation={}", request.reservation));
    let sharing = match request.sharing() {
        Sharing::Exclusive => "NO",
        Sharing::User => "USER",
        Sharing::Shared => "YES",
        Sharing::Partition => "OK",
    };
    let (licences, network) = (or_null(&request.licenses), or_null(&spec.network));
    let contiguous = u8::from(request.contiguous);
    record.line(format!("OverSubscribe={sharing} Contiguous={contiguous} Licenses={licences} Network={network}"));
}

fn files(record: &mut Record, row: &JobRow, spec: &JobSpec) {
    record.line(format!("Command={}", or_null(&spec.command)));
    record.line(format!("WorkDir={}", spec.work_dir));
    record.line_if(!spec.admin_comment.is_empty(), || format!("AdminComment={} ", spec.admin_comment));
    record.line_if(!spec.comment.is_empty(), || format!("Comment={} ", spec.comment));
    if spec.kind() == JobKind::Batch {
        let (out, err, input) = job_std_paths(row, spec);
        record.line(format!("StdErr={err}"));
        record.line(format!("StdIn={input}"));
        record.line(format!("StdOut={out}"));
    }
    record.line("Power=");
    record.line_if(!spec.mail_user.is_empty() || spec.mail_types != 0, || {
        let user = if spec.mail_user.is_empty() { &spec.user_name } else { &spec.mail_user };
        format!("MailUser={user} MailType={}", crate::request::mail_type_names(spec.mail_types))
    });
    record.line("");
}

/// Paths of standard output, error and input of a batch job.
pub(crate) fn job_std_paths(row: &JobRow, spec: &JobSpec) -> (String, String, String) {
    let out = std_path(row, spec, &spec.std_out, default_output(row));
    let err = if spec.std_err.is_empty() { out.clone() } else { std_path(row, spec, &spec.std_err, "") };
    let input = std_path(row, spec, &spec.std_in, "/dev/null");
    (out, err, input)
}

fn default_output(row: &JobRow) -> &'static str {
    if row.array_job_id == 0 { "slurm-%j.out" } else { "slurm-%A_%a.out" }
}

/// The path with its patterns expanded, from the job's directory on.
fn std_path(row: &JobRow, spec: &JobSpec, asked: &str, default: &str) -> String {
    let text = if asked.is_empty() { default } else { asked };
    let array = (row.array_job_id != 0).then(|| (row.array_job_id, row.array_task.unwrap_or(NO_TASK)));
    let job = pattern::PatternJob { job: row.job_id, array, user: &spec.user_name, name: &spec.name };
    pattern::show(text, &spec.work_dir, &job)
}
