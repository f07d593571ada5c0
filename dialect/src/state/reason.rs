//! Why a job waits, or how it ended: the closed list that squeue's `%r` and scontrol's `Reason=` print.

use std::fmt;

/// The enum, its texts and its codes, from one list. Codes are ours and durable: only ever append.
macro_rules! reasons {
    ($($variant:ident = $code:literal $text:literal,)*) => {
        /// A reason. Most say why a job is pending; a few (`NonZeroExitCode`, `TimeLimit`, `NodeDown`, …) how it ended.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u16)]
        pub enum Reason {
            #[default]
            $($variant = $code,)*
        }

        impl Reason {
            /// Every reason, by code.
            pub const ALL: &'static [Reason] = &[$(Reason::$variant),*];

            /// As Slurm prints it.
            #[must_use]
            pub fn text(self) -> &'static str {
                match self { $(Reason::$variant => $text,)* }
            }
        }
    };
}

impl Reason {
    /// Durable number of the reason.
    #[must_use]
    pub fn code(self) -> u16 {
        self as u16
    }

    #[must_use]
    pub fn from_code(code: u16) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }

    /// By its text, in any case.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().find(|reason| reason.text().eq_ignore_ascii_case(text)).copied()
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

reasons! {
    None = 0 "None",
    Priority = 1 "Priority",
    Resources = 2 "Resources",
    Dependency = 3 "Dependency",
    DependencyNeverSatisfied = 4 "DependencyNeverSatisfied",
    JobHeldUser = 5 "JobHeldUser",
    JobHeldAdmin = 6 "JobHeldAdmin",
    BeginTime = 7 "BeginTime",
    PartitionDown = 8 "PartitionDown",
    PartitionInactive = 9 "PartitionInactive",
    PartitionTimeLimit = 10 "PartitionTimeLimit",
    PartitionNodeLimit = 11 "PartitionNodeLimit",
    PartitionConfig = 12 "PartitionConfig",
    ReqNodeNotAvail = 13 "ReqNodeNotAvail",
    Licenses = 14 "Licenses",
    Reservation = 15 "Reservation",
    ReservationDeleted = 16 "ReservationDeleted",
    ReservationInvalid = 17 "ReservationInvalid",
    JobArrayTaskLimit = 18 "JobArrayTaskLimit",
    JobLaunchFailure = 19 "JobLaunchFailure",
    JobHoldMaxRequeue = 20 "JobHoldMaxRequeue",
    Prolog = 21 "Prolog",
    NonZeroExitCode = 22 "NonZeroExitCode",
    RaisedSignal = 23 "RaisedSignal",
    TimeLimit = 24 "TimeLimit",
    NodeDown = 25 "NodeDown",
    OutOfMemory = 26 "OutOfMemory",
    SystemFailure = 27 "SystemFailure",
    InactiveLimit = 28 "InactiveLimit",
    Deadline = 29 "DeadLine",
    BadConstraints = 30 "BadConstraints",
    InvalidAccount = 31 "InvalidAccount",
    InvalidQos = 32 "InvalidQOS",
    Cleaning = 33 "Cleaning",
    SchedDefer = 34 "SchedDefer",
    WaitingForScheduling = 35 "WaitingForScheduling",
    Constraints = 36 "Constraints",
    InvalidReason = 37 "InvalidReason",
    AccountNotAllowed = 38 "AccountNotAllowed",
    AccountingPolicy = 39 "AccountingPolicy",
    AssocGrpBB = 40 "AssocGrpBB",
    AssocGrpBBMinutes = 41 "AssocGrpBBMinutes",
    AssocGrpBBRunMinutes = 42 "AssocGrpBBRunMinutes",
    AssocGrpBilling = 43 "AssocGrpBilling",
    AssocGrpBillingMinutes = 44 "AssocGrpBillingMinutes",
    AssocGrpBillingRunMinutes = 45 "AssocGrpBillingRunMinutes",
    AssocGrpCPUMinutesLimit = 46 "AssocGrpCPUMinutesLimit",
    AssocGrpCPURunMinutesLimit = 47 "AssocGrpCPURunMinutesLimit",
    AssocGrpCpuLimit = 48 "AssocGrpCpuLimit",
    AssocGrpEnergy = 49 "AssocGrpEnergy",
    AssocGrpEnergyMinutes = 50 "AssocGrpEnergyMinutes",
    AssocGrpEnergyRunMinutes = 51 "AssocGrpEnergyRunMinutes",
    AssocGrpGRES = 52 "AssocGrpGRES",
    AssocGrpGRESMinutes = 53 "AssocGrpGRESMinutes",
    AssocGrpGRESRunMinutes = 54 "AssocGrpGRESRunMinutes",
    AssocGrpJobsLimit = 55 "AssocGrpJobsLimit",
    AssocGrpLicense = 56 "AssocGrpLicense",
    AssocGrpLicenseMinutes = 57 "AssocGrpLicenseMinutes",
    AssocGrpLicenseRunMinutes = 58 "AssocGrpLicenseRunMinutes",
    AssocGrpMemLimit = 59 "AssocGrpMemLimit",
    AssocGrpMemMinutes = 60 "AssocGrpMemMinutes",
    AssocGrpMemRunMinutes = 61 "AssocGrpMemRunMinutes",
    AssocGrpNodeLimit = 62 "AssocGrpNodeLimit",
    AssocGrpNodeMinutes = 63 "AssocGrpNodeMinutes",
    AssocGrpNodeRunMinutes = 64 "AssocGrpNodeRunMinutes",
    AssocGrpSubmitJobsLimit = 65 "AssocGrpSubmitJobsLimit",
    AssocGrpUnknown = 66 "AssocGrpUnknown",
    AssocGrpUnknownMinutes = 67 "AssocGrpUnknownMinutes",
    AssocGrpUnknownRunMinutes = 68 "AssocGrpUnknownRunMinutes",
    AssocGrpWallLimit = 69 "AssocGrpWallLimit",
    AssocMaxBBMinutesPerJob = 70 "AssocMaxBBMinutesPerJob",
    AssocMaxBBPerJob = 71 "AssocMaxBBPerJob",
    AssocMaxBBPerNode = 72 "AssocMaxBBPerNode",
    AssocMaxBillingMinutesPerJob = 73 "AssocMaxBillingMinutesPerJob",
    AssocMaxBillingPerJob = 74 "AssocMaxBillingPerJob",
    AssocMaxBillingPerNode = 75 "AssocMaxBillingPerNode",
    AssocMaxCpuMinutesPerJobLimit = 76 "AssocMaxCpuMinutesPerJobLimit",
    AssocMaxCpuPerJobLimit = 77 "AssocMaxCpuPerJobLimit",
    AssocMaxCpuPerNode = 78 "AssocMaxCpuPerNode",
    AssocMaxEnergyMinutesPerJob = 79 "AssocMaxEnergyMinutesPerJob",
    AssocMaxEnergyPerJob = 80 "AssocMaxEnergyPerJob",
    AssocMaxEnergyPerNode = 81 "AssocMaxEnergyPerNode",
    AssocMaxGRESMinutesPerJob = 82 "AssocMaxGRESMinutesPerJob",
    AssocMaxGRESPerJob = 83 "AssocMaxGRESPerJob",
    AssocMaxGRESPerNode = 84 "AssocMaxGRESPerNode",
    AssocMaxJobsLimit = 85 "AssocMaxJobsLimit",
    AssocMaxLicenseMinutesPerJob = 86 "AssocMaxLicenseMinutesPerJob",
    AssocMaxLicensePerJob = 87 "AssocMaxLicensePerJob",
    AssocMaxMemMinutesPerJob = 88 "AssocMaxMemMinutesPerJob",
    AssocMaxMemPerJob = 89 "AssocMaxMemPerJob",
    AssocMaxMemPerNode = 90 "AssocMaxMemPerNode",
    AssocMaxNodeMinutesPerJob = 91 "AssocMaxNodeMinutesPerJob",
    AssocMaxNodePerJobLimit = 92 "AssocMaxNodePerJobLimit",
    AssocMaxSubmitJobLimit = 93 "AssocMaxSubmitJobLimit",
    AssocMaxUnknownMinutesPerJob = 94 "AssocMaxUnknownMinutesPerJob",
    AssocMaxUnknownPerJob = 95 "AssocMaxUnknownPerJob",
    AssocMaxUnknownPerNode = 96 "AssocMaxUnknownPerNode",
    AssocMaxWallDurationPerJobLimit = 97 "AssocMaxWallDurationPerJobLimit",
    AssociationJobLimit = 98 "AssociationJobLimit",
    AssociationResourceLimit = 99 "AssociationResourceLimit",
    AssociationTimeLimit = 100 "AssociationTimeLimit",
    BurstBufferOperation = 101 "BurstBufferOperation",
    BurstBufferResources = 102 "BurstBufferResources",
    BurstBufferStageIn = 103 "BurstBufferStageIn",
    FedJobLock = 104 "FedJobLock",
    FrontEndDown = 105 "FrontEndDown",
    MaxBBPerAccount = 106 "MaxBBPerAccount",
    MaxBBRunMinsPerAccount = 107 "MaxBBRunMinsPerAccount",
    MaxBBRunMinsPerUser = 108 "MaxBBRunMinsPerUser",
    MaxBillingPerAccount = 109 "MaxBillingPerAccount",
    MaxBillingRunMinsPerAccount = 110 "MaxBillingRunMinsPerAccount",
    MaxBillingRunMinsPerUser = 111 "MaxBillingRunMinsPerUser",
    MaxCpuPerAccount = 112 "MaxCpuPerAccount",
    MaxCpuRunMinsPerAccount = 113 "MaxCpuRunMinsPerAccount",
    MaxCpuRunMinsPerUser = 114 "MaxCpuRunMinsPerUser",
    MaxEnergyPerAccount = 115 "MaxEnergyPerAccount",
    MaxEnergyRunMinsPerAccount = 116 "MaxEnergyRunMinsPerAccount",
    MaxEnergyRunMinsPerUser = 117 "MaxEnergyRunMinsPerUser",
    MaxGRESPerAccount = 118 "MaxGRESPerAccount",
    MaxGRESRunMinsPerAccount = 119 "MaxGRESRunMinsPerAccount",
    MaxGRESRunMinsPerUser = 120 "MaxGRESRunMinsPerUser",
    MaxJobsPerAccount = 121 "MaxJobsPerAccount",
    MaxLicensePerAccount = 122 "MaxLicensePerAccount",
    MaxLicenseRunMinsPerAccount = 123 "MaxLicenseRunMinsPerAccount",
    MaxLicenseRunMinsPerUser = 124 "MaxLicenseRunMinsPerUser",
    MaxMemPerLimit = 125 "MaxMemPerLimit",
    MaxMemoryPerAccount = 126 "MaxMemoryPerAccount",
    MaxMemoryRunMinsPerAccount = 127 "MaxMemoryRunMinsPerAccount",
    MaxMemoryRunMinsPerUser = 128 "MaxMemoryRunMinsPerUser",
    MaxNodePerAccount = 129 "MaxNodePerAccount",
    MaxNodeRunMinsPerAccount = 130 "MaxNodeRunMinsPerAccount",
    MaxNodeRunMinsPerUser = 131 "MaxNodeRunMinsPerUser",
    MaxPoweredUpNodes = 132 "MaxPoweredUpNodes",
    MaxSubmitJobsPerAccount = 133 "MaxSubmitJobsPerAccount",
    MaxUnknownPerAccount = 134 "MaxUnknownPerAccount",
    MaxUnknownRunMinsPerAccount = 135 "MaxUnknownRunMinsPerAccount",
    MaxUnknownRunMinsPerUser = 136 "MaxUnknownRunMinsPerUser",
    MpiPortsBusy = 137 "MpiPortsBusy",
    NvidiaImexChannels = 138 "NvidiaImexChannels",
    QosGrpBB = 139 "QOSGrpBB",
    QosGrpBBMinutes = 140 "QOSGrpBBMinutes",
    QosGrpBBRunMinutes = 141 "QOSGrpBBRunMinutes",
    QosGrpBilling = 142 "QOSGrpBilling",
    QosGrpBillingMinutes = 143 "QOSGrpBillingMinutes",
    QosGrpBillingRunMinutes = 144 "QOSGrpBillingRunMinutes",
    QosGrpCPUMinutesLimit = 145 "QOSGrpCPUMinutesLimit",
    QosGrpCPURunMinutesLimit = 146 "QOSGrpCPURunMinutesLimit",
    QosGrpCpuLimit = 147 "QOSGrpCpuLimit",
    QosGrpEnergy = 148 "QOSGrpEnergy",
    QosGrpEnergyMinutes = 149 "QOSGrpEnergyMinutes",
    QosGrpEnergyRunMinutes = 150 "QOSGrpEnergyRunMinutes",
    QosGrpGRES = 151 "QOSGrpGRES",
    QosGrpGRESMinutes = 152 "QOSGrpGRESMinutes",
    QosGrpGRESRunMinutes = 153 "QOSGrpGRESRunMinutes",
    QosGrpJobsLimit = 154 "QOSGrpJobsLimit",
    QosGrpLicense = 155 "QOSGrpLicense",
    QosGrpLicenseMinutes = 156 "QOSGrpLicenseMinutes",
    QosGrpLicenseRunMinutes = 157 "QOSGrpLicenseRunMinutes",
    QosGrpMemLimit = 158 "QOSGrpMemLimit",
    QosGrpMemoryMinutes = 159 "QOSGrpMemoryMinutes",
    QosGrpMemoryRunMinutes = 160 "QOSGrpMemoryRunMinutes",
    QosGrpNodeLimit = 161 "QOSGrpNodeLimit",
    QosGrpNodeMinutes = 162 "QOSGrpNodeMinutes",
    QosGrpNodeRunMinutes = 163 "QOSGrpNodeRunMinutes",
    QosGrpSubmitJobsLimit = 164 "QOSGrpSubmitJobsLimit",
    QosGrpUnknown = 165 "QOSGrpUnknown",
    QosGrpUnknownMinutes = 166 "QOSGrpUnknownMinutes",
    QosGrpUnknownRunMinutes = 167 "QOSGrpUnknownRunMinutes",
    QosGrpWallLimit = 168 "QOSGrpWallLimit",
    QosJobLimit = 169 "QOSJobLimit",
    QosMaxBBMinutesPerJob = 170 "QOSMaxBBMinutesPerJob",
    QosMaxBBPerJob = 171 "QOSMaxBBPerJob",
    QosMaxBBPerNode = 172 "QOSMaxBBPerNode",
    QosMaxBBPerUser = 173 "QOSMaxBBPerUser",
    QosMaxBillingMinutesPerJob = 174 "QOSMaxBillingMinutesPerJob",
    QosMaxBillingPerJob = 175 "QOSMaxBillingPerJob",
    QosMaxBillingPerNode = 176 "QOSMaxBillingPerNode",
    QosMaxBillingPerUser = 177 "QOSMaxBillingPerUser",
    QosMaxCpuMinutesPerJobLimit = 178 "QOSMaxCpuMinutesPerJobLimit",
    QosMaxCpuPerJobLimit = 179 "QOSMaxCpuPerJobLimit",
    QosMaxCpuPerNode = 180 "QOSMaxCpuPerNode",
    QosMaxCpuPerUserLimit = 181 "QOSMaxCpuPerUserLimit",
    QosMaxEnergyMinutesPerJob = 182 "QOSMaxEnergyMinutesPerJob",
    QosMaxEnergyPerJob = 183 "QOSMaxEnergyPerJob",
    QosMaxEnergyPerNode = 184 "QOSMaxEnergyPerNode",
    QosMaxEnergyPerUser = 185 "QOSMaxEnergyPerUser",
    QosMaxGRESMinutesPerJob = 186 "QOSMaxGRESMinutesPerJob",
    QosMaxGRESPerJob = 187 "QOSMaxGRESPerJob",
    QosMaxGRESPerNode = 188 "QOSMaxGRESPerNode",
    QosMaxGRESPerUser = 189 "QOSMaxGRESPerUser",
    QosMaxJobsPerUserLimit = 190 "QOSMaxJobsPerUserLimit",
    QosMaxLicenseMinutesPerJob = 191 "QOSMaxLicenseMinutesPerJob",
    QosMaxLicensePerJob = 192 "QOSMaxLicensePerJob",
    QosMaxLicensePerUser = 193 "QOSMaxLicensePerUser",
    QosMaxMemoryMinutesPerJob = 194 "QOSMaxMemoryMinutesPerJob",
    QosMaxMemoryPerJob = 195 "QOSMaxMemoryPerJob",
    QosMaxMemoryPerNode = 196 "QOSMaxMemoryPerNode",
    QosMaxMemoryPerUser = 197 "QOSMaxMemoryPerUser",
    QosMaxNodeMinutesPerJob = 198 "QOSMaxNodeMinutesPerJob",
    QosMaxNodePerJobLimit = 199 "QOSMaxNodePerJobLimit",
    QosMaxNodePerUserLimit = 200 "QOSMaxNodePerUserLimit",
    QosMaxSubmitJobPerUserLimit = 201 "QOSMaxSubmitJobPerUserLimit",
    QosMaxUnknownMinutesPerJob = 202 "QOSMaxUnknownMinutesPerJob",
    QosMaxUnknownPerJob = 203 "QOSMaxUnknownPerJob",
    QosMaxUnknownPerNode = 204 "QOSMaxUnknownPerNode",
    QosMaxUnknownPerUser = 205 "QOSMaxUnknownPerUser",
    QosMaxWallDurationPerJobLimit = 206 "QOSMaxWallDurationPerJobLimit",
    QosMinBB = 207 "QOSMinBB",
    QosMinBilling = 208 "QOSMinBilling",
    QosMinCpuNotSatisfied = 209 "QOSMinCpuNotSatisfied",
    QosMinEnergy = 210 "QOSMinEnergy",
    QosMinGRES = 211 "QOSMinGRES",
    QosMinLicense = 212 "QOSMinLicense",
    QosMinMemory = 213 "QOSMinMemory",
    QosMinNode = 214 "QOSMinNode",
    QosMinUnknown = 215 "QOSMinUnknown",
    QosNotAllowed = 216 "QOSNotAllowed",
    QosResourceLimit = 217 "QOSResourceLimit",
    QosTimeLimit = 218 "QOSTimeLimit",
    QosUsageThreshold = 219 "QOSUsageThreshold",
    LaunchFailedRequeuedHeld = 220 "launch_failed_requeued_held",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_texts_read_back() {
        for reason in Reason::ALL {
            assert_eq!(Reason::from_code(reason.code()), Some(*reason));
            assert_eq!(Reason::parse(reason.text()), Some(*reason));
        }
        assert_eq!(Reason::from_code(Reason::ALL.len() as u16), None);
    }

    #[test]
    fn durable_codes_do_not_move() {
        assert_eq!(Reason::default(), Reason::None);
        for (reason, code) in [(Reason::Priority, 1), (Reason::JobArrayTaskLimit, 18), (Reason::OutOfMemory, 26)] {
            assert_eq!(reason.code(), code);
        }
    }
}
