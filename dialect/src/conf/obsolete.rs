//! Keys that Slurm once had, or has no more in 26.05: each warns in one line that says what happens instead.

/// What becomes of an obsolete key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// Its value still names the first controller.
    FirstController,
    /// Its value still gives the address of the first controller.
    FirstAddress,
    /// Its value still names the second controller.
    SecondController,
    /// Its value still gives the address of the second controller.
    SecondAddress,
    /// It is read under the name that replaced it.
    Renamed(&'static str),
    /// Nothing comes of it; the text says what holds.
    Ignored,
}

/// One obsolete key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Obsolete {
    pub(super) name: &'static str,
    pub(super) fate: Fate,
    pub(super) instead: &'static str,
}

/// The row of `name`.
pub(super) fn find(name: &str) -> Option<&'static Obsolete> {
    OBSOLETE.iter().find(|row| row.name.eq_ignore_ascii_case(name))
}

/// What an old key of node and partition lines is read as.
pub(super) fn line_key(name: &str) -> Option<&'static str> {
    match name {
        "Procs" => Some("read as CPUs"),
        "Shared" => Some("read as OverSubscribe"),
        "Priority" => Some("read as PriorityTier and PriorityJobFactor"),
        _ => None,
    }
}

const fn gone(name: &'static str, instead: &'static str) -> Obsolete {
    Obsolete { name, fate: Fate::Ignored, instead }
}

const fn kept(name: &'static str, fate: Fate, instead: &'static str) -> Obsolete {
    Obsolete { name, fate, instead }
}

const OBSOLETE: &[Obsolete] = &[
    kept("ControlMachine", Fate::FirstController, "read as the first SlurmctldHost"),
    kept("ControlAddr", Fate::FirstAddress, "read as the address of the first SlurmctldHost"),
    kept("BackupController", Fate::SecondController, "read as the second SlurmctldHost"),
    kept("BackupAddr", Fate::SecondAddress, "read as the address of the second SlurmctldHost"),
    kept("AcctGatherInfinibandType", Fate::Renamed("AcctGatherInterconnectType"), "read as AcctGatherInterconnectType"),
    kept("MaxTasksPerCPU", Fate::Ignored, "ignored: MaxTasksPerNode bounds tasks"),
    gone("AccountingStorageLoc", "ignored: accounting is kept in the cluster's own log"),
    gone("AccountingStorageUser", "ignored: accounting is kept in the cluster's own log"),
    gone("AccountingStoreJobComment", "ignored: use AccountingStoreFlags=job_comment"),
    gone("BlcrType", "ignored: there is no checkpoint plugin"),
    gone("CacheGroups", "ignored: groups are always looked up and cached as GroupUpdateTime says"),
    gone("CheckpointType", "ignored: there is no checkpoint plugin"),
    gone("ChosLoc", "ignored: there is no CHOS support"),
    gone("CoreSpecPlugin", "ignored: core specialization needs no plugin"),
    gone("CryptoType", "ignored: credentials are signed as CredType says"),
    gone("DefaultStorageHost", "ignored: accounting is kept in the cluster's own log"),
    gone("DefaultStorageLoc", "ignored: accounting is kept in the cluster's own log"),
    gone("DefaultStoragePass", "ignored: accounting is kept in the cluster's own log"),
    gone("DefaultStoragePort", "ignored: accounting is kept in the cluster's own log"),
    gone("DefaultStorageType", "ignored: accounting is kept in the cluster's own log"),
    gone("DefaultStorageUser", "ignored: accounting is kept in the cluster's own log"),
    gone("DynAllocPort", "ignored: the dynalloc plugin is gone"),
    gone("ExtSensorsFreq", "ignored: there are no external sensors"),
    gone("ExtSensorsType", "ignored: there are no external sensors"),
    gone(
        "FastSchedule",
        "ignored: nodes are scheduled as configured; SlurmdParameters=config_overrides replaces FastSchedule=2",
    ),
    gone("GetEnvTimeout", "ignored: --get-user-env uses its own time limit"),
    gone("HashVal", "ignored: the configuration's hash is computed"),
    gone("HeartbeatInterval", "ignored: SlurmdTimeout says when a silent node is down"),
    gone("JobCheckpointDir", "ignored: there is no checkpoint plugin"),
    gone("JobCredentialPrivateKey", "ignored: credentials are signed as CredType says, without key files"),
    gone("JobCredentialPublicCertificate", "ignored: credentials are checked as CredType says, without key files"),
    gone("KeepAliveTime", "ignored: use CommunicationParameters=keepalivetime="),
    gone("LaunchType", "ignored: tasks are always launched by srun itself"),
    gone("Layouts", "ignored: the layouts framework is gone"),
    gone("MemLimitEnforce", "ignored: memory is limited by cgroups, or by JobAcctGatherParams=OverMemoryKill"),
    gone("MsgAggregationParams", "ignored: messages are not aggregated"),
    gone("PowerParameters", "ignored: there is no Cray power management"),
    gone("PowerPlugin", "ignored: there is no Cray power management"),
    gone("PreemptionMode", "ignored: use PreemptMode"),
    gone("RoutePlugin", "ignored: messages are routed by the topology, TopologyParam=RouteTree"),
    gone("SallocDefaultCommand", "ignored: use LaunchParameters=use_interactive_step"),
    gone("SchedulerAuth", "ignored: the wiki schedulers are gone"),
    gone("SchedulerPort", "ignored: the scheduler is part of the controller and listens on no port"),
    gone("SchedulerRootFilter", "ignored: RootOnly partitions are always left out"),
    gone("SlurmctldPlugstack", "ignored: the controller loads no plugins"),
    gone("SlurmdPlugstack", "ignored: the node daemon loads no plugins"),
    gone("SwitchNodeFailTime", "ignored: the switch plugins that used it are gone"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_stand_once_and_renamed_ones_lead_to_a_known_key() {
        for (index, row) in OBSOLETE.iter().enumerate() {
            assert!(!OBSOLETE[index + 1..].iter().any(|other| other.name == row.name), "{}", row.name);
            if let Fate::Renamed(name) = row.fate {
                assert!(super::super::keys::find(super::super::keys::GLOBAL, name).is_some(), "{name}");
            }
        }
    }
}
