//! What a request asks, as statistics name it.

use muster_proto::wire::request::Body;

/// Names and numbers are those that `sdiag` prints for the same deed; what Slurm has no word for starts with `MUSTER_`.
macro_rules! kinds {
    ($($variant:ident($pattern:pat) = $name:literal $number:literal,)*) => {
        /// A kind of request.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) enum Kind { $($variant,)* }

        impl Kind {
            pub(crate) fn of(body: &Body) -> Self {
                match body { $($pattern => Self::$variant,)* }
            }
            pub(crate) fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
            pub(crate) fn number(self) -> u32 {
                match self { $(Self::$variant => $number,)* }
            }
        }
    };
}

kinds! {
    Ping(Body::Ping(_)) = "REQUEST_PING" 1008,
    Submit(Body::Submit(_)) = "REQUEST_SUBMIT_BATCH_JOB" 4003,
    UpdateJob(Body::UpdateJob(_)) = "REQUEST_UPDATE_JOB" 3001,
    CancelJobs(Body::CancelJobs(_)) = "REQUEST_KILL_JOB" 5032,
    RequeueJob(Body::RequeueJob(_)) = "REQUEST_JOB_REQUEUE" 5023,
    EndAllocation(Body::EndAllocation(_)) = "REQUEST_COMPLETE_JOB_ALLOCATION" 5017,
    MakeStep(Body::MakeStep(_)) = "REQUEST_JOB_STEP_CREATE" 5001,
    SignalStep(Body::SignalStep(_)) = "REQUEST_CANCEL_JOB_STEP" 5005,
    UpdateNode(Body::UpdateNode(_)) = "REQUEST_UPDATE_NODE" 3002,
    UpdatePartition(Body::UpdatePartition(_)) = "REQUEST_UPDATE_PARTITION" 3005,
    ConfirmNodeDead(Body::ConfirmNodeDead(_)) = "MUSTER_CONFIRM_NODE_DEAD" 9001,
    SuspendJob(Body::SuspendJob(_)) = "REQUEST_SUSPEND" 5014,
    PutBlob(Body::PutBlob(_)) = "MUSTER_PUT_BLOB" 9002,
    Reconfigure(Body::Reconfigure(_)) = "REQUEST_RECONFIGURE" 1003,
    NotifyJob(Body::NotifyJob(_)) = "REQUEST_JOB_NOTIFY" 4022,
    ListJobs(Body::ListJobs(_)) = "REQUEST_JOB_INFO" 2003,
    ListNodes(Body::ListNodes(_)) = "REQUEST_NODE_INFO" 2007,
    ListPartitions(Body::ListPartitions(_)) = "REQUEST_PARTITION_INFO" 2009,
    ListHistory(Body::ListHistory(_)) = "MUSTER_LIST_HISTORY" 9003,
    ListSteps(Body::ListSteps(_)) = "REQUEST_JOB_STEP_INFO" 2005,
    ShowConfig(Body::ShowConfig(_)) = "REQUEST_BUILD_INFO" 2001,
    ReadScript(Body::ReadScript(_)) = "REQUEST_BATCH_SCRIPT" 2051,
    Stats(Body::Stats(_)) = "REQUEST_STATS_INFO" 2035,
    ListReplicas(Body::ListReplicas(_)) = "MUSTER_LIST_REPLICAS" 9004,
    WaitJob(Body::WaitJob(_)) = "REQUEST_JOB_READY" 4019,
    WaitStep(Body::WaitStep(_)) = "MUSTER_WAIT_STEP" 9005,
    SaveSnapshot(Body::SaveSnapshot(_)) = "MUSTER_SAVE_SNAPSHOT" 9011,
    Watch(Body::Watch(_)) = "MUSTER_WATCH" 9010,
    JobNodes(Body::JobNodes(_)) = "REQUEST_JOB_ALLOCATION_INFO" 4014,
    ConfigVersions(Body::ConfigVersions(_)) = "MUSTER_CONFIG_VERSIONS" 9006,
    InitCluster(Body::InitCluster(_)) = "MUSTER_INIT_CLUSTER" 9007,
    JoinCluster(Body::JoinCluster(_)) = "MUSTER_JOIN_CLUSTER" 9008,
    TransferLeader(Body::TransferLeader(_)) = "MUSTER_TRANSFER_LEADER" 9009,
    ChangeReplica(Body::ChangeReplica(_)) = "MUSTER_CHANGE_REPLICA" 9012,
    RequestFence(Body::RequestFence(_)) = "MUSTER_REQUEST_FENCE" 9020,
    CancelFence(Body::CancelFence(_)) = "MUSTER_CANCEL_FENCE" 9021,
    ListFences(Body::ListFences(_)) = "MUSTER_LIST_FENCES" 9022,
    PlanFence(Body::PlanFence(_)) = "MUSTER_PLAN_FENCE" 9023,
    GetPass(Body::GetPass(_)) = "MUSTER_GET_PASS" 9014,
    FinishUpgrade(Body::FinishUpgrade(_)) = "MUSTER_FINISH_UPGRADE" 9013,
}
