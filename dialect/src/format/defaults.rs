//! The formats that the commands use when none is given. For [`super::parse_built_in`].

/// squeue.
pub const SQUEUE: &str = "%.18i %.9P %.8j %.8u %.2t %.10M %.6D %R";
/// `squeue -l`, below a line with the date.
pub const SQUEUE_LONG: &str = "%.18i %.9P %.8j %.8u %.8T %.10M %.9l %.6D %R";
/// `squeue -s`.
pub const SQUEUE_STEPS: &str = "%.15i %.8j %.9P %.8u %.9M %N";
/// `squeue --start`.
pub const SQUEUE_START: &str = "%.18i %.9P %.8j %.8u %.2t %.19S %.6D %20Y %R";

/// sinfo.
pub const SINFO: &str = "%#P %.5a %.10l %.6D %.6t %N";
/// `sinfo -s`.
pub const SINFO_SUMMARY: &str = "%#P %.5a %.10l %.16F %N";
/// `sinfo -l`, below a line with the date.
pub const SINFO_LONG: &str = "%#P %.5a %.10l %.10s %.4r %.8h %.10g %.6D %.11T %N";
/// `sinfo -N`.
pub const SINFO_NODES: &str = "%#N %.6D %.#P %6t";
/// `sinfo -N -l`, below a line with the date.
pub const SINFO_NODES_LONG: &str = "%#N %.6D %.#P %.11T %4c %.8z %.6m %.8d %.6w %.8f %20E";
/// `sinfo -R`.
pub const SINFO_REASONS: &str = "%20E %9u %19H %N";
/// `sinfo -R -l`, below a line with the date.
pub const SINFO_REASONS_LONG: &str = "%20E %12U %19H %6t %N";

/// sacct.
pub const SACCT: &str = "jobid%-12,jobname,partition,account,alloccpus,state,exitcode";
/// `sacct -b`.
pub const SACCT_BRIEF: &str = "jobid%-12,state,exitcode";
/// `sacct -l`.
pub const SACCT_LONG: &str = "jobid,jobidraw,jobname,partition,maxvmsize,maxvmsizenode,\
    maxvmsizetask,avevmsize,maxrss,maxrssnode,maxrsstask,averss,\
    maxpages,maxpagesnode,maxpagestask,avepages,mincpu,mincpunode,\
    mincputask,avecpu,ntasks,alloccpus,elapsed,state,\
    exitcode,avecpufreq,reqcpufreqmin,reqcpufreqmax,reqcpufreqgov,reqmem,\
    consumedenergy,maxdiskread,maxdiskreadnode,maxdiskreadtask,avediskread,maxdiskwrite,\
    maxdiskwritenode,maxdiskwritetask,avediskwrite,reqtres,alloctres,tresusageinave,\
    tresusageinmax,tresusageinmaxnode,tresusageinmaxtask,tresusageinmin,tresusageinminnode,tresusageinmintask,\
    tresusageintot,tresusageoutmax,tresusageoutmaxnode,tresusageoutmaxtask,tresusageoutave,tresusageouttot";
