//! What a request seems to be, before anybody vouches for it: which room it waits in, and nothing else.

use prost::encoding::{DecodeContext, decode_key, skip_field};

/// Fields of `Request.body` that only look, as `client.proto` numbers them: listings and the like, fences apart.
const READS: std::ops::RangeInclusive<u32> = 40..=48;
/// The body's fields: the last one counts.
const BODY: std::ops::RangeInclusive<u32> = 10..=99;

/// Whether the encoded request only looks. What is no request does not: it is refused soon.
pub(super) fn only_looks(mut request: &[u8]) -> bool {
    let mut body = 0;
    while !request.is_empty() {
        let Ok((tag, wire)) = decode_key(&mut request) else { return false };
        if BODY.contains(&tag) {
            body = tag;
        }
        if skip_field(wire, tag, &mut request, DecodeContext::default()).is_err() {
            return false;
        }
    }
    READS.contains(&body)
}

#[cfg(test)]
mod tests {
    use muster_proto::wire::{ListJobs, Ping, Request, Stats, Submit, request::Body};
    use prost::Message;

    use super::*;

    #[test]
    fn readers_are_told_from_those_who_change_something() {
        let looks = |body| {
            let request =
                Request { request_id: vec![7; 16].into(), host: "h".into(), body: Some(body), ..Request::default() };
            only_looks(&request.encode_to_vec())
        };
        assert!(looks(Body::ListJobs(ListJobs::default())) && looks(Body::Stats(Stats::default())));
        assert!(!looks(Body::Submit(Submit::default())) && !looks(Body::Ping(Ping {})));
        assert!(!only_looks(b"") && !only_looks(b"\xff\xff\xff") && !only_looks(&[0xc2, 0x02, 0x7f]));
    }
}
