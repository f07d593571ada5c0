//! The variables of tier A, each with its value: what scripts of the field read.

use bytes::Bytes;
use muster_proto::durable::StepNode;

use super::*;

fn launch(step: u32) -> Launch {
    Launch {
        uid: 7,
        attempt: 1,
        step,
        node_name: "n1".into(),
        slurm_conf: "/etc/slurm/slurm.conf".into(),
        ..Launch::default()
    }
}

fn job() -> JobSpec {
    let request = Request {
        ntasks: 4,
        ntasks_set: true,
        cpus_per_task: 2,
        cpus_per_task_set: true,
        ntasks_per_node: 2,
        distribution: "block".into(),
        ..Request::default()
    };
    JobSpec {
        name: "train".into(),
        uid: 1000,
        gid: 100,
        user_name: "alice".into(),
        account: "physics".into(),
        qos: "high".into(),
        home: "/home/alice".into(),
        shell: "/bin/bash".into(),
        work_dir: "/data".into(),
        alloc_host: "login1".into(),
        dependency_text: "afterok:3".into(),
        time_limit_s: Some(600),
        request: Some(request),
        ..JobSpec::default()
    }
}

fn facts() -> AttemptFacts {
    AttemptFacts {
        job_id: 12,
        array_job_id: 10,
        array_task: Some(2),
        array_count: 3,
        array_min: 0,
        array_max: 4,
        array_step: 2,
        restarts: 1,
        cluster: "base".into(),
        partition: "debug".into(),
        nodes: vec!["n1".into(), "n2".into()],
        cpus: vec![4, 4],
        tasks: vec![2, 2],
        start_ms: 1_700_000_000_000,
        def_mem_per_cpu_mib: 100,
        ..AttemptFacts::default()
    }
}

fn shown(step: u32, order: LaunchStep) -> Vec<String> {
    let mut env = of_step(&launch(step), &LaunchStep { job: Some(job()), facts: Some(facts()), ..order });
    of_task(&mut env, 0, 0, 4321);
    env.remove(paths::MARKER);
    env.iter().map(|(name, value)| format!("{name}={value}")).collect()
}

const OF_THE_JOB: &[&str] = &[
    "HOME=/home/alice",
    "LOGNAME=alice",
    "PATH=/usr/local/bin:/usr/bin:/bin",
    "SHELL=/bin/bash",
    "SLURMD_NODENAME=n1",
    "SLURM_ARRAY_JOB_ID=10",
    "SLURM_ARRAY_TASK_COUNT=3",
    "SLURM_ARRAY_TASK_ID=2",
    "SLURM_ARRAY_TASK_MAX=4",
    "SLURM_ARRAY_TASK_MIN=0",
    "SLURM_ARRAY_TASK_STEP=2",
    "SLURM_CLUSTER_NAME=base",
    "SLURM_CONF=/etc/slurm/slurm.conf",
    "SLURM_CPUS_ON_NODE=4",
    "SLURM_CPUS_PER_TASK=2",
    "SLURM_JOBID=12",
    "SLURM_JOB_ACCOUNT=physics",
    "SLURM_JOB_CPUS_PER_NODE=4(x2)",
    "SLURM_JOB_DEPENDENCY=afterok:3",
    "SLURM_JOB_END_TIME=1700000600",
    "SLURM_JOB_GID=100",
    "SLURM_JOB_ID=12",
    "SLURM_JOB_NAME=train",
    "SLURM_JOB_NODELIST=n[1-2]",
    "SLURM_JOB_NUM_NODES=2",
    "SLURM_JOB_PARTITION=debug",
    "SLURM_JOB_QOS=high",
    "SLURM_JOB_START_TIME=1700000000",
    "SLURM_JOB_UID=1000",
    "SLURM_JOB_USER=alice",
    "SLURM_LOCALID=0",
    "SLURM_NODELIST=n[1-2]",
    "SLURM_PRIO_PROCESS=0",
    "SLURM_PROCID=0",
    "SLURM_RESTART_COUNT=1",
    "SLURM_SUBMIT_DIR=/data",
    "SLURM_SUBMIT_HOST=login1",
    "SLURM_TASK_PID=4321",
    "SLURM_TOPOLOGY_ADDR=n1",
    "SLURM_TOPOLOGY_ADDR_PATTERN=node",
    "TMPDIR=/tmp",
    "USER=alice",
];

fn with(more: &[&'static str]) -> Vec<&'static str> {
    let mut all = OF_THE_JOB.to_vec();
    all.extend(more);
    all.sort_by_key(|line| line.split('=').next());
    all
}

#[test]
fn a_batch_script_is_told_of_its_job() {
    let wanted = with(&[
        "ENVIRONMENT=BATCH",
        "HOSTNAME=n1",
        "SLURM_DISTRIBUTION=block",
        "SLURM_GTIDS=0",
        "SLURM_MEM_PER_CPU=100",
        "SLURM_NNODES=2",
        "SLURM_NODEID=0",
        "SLURM_NODE_ALIASES=(null)",
        "SLURM_NPROCS=4",
        "SLURM_NTASKS=4",
        "SLURM_NTASKS_PER_NODE=2",
        "SLURM_TASKS_PER_NODE=2(x2)",
    ]);
    assert_eq!(shown(StepId::BATCH.0, LaunchStep::default()), wanted);
}

#[test]
fn a_step_is_told_of_itself_and_what_srun_said_stays() {
    let spec = StepSpec {
        step_id: 3,
        ntasks: 2,
        cpus_per_task: 2,
        cpus_per_task_set: true,
        umask: 0o22,
        srun_host: "login1".into(),
        ..StepSpec::default()
    };
    let gpu = GresShare { name: "gpu".into(), indices: Bytes::from_static(&[0b101]), ..GresShare::default() };
    let place = StepNode { task_ids: vec![0, 1], gres: vec![gpu], ..StepNode::default() };
    let said = "SLURM_DISTRIBUTION=cyclic\0SLURM_LAUNCH_NODE_IPADDR=10.0.0.1\0SLURM_SRUN_COMM_HOST=10.0.0.1\0";
    let order = LaunchStep {
        spec: Some(spec),
        place: Some(place),
        step_nodes: vec!["n1".into()],
        step_tasks: vec![2],
        environment: said.into(),
        ..LaunchStep::default()
    };
    let wanted = with(&[
        "CUDA_VISIBLE_DEVICES=0,2",
        "GPU_DEVICE_ORDINAL=0,2",
        "SLURM_DISTRIBUTION=cyclic",
        "SLURM_GPUS_ON_NODE=2",
        "SLURM_GTIDS=0,1",
        "SLURM_LAUNCH_NODE_IPADDR=10.0.0.1",
        "SLURM_NNODES=1",
        "SLURM_NODEID=0",
        "SLURM_NPROCS=2",
        "SLURM_NTASKS=2",
        "SLURM_SRUN_COMM_HOST=10.0.0.1",
        "SLURM_STEPID=3",
        "SLURM_STEP_GPUS=0,2",
        "SLURM_STEP_ID=3",
        "SLURM_STEP_NODELIST=n1",
        "SLURM_STEP_NUM_NODES=1",
        "SLURM_STEP_NUM_TASKS=2",
        "SLURM_STEP_TASKS_PER_NODE=2",
        "SLURM_TASKS_PER_NODE=2",
        "SLURM_UMASK=0022",
    ]);
    assert_eq!(shown(3, order), wanted);
}

#[test]
fn memory_that_was_asked_for_hides_the_default() {
    let memory = |request: Request| {
        let context = JobSpec { request: Some(request), ..job() };
        let order = LaunchStep { job: Some(context), facts: Some(facts()), ..LaunchStep::default() };
        let env = of_step(&launch(StepId::BATCH.0), &order);
        let told = |name: &str| env.get(name).cloned().unwrap_or_default();
        (told("SLURM_MEM_PER_CPU"), told("SLURM_MEM_PER_NODE"))
    };
    let asked = Request { mem_per_node_mib: Some(300), ..Request::default() };
    assert_eq!(memory(asked), (String::new(), "300".into()));
    assert_eq!(memory(Request::default()), ("100".into(), String::new()));
    let by_gpu = Request { mem_per_gres_mib: 5, ..Request::default() };
    assert_eq!(memory(by_gpu), (String::new(), String::new()));
}
