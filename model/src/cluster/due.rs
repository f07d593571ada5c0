//! What time asks for: expiries and purges. Readers for the leader's time and retention loops, and the commands they propose.

use muster_dialect::state::{JobState, Reason};
use muster_proto::durable::{Answer, EndCause};

use super::ending::Ending;
use super::job::Job;
use super::mail;
use super::ruling::{Ruling, done};
use super::state::Cluster;

/// Jobs that one command expires or purges.
pub const DUE_MAX: usize = 1_000;

impl Cluster {
    /// Uids whose time limit (grace included) or deadline has passed at `now_ms`, at most `max`.
    pub fn due(&self, now_ms: u64, max: usize) -> Vec<u64> {
        let struck = self.index.due.iter().take_while(|(at, _)| *at <= now_ms).map(|(_, uid)| *uid);
        struck.filter(|uid| self.job(*uid).is_some_and(|job| self.expiry(job, now_ms).is_some())).take(max).collect()
    }

    /// When the next time limit or deadline strikes, grace not counted: no need to ask [`Cluster::due`] before.
    pub fn next_due_ms(&self) -> Option<u64> {
        self.index.due.first().map(|(at, _)| *at)
    }

    /// Uids of jobs that ended at least `MinJobAge` ago and that nothing waits for, at most `max`.
    pub fn purgeable(&self, now_ms: u64, max: usize) -> Vec<u64> {
        let Some(age_ms) = self.settings().and_then(|settings| settings.min_job_age_ms) else { return Vec::new() };
        let old = self.index.ended.iter().take_while(|(ended, _)| ended.saturating_add(age_ms) <= now_ms);
        old.map(|(_, uid)| *uid).filter(|uid| self.may_purge(*uid, now_ms)).take(max).collect()
    }

    /// Grace of a job's time limit in ms; `None`: it never ends by it.
    pub fn over_time_limit_ms(&self, job: &Job) -> Option<u64> {
        let of_partition = self.partition(&job.row.last_partition).and_then(|partition| partition.over_time_limit_ms);
        of_partition.unwrap_or_else(|| self.settings().map_or(Some(0), |settings| settings.over_time_limit_ms))
    }

    /// When the running attempt ends by its time limit, grace included.
    pub fn ends_by_ms(&self, job: &Job) -> Option<u64> {
        Some(job.limit_ends_ms()?.saturating_add(self.over_time_limit_ms(job)?))
    }

    fn expiry(&self, job: &Job, now_ms: u64) -> Option<EndCause> {
        let deadline = job.spec().deadline_ms;
        if deadline != 0 && deadline <= now_ms && !job.state().is_finished() {
            return Some(EndCause::Deadline);
        }
        let limit = self.ends_by_ms(job).into_iter().chain(job.stepless_ends_ms()).min();
        limit.filter(|at| *at <= now_ms).map(|_| EndCause::Timeout)
    }

    pub(super) fn expire_jobs(&mut self, uids: &[u64]) -> Ruling {
        let mut count = 0;
        for uid in uids.iter().take(DUE_MAX) {
            let Some(job) = self.job(*uid).cloned() else { continue };
            let Some(cause) = self.expiry(&job, self.now_ms()) else { continue };
            let gone = job.stepless_ends_ms().is_some_and(|at| at <= self.now_ms());
            if job.state() == JobState::Pending {
                self.end_pending(*uid, JobState::Deadline, None, Reason::Deadline);
            } else {
                if job.spec().mail_types & mail::TIME_LIMIT != 0 {
                    self.send_mail(*uid, mail::TIME_LIMIT);
                }
                self.end_work(*uid, Ending::of(cause));
                if gone {
                    self.edit_job(*uid, |row| row.reason = u32::from(Reason::InactiveLimit.code()));
                }
            }
            count += 1;
        }
        Ok(Answer { count, ..done() })
    }

    fn may_purge(&self, uid: u64, now_ms: u64) -> bool {
        let Some(job) = self.job(uid).filter(|job| job.is_over()) else { return false };
        let age_ms = self.settings().and_then(|settings| settings.min_job_age_ms);
        let old = age_ms.is_some_and(|age| job.row.end_ms.saturating_add(age) <= now_ms);
        let awaited = self.dependents(uid).next().is_some()
            || (job.row.array_uid != 0 && self.dependents(job.row.array_uid).next().is_some());
        old && !awaited
    }

    /// History was written when the job ended: only its record and its references go.
    pub(super) fn purge_jobs(&mut self, uids: &[u64]) -> Ruling {
        let mut count = 0;
        for uid in uids.iter().take(DUE_MAX) {
            if !self.may_purge(*uid, self.now_ms()) {
                continue;
            }
            let Some(job) = self.job(*uid).cloned() else { continue };
            self.drop_references(job.spec());
            for reference in job.row.steps.iter().filter_map(|step| step.spec.as_ref()?.environment.as_ref()) {
                self.drop_reference(reference);
            }
            self.remove_job(*uid);
            count += 1;
        }
        Ok(Answer { count, ..done() })
    }
}
