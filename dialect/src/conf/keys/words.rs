//! The documented words of list-valued keys of slurm.conf, of 22.05 and 26.05 together.

/// AccountingStoreFlags
pub(super) const ACCOUNTING_STORE_FLAGS: &[&str] = &["job_comment", "job_env", "job_extra", "job_script", "no_stdio"];

/// AuthAltParameters
pub(super) const AUTH_ALT: &[&str] = &[
    "disable_token_creation",
    "jwks",
    "jwt_key",
    "max_token_lifespan",
    "use_jwt_client_ids",
    "use_jwt_client_ids_only",
    "userclaimfield",
];

/// AuthInfo
pub(super) const AUTH_INFO: &[&str] = &["cred_expire", "socket", "ttl", "use_client_ids"];

/// TLSParameters; those that begin with `muster_` are Muster's own.
pub(super) const TLS: &[&str] = &[
    "ca_cert_file",
    "ctld_cert_file",
    "ctld_cert_key_file",
    "load_system_certificates",
    "muster_client_cert_file",
    "muster_client_cert_key_file",
    "muster_clients",
    "muster_migrate",
    "restd_cert_file",
    "restd_cert_key_file",
    "sackd_cert_file",
    "sackd_cert_key_file",
    "security_policy_version",
    "slurmd_cert_file",
    "slurmd_cert_key_file",
];

/// BcastParameters
pub(super) const BCAST: &[&str] = &["Compression", "DestDir", "send_libs"];

/// CommunicationParameters
pub(super) const COMMUNICATION: &[&str] = &[
    "CheckGhalQuiesce",
    "DisableIPv4",
    "EnableIPv6",
    "NoAddrCache",
    "NoCtldInAddrAny",
    "NoInAddrAny",
    "block_null_hash",
    "disable_http",
    "getnameinfo_cache_timeout",
    "host_unreach_retry_count",
    "keepaliveinterval",
    "keepaliveprobes",
    "keepalivetime",
];

/// CpuFreqGovernors
pub(super) const CPU_GOVERNORS: &[&str] =
    &["Conservative", "OnDemand", "Performance", "PowerSave", "SchedUtil", "UserSpace"];

/// DebugFlags
pub(super) const DEBUG_FLAGS: &[&str] = &[
    "Accrue",
    "Agent",
    "AuditRPCs",
    "AuditTLS",
    "Backfill",
    "BackfillMap",
    "BurstBuffer",
    "CPU_Bind",
    "Cgroup",
    "ConMgr",
    "CpuFrequency",
    "DBD_Agent",
    "Data",
    "Dependency",
    "Elasticsearch",
    "Energy",
    "ExtSensors",
    "Federation",
    "FrontEnd",
    "GLOB_SILENCE",
    "Gang",
    "Gres",
    "Hetjob",
    "JobAccountGather",
    "JobComp",
    "JobContainer",
    "License",
    "Metrics",
    "NO_CONF_HASH",
    "Namespace",
    "Network",
    "NetworkRaw",
    "NodeFeatures",
    "Power",
    "Priority",
    "Profile",
    "Protocol",
    "Reservation",
    "Route",
    "Script",
    "SelectType",
    "Steps",
    "Switch",
    "TLS",
    "TimeCray",
    "TraceJobs",
    "Triggers",
    "WorkQueue",
    "thread",
];

/// DependencyParameters
pub(super) const DEPENDENCY: &[&str] = &["disable_remote_singleton", "kill_invalid_depend", "max_depend_depth"];

/// FederationParameters
pub(super) const FEDERATION: &[&str] = &["fed_display"];

/// JobAcctGatherParams
pub(super) const JOB_ACCT_GATHER: &[&str] =
    &["DisableGPUAcct", "NoShared", "OverMemoryKill", "UsePss", "no_file_cache"];

/// LaunchParameters
pub(super) const LAUNCH: &[&str] = &[
    "batch_step_set_cpu_freq",
    "cray_net_exclusive",
    "disable_send_gids",
    "enable_nss_slurm",
    "interactive_step_set_cpu_freq",
    "lustre_no_flush",
    "mem_sort",
    "mpir_use_nodeaddr",
    "slurmstepd_memlock",
    "slurmstepd_memlock_all",
    "srun_exclusive_allocation",
    "test_exec",
    "ulimit_pam_adopt",
    "use_interactive_step",
];

/// MpiParams
pub(super) const MPI: &[&str] = &["disable_slurm_hydra_bootstrap", "ports"];

/// PreemptParameters
pub(super) const PREEMPT: &[&str] = &[
    "min_exempt_priority",
    "reclaim_licenses",
    "reorder_count",
    "send_user_signal",
    "strict_order",
    "suspend_grace_time",
    "youngest_first",
];

/// ReconfigFlags
pub(super) const RECONFIG_FLAGS: &[&str] = &["KeepPartInfo", "KeepPartState", "KeepPowerSaveSettings"];

/// PropagateResourceLimits
pub(super) const RLIMITS: &[&str] =
    &["ALL", "AS", "CORE", "CPU", "DATA", "FSIZE", "MEMLOCK", "NOFILE", "NONE", "NPROC", "RSS", "STACK"];

/// SchedulerParameters
pub(super) const SCHEDULER: &[&str] = &[
    "Ignore_NUMA",
    "allow_zero_lic",
    "assoc_limit_stop",
    "batch_sched_delay",
    "bb_array_stage_cnt",
    "bf_allow_magnetic_slot",
    "bf_busy_nodes",
    "bf_continue",
    "bf_hetjob_immediate",
    "bf_hetjob_prio",
    "bf_interval",
    "bf_job_part_count_reserve",
    "bf_licenses",
    "bf_max_job_array_resv",
    "bf_max_job_assoc",
    "bf_max_job_part",
    "bf_max_job_start",
    "bf_max_job_test",
    "bf_max_job_user",
    "bf_max_job_user_part",
    "bf_max_time",
    "bf_min_age_reserve",
    "bf_min_prio_reserve",
    "bf_node_space_size",
    "bf_one_resv_per_job",
    "bf_resolution",
    "bf_running_job_reserve",
    "bf_topopt_enable",
    "bf_topopt_iterations",
    "bf_window",
    "bf_window_linear",
    "bf_yield_interval",
    "bf_yield_rpc_cnt",
    "bf_yield_sleep",
    "build_queue_timeout",
    "correspond_after_task_cnt",
    "default_queue_depth",
    "defer",
    "defer_batch",
    "delay_boot",
    "disable_hetjob_steps",
    "disable_job_shrink",
    "enable_hetjob_steps",
    "enable_user_top",
    "extra_constraints",
    "ignore_constraint_validation",
    "ignore_prefer_validation",
    "max_array_tasks",
    "max_rpc_cnt",
    "max_sched_time",
    "max_script_size",
    "max_submit_line_size",
    "max_switch_wait",
    "no_backup_scheduling",
    "no_env_cache",
    "nohold_on_prolog_fail",
    "pack_serial_at_end",
    "partition_job_depth",
    "preempt_reorder_count",
    "preempt_strict_order",
    "preempt_youngest_first",
    "reduce_completing_frag",
    "requeue_delay",
    "requeue_on_resume_failure",
    "requeue_setup_env_fail",
    "salloc_wait_nodes",
    "sbatch_wait_nodes",
    "sched_interval",
    "sched_max_job_start",
    "sched_min_interval",
    "spec_cores_first",
    "step_retry_count",
    "step_retry_time",
    "time_min_as_soft_limit",
    "whole_hetjob",
];

/// ScronParameters
pub(super) const SCRON: &[&str] = &["enable", "explicit_scancel"];

/// SlurmctldParameters
pub(super) const SLURMCTLD: &[&str] = &[
    "allow_user_triggers",
    "cloud_dns",
    "cloud_reg_addrs",
    "conmgr_connect_timeout",
    "conmgr_max_connections",
    "conmgr_quiesce_timeout",
    "conmgr_read_timeout",
    "conmgr_threads",
    "conmgr_use_poll",
    "conmgr_wait_write_delay",
    "conmgr_write_timeout",
    "disable_triggers",
    "enable_async_reply",
    "enable_configless",
    "enable_expedited_requeue",
    "enable_stepmgr",
    "idle_on_node_suspend",
    "max_dbd_msg_action",
    "max_powered_nodes",
    // Ours: where replicas reach each other.
    "muster_replica_port",
    "no_quick_restart",
    "node_reg_mem_percent",
    "power_save_interval",
    "power_save_min_interval",
    "preempt_send_user_signal",
    "reboot_from_controller",
    "reconfig_on_restart",
    "rl_bucket_size",
    "rl_enable",
    "rl_log_freq",
    "rl_refill_period",
    "rl_refill_rate",
    "rl_table_size",
    "user_resv_delete",
    "validate_nodeaddr_threads",
];

/// SlurmdParameters
pub(super) const SLURMD: &[&str] = &[
    "allow_ecores",
    "config_overrides",
    "conmgr_connect_timeout",
    "conmgr_max_connections",
    "conmgr_quiesce_timeout",
    "conmgr_read_timeout",
    "conmgr_threads",
    "conmgr_use_poll",
    "conmgr_wait_write_delay",
    "conmgr_write_timeout",
    "contain_spank",
    "l3cache_as_socket",
    "numa_node_as_socket",
    "shutdown_on_reboot",
];

/// TaskPluginParam
pub(super) const TASK_PLUGIN_PARAM: &[&str] = &[
    "Autobind",
    "Cores",
    "None",
    "OOMKillStep",
    "SlurmdOffSpec",
    "SlurmdSpecOverride",
    "Sockets",
    "Threads",
    "Verbose",
];

/// TopologyParam
pub(super) const TOPOLOGY: &[&str] = &[
    "BlockAsNodeRank",
    "Dragonfly",
    "RoutePart",
    "RouteTree",
    "SwitchAsNodeRank",
    "TopoMaxSizeUnroll",
    "TopoOptional",
];

/// X11Parameters
pub(super) const X11: &[&str] = &["home_xauthority"];

/// PriorityFlags
pub(super) const PRIORITY_FLAGS: &[&str] = &[
    "ACCRUE_ALWAYS",
    "CALCULATE_RUNNING",
    "DEPTH_OBLIVIOUS",
    "INCR_ONLY",
    "MAX_TRES",
    "MAX_TRES_GRES",
    "SMALL_RELATIVE_TO_TIME",
    "NO_FAIR_TREE",
    "NO_NORMAL_ALL",
    "NO_NORMAL_ASSOC",
    "NO_NORMAL_PART",
    "NO_NORMAL_QOS",
    "NO_NORMAL_TRES",
    "FAIR_TREE",
];

/// PrivateData
pub(super) const PRIVATE_DATA: &[&str] =
    &["all", "none", "accounts", "cloud", "events", "jobs", "nodes", "partitions", "reservations", "usage", "users"];

/// AccountingStorageEnforce
pub(super) const ENFORCE: &[&str] =
    &["all", "none", "associations", "limits", "nojobs", "nosteps", "qos", "safe", "wckeys"];

/// PrologFlags
pub(super) const PROLOG_FLAGS: &[&str] =
    &["Alloc", "Contain", "DeferBatch", "ForceRequeueOnFail", "NoHold", "RunInJob", "Serial", "X11"];

/// SelectTypeParameters, of the cluster and of a partition
pub(super) const SELECT_PARAMETERS: &[&str] = &[
    "CR_CPU",
    "CR_CPU_MEMORY",
    "CR_CORE",
    "CR_CORE_MEMORY",
    "CR_SOCKET",
    "CR_SOCKET_MEMORY",
    "CR_MEMORY",
    "OTHER_CONS_RES",
    "OTHER_CONS_TRES",
    "CR_ONE_TASK_PER_CORE",
    "CR_CORE_DEFAULT_DIST_BLOCK",
    "CR_LLN",
    "CR_PACK_NODES",
    "CR_NO_DIST_TOPO_BLOCK",
    "ENFORCE_BINDING_GRES",
    "LL_SHARED_GRES",
    "MULTIPLE_SHARING_GRES_PJ",
    "ONE_TASK_PER_SHARING_GRES",
];

/// PreemptMode, of the cluster and of a partition
pub(super) const PREEMPT_MODE: &[&str] = &["GANG", "OFF", "CANCEL", "PRIORITY", "REQUEUE", "SUSPEND", "WITHIN"];

/// HealthCheckNodeState
pub(super) const HEALTH_STATES: &[&str] =
    &["CYCLE", "ANY", "ALLOC", "IDLE", "MIXED", "NONDRAINED_IDLE", "REBOOT_ONLY", "START_ONLY"];

/// LogTimeFormat
pub(super) const LOG_TIME: &[&str] =
    &["iso8601_ms", "iso8601", "rfc5424_ms", "rfc5424", "rfc3339", "clock", "short", "thread_id", "format_stderr"];
