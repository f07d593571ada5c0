//! Whatever text comes from outside, every parser answers: no panic, no hang, no flood of memory.

use jiff::tz::TimeZone;
use muster_dialect::format::tables::{SINFO, SQUEUE_JOBS};
use muster_dialect::format::{parse_letters, parse_names, sacct};
use muster_dialect::options::tables::{SBATCH, SQUEUE};
use muster_dialect::pattern::{PatternJob, PatternPlace};
use muster_dialect::{
    cpus_per_node, date, dependency, distribution, exit_code, hostlist, jobid, memory, options, pattern, script,
    signal, state, step, time, tres,
};
use proptest::prelude::*;

const JOB: PatternJob<'_> = PatternJob { job: 1, array: Some((1, 2)), user: "u", name: "n" };
const PLACE: PatternPlace<'_> = PatternPlace { step: step::StepId(0), node: "n1", node_index: 0, task: 0 };

fn feed(text: &str) {
    let _ = hostlist::parse(text).map(|hosts| hostlist::fold_sorted(&hosts));
    let _ = time::TimeLimit::parse(text).map(|limit| limit.to_string());
    let _ = date::parse(text, 1_795_306_514, &TimeZone::UTC);
    let _ = date::parse_past(text, 0, &TimeZone::UTC);
    let _ = date::TimeFormat::from_variable(Some(text)).print(i64::MAX, i64::MIN, &TimeZone::UTC);
    let _ = memory::parse_mib(text).map(memory::print_mib);
    let _ = tres::TresList::parse(text).map(|list| list.print_by_name());
    let _ = tres::GresRequest::parse_list(text);
    let _ = tres::GresRequest::parse_gpus(text);
    let _ = tres::NodeGres::parse_list(text);
    let _ = jobid::JobSpec::parse_list(text);
    let _ = jobid::ArraySpec::parse(text, 1_001).map(|array| array.print(10));
    let _ = dependency::DependencyList::parse(text).map(|list| list.print_with_state());
    let _ = distribution::Distribution::parse(text).map(|d| d.to_string());
    let _ = cpus_per_node::parse(text);
    let _ = exit_code::ExitCode::parse(text);
    let _ = signal::Warning::parse(text);
    let _ = state::StateFilter::parse(text);
    let _ = state::NodeState::new(state::NodeBase::Idle, state::NodeFlags::NONE).matches_filter(text);
    let _ = script::check(text.as_bytes());
    let _ = script::directives(&format!("#!\n#SBATCH{text}"), "#SBATCH");
    let _ = pattern::expand(text, &JOB, &PLACE) + &pattern::show(text, "/w", &JOB);
    let _ = parse_letters(&SQUEUE_JOBS, text).header() + &parse_names(&SINFO, text).header();
    let _ = sacct::parse(text).map(|columns| sacct::Layout::Padded.header(&columns));
    let words: Vec<String> = text.split(' ').map(str::to_owned).collect();
    let _ = options::parse(&SBATCH, &words).map_err(|e| e.to_string());
    let _ = options::parse(&SQUEUE, &words).map_err(|e| e.to_string());
}

proptest! {
    #[test]
    fn any_text_is_answered(text in any::<String>()) {
        feed(&text);
    }

    #[test]
    fn text_made_of_our_own_marks_is_answered(text in "[0-9a-zA-Z,:;_+.%@=?/#&'\"\\\\\\[\\]() \n-]{0,48}") {
        feed(&text);
    }

    #[test]
    fn numbers_of_any_size_are_answered(text in "[+-]?[0-9]{1,30}([-:./_%][0-9]{0,30}){0,3}") {
        feed(&text);
    }
}

#[test]
fn long_texts_are_answered_soon() {
    for piece in
        ["1,", "n[0-9]", "0-9,", "%j", "a:", "1_[0-9],", "--", "gpu:1,", "afterok:1,", "%9999i", "(", "[", "\\"]
    {
        feed(&piece.repeat(20_000));
    }
}
