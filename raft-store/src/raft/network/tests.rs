//! A link to a peer that answers what the test says.

use std::collections::VecDeque;
use std::sync::Mutex;

use openraft::entry::RaftEntry;

use super::super::{Entry, convert::encode_append_reply, convert::log_id};
use super::*;
use crate::encoding::Position;

type Reply = AppendEntriesResponse<Types>;

#[derive(Clone, Default)]
struct Scripted {
    says: Arc<Mutex<VecDeque<Reply>>>,
}

impl Talk for Scripted {
    fn ask(&self, _: RaftKind, _: Bytes, _: Duration) -> BoxFuture<'static, Result<Bytes, transport::Unreachable>> {
        let reply = self.says.lock().unwrap().pop_front().expect("nothing more is asked");
        std::future::ready(Ok(encode_append_reply(&reply))).boxed()
    }
}

impl Transport for Scripted {
    fn talk(&self, _: &Peer, _: Duration) -> BoxFuture<'static, Result<Arc<dyn Talk>, transport::Unreachable>> {
        let talk: Arc<dyn Talk> = Arc::new(self.clone());
        std::future::ready(Ok(talk)).boxed()
    }

    fn call(
        &self,
        _: &Peer,
        _: RaftKind,
        _: Bytes,
        _: Duration,
    ) -> BoxFuture<'static, Result<Bytes, transport::Unreachable>> {
        unreachable!("only appends are asked")
    }

    fn stream(
        &self,
        _: &Peer,
        _: RaftKind,
        _: BoxStream<'static, Bytes>,
        _: Duration,
    ) -> BoxFuture<'static, Result<Bytes, transport::Unreachable>> {
        unreachable!("only appends are asked")
    }
}

fn at(term: u64, index: u64) -> LogId {
    log_id(Position { term, index })
}

fn append(vote: Vote, previous: LogId, entries: u64) -> AppendEntriesRequest<Types> {
    let entries = (1..=entries).map(|more| Entry::new_blank(at(previous.leader_id.term, previous.index + more)));
    AppendEntriesRequest { vote, prev_log_id: Some(previous), entries: entries.collect(), leader_commit: None }
}

/// A leader's link to replica 2, and what replica 2 says.
fn link() -> (Link, Scripted) {
    let peer = Scripted::default();
    let identity = Identity { cluster_id: [0; 16], generation: 1, replica: 1, store_id: [1; 16], name: "a".into() };
    let network = Network {
        transport: Arc::new(peer.clone()),
        identity,
        append_timeout: Duration::from_secs(1),
        snapshot_timeout: Duration::from_secs(1),
        fault: Fault::new(),
        acknowledged: Arc::default(),
    };
    (Link { to: Peer { replica: 2, address: "b:1".into() }, network }, peer)
}

/// What openraft hears when `request` is answered so: up to where the logs agree, "conflict", or that nobody is there.
async fn hears(link: &mut Link, peer: &Scripted, request: AppendEntriesRequest<Types>, reply: Reply) -> String {
    peer.says.lock().unwrap().push_back(reply);
    let requests = Box::pin(futures::stream::iter([request]));
    let option = RPCOption::new(Duration::from_millis(50));
    let mut answers = link.stream_append(requests, option).await.expect("the road is open");
    match answers.next().await.expect("an answer") {
        Ok(Ok(matched)) => format!("{}", matched.map_or(0, |id| id.index)),
        Ok(Err(refused)) => refused.to_string().split('(').next().unwrap_or_default().to_lowercase(),
        Err(_) => "nobody".to_owned(),
    }
}

#[tokio::test(start_paused = true)]
async fn who_takes_back_what_it_acknowledged_is_as_good_as_not_there_in_this_leadership() {
    let ((mut link, peer), vote) = (link(), Vote::new_committed(3, 1));
    // An election's conflict: it never acknowledged that to this leader.
    assert_eq!(hears(&mut link, &peer, append(vote, at(2, 9), 0), Reply::Conflict).await, "conflict");
    assert_eq!(hears(&mut link, &peer, append(vote, at(2, 5), 4), Reply::Success).await, "9");
    assert_eq!(hears(&mut link, &peer, append(vote, at(2, 20), 0), Reply::Conflict).await, "conflict");
    assert_eq!(link.network.acknowledged.distrusted(3), []);
    // It had 9.
    assert_eq!(hears(&mut link, &peer, append(vote, at(2, 9), 0), Reply::Conflict).await, "nobody");
    assert_eq!(link.network.acknowledged.distrusted(3), [2]);
    assert_eq!(hears(&mut link, &peer, append(vote, at(2, 5), 4), Reply::Success).await, "nobody");
    assert_eq!(
        hears(&mut link, &peer, append(vote, at(2, 5), 4), Reply::PartialSuccess(Some(at(2, 6)))).await,
        "nobody"
    );
    // That another was elected is heard from anybody.
    let higher = Reply::HigherVote(Vote::new_committed(4, 3));
    assert!(hears(&mut link, &peer, append(vote, at(2, 9), 0), higher).await.starts_with("higher"));
    // To another leader it has acknowledged nothing yet.
    let later = Vote::new_committed(5, 1);
    assert_eq!(hears(&mut link, &peer, append(later, at(2, 9), 0), Reply::Conflict).await, "conflict");
    assert_eq!(hears(&mut link, &peer, append(later, at(2, 5), 4), Reply::Success).await, "9");
}

#[tokio::test(start_paused = true)]
async fn a_replica_with_a_new_identity_is_not_accused_of_what_the_one_before_it_did() {
    let ((mut link, peer), vote) = (link(), Vote::new_committed(3, 1));
    assert_eq!(hears(&mut link, &peer, append(vote, at(2, 5), 4), Reply::Success).await, "9");
    link.to.replica = 4;
    assert_eq!(hears(&mut link, &peer, append(vote, at(2, 9), 0), Reply::Conflict).await, "conflict");
    assert_eq!(link.network.acknowledged.distrusted(3), []);
}
