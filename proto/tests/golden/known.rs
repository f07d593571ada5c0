//! The Rust type of every message of the contracts: decodes bytes, and encodes them again.

use muster_proto::{durable, wire};
use prost::{DecodeError, Message};

/// See the module.
pub(super) type Again = fn(&[u8]) -> Result<Vec<u8>, DecodeError>;

macro_rules! known {
    ($($package:ident { $($name:ident)* })*) => {
        /// By full name.
        pub(super) const KNOWN: &[(&str, Again)] = &[$($((
            concat!("muster.", stringify!($package), ".", stringify!($name)),
            |bytes| Ok($package::$name::decode(bytes)?.encode_to_vec()),
        )),*),*];
    };
}

#[rustfmt::skip]
known! {
    durable {
        AdmitReplica Allocation Answer ApplyConfig ArraySpec Attempt AttemptNode Batch BeginFenceCall
        BeginGeneration BlobRef BlobRow CancelFence CancelJobs Command CommitPlan ConfigFile ConfigFiles
        ConfigRow ConfirmNodeDead ContinueWork Counters CreateStep Dependency DependencyTerm EndAllocation
        EndFenceCall ExpireJobs FenceRow FinishOutbox FoundCluster GresShare Hardware HeldAttempt HistoryRow
        JobRow JobSpec JobTarget LoseNode MetaRow NodeRow NodeShare NotifyJob Origin OutboxRow PartitionRow
        PendingSignal Placement ProveNodeDead PurgeJobs PurgeRequests PutBlobChunk RLimit RaiseFeatureLevel RecordHeld
        RecordRefused RecordReleased RecordSignalled RecordStepExit RecordStepStarted RegisterNode ReplicaRow
        Request RequestFence RequestKey RequestRow RequeueJob RetireReplica ReturnNode SettleFence SignalStep
        StepNode StepRecord StepSpec SubmitJob SuspectNode SuspendJob TaskRange UpdateJob UpdateNode
        UpdatePartition Usage Verdict WarnSignal WorkRow
    }
    wire {
        Age AttachStep AttemptFacts AttemptHere Authority BroadcastChunk BroadcastDone BroadcastStart
        ChangeReplica Claim ConfigText ConfigVersionInfo ConfigVersionList ConfigVersions Done DurationStat
        EndAttempt EndStep Failure FenceList FencePlan FencePlanStep FinishUpgrade Forget FromNode FromTasks
        GetPass Heartbeat HeartbeatAck HeldConfig Hello Hold InitCluster Input Inventory JobInfo JobList
        JobNodes JobNow JoinCluster Joined KeyValue LaunchStep ListFences ListHistory ListJobs ListNodes
        ListPartitions ListPids ListReplicas ListSteps MakeStep NodeAddresses NodeDetail NodeDown NodeInfo
        NodeList NodePing NodePong NodeReply NodeRequest NodeUp NotLeader OpenReplica Order Output PartitionInfo
        PartitionList PassGiven PassProof PidInfo PidList Ping PlanFence Pong PutBlob RaftFrame ReadScript
        Reconfigure Registered ReplicaInfo ReplicaList ReplicaOpened Reply Report ReportAck Request Resize
        RpcStat SaveSnapshot Script SessionRedirect SessionRefused SetTimeLimit ShowConfig SignalTasks Signed
        SnapshotPiece Stats StatsText StepInfo StepList StepMade StepNow StepOver StepPlace Submit Submitted
        TargetError TaskExited TaskIds TaskStarted ToNode ToTasks TransferLeader WaitJob WaitStep Watch Watched
    }
}
