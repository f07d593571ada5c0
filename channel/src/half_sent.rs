//! Messages of which a part has come, over all connections of a door: they take so many bytes together and no more.
//!
//! A connection is bounded by itself, and there may be tens of thousands of them. A message is counted with its whole length as
//! soon as that is known, since room is made for all of it, until its last byte has come. One that comes at once is not counted.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf, Bytes};
use http_body::Frame;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep, sleep};
use tonic::body::Body;
use tonic::codegen::{Service, http};
use tonic::{Code, Status};

use crate::MESSAGE_BYTES_MAX;

/// Bytes of all half-sent messages of a door: as many as 64 of the largest have.
const HALF_SENT_BYTES_MAX: usize = 64 * MESSAGE_BYTES_MAX;
/// Larger ones leave a quarter of that to the small: what most commands send.
const LARGE_BYTES: usize = 64 * 1024;
/// Once more than half is taken, a message that stands still for so long is given up.
const STANDSTILL: Duration = Duration::from_secs(10);
/// Between two warnings.
const WARN_AGAIN: Duration = Duration::from_secs(60);
/// Compression flag and length, before each message.
const HEADER_BYTES: usize = 5;

const TOO_MANY: &str = "too many messages are half sent: try again";
const STOOD_STILL: &str = "a message stood still while many are half sent: try again";

/// Whether a door refused a request before it had the whole of it.
pub(crate) fn is_refused(status: &Status) -> bool {
    status.code() == Code::Unavailable && [TOO_MANY, STOOD_STILL].contains(&status.message())
}

/// Of one door. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Room {
    bytes_max: usize,
    all: Arc<Semaphore>,
    large: Arc<Semaphore>,
    warned: Arc<Mutex<Option<Instant>>>,
}

impl Room {
    /// For a door.
    pub(crate) fn of_door() -> Self {
        Self::new(HALF_SENT_BYTES_MAX)
    }

    fn new(bytes_max: usize) -> Self {
        let (all, large) = (Arc::new(Semaphore::new(bytes_max)), Arc::new(Semaphore::new(bytes_max / 4 * 3)));
        Self { bytes_max, all, large, warned: Arc::default() }
    }

    fn take(&self, bytes: usize) -> Result<Taken, Status> {
        // What is larger is refused by whoever reads it.
        let bytes = u32::try_from(bytes.min(MESSAGE_BYTES_MAX)).expect("a message is no larger");
        let large = if bytes as usize > LARGE_BYTES {
            Some(self.large.clone().try_acquire_many_owned(bytes).map_err(|_| self.refuse(TOO_MANY))?)
        } else {
            None
        };
        let all = self.all.clone().try_acquire_many_owned(bytes).map_err(|_| self.refuse(TOO_MANY))?;
        Ok(Taken { _all: all, _large: large })
    }

    fn is_tight(&self) -> bool {
        self.all.available_permits() < self.bytes_max / 2
    }

    fn refuse(&self, why: &str) -> Status {
        let mut warned = self.warned.lock().unwrap_or_else(PoisonError::into_inner);
        if warned.is_none_or(|when| when.elapsed() >= WARN_AGAIN) {
            *warned = Some(Instant::now());
            tracing::warn!(bytes = self.bytes_max, "too many messages are half sent: more are refused");
        }
        Status::unavailable(why)
    }
}

struct Taken {
    _all: OwnedSemaphorePermit,
    _large: Option<OwnedSemaphorePermit>,
}

/// A door's service, behind the count.
#[derive(Clone)]
pub(crate) struct Counting<S> {
    pub(crate) inner: S,
    pub(crate) room: Room,
}

impl<S: Service<http::Request<Body>>> Service<http::Request<Body>> for Counting<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: http::Request<Body>) -> S::Future {
        let kind = request.headers().get(http::header::CONTENT_TYPE);
        let is_grpc = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"));
        // Nothing else that is served here reads a body.
        let room = self.room.clone();
        let counted = |body| if is_grpc { Body::new(Counted::new(body, room)) } else { body };
        self.inner.call(request.map(counted))
    }
}

/// The body of a request: messages, each after its header.
struct Counted<B> {
    body: B,
    room: Room,
    /// What came of the next header.
    header: [u8; HEADER_BYTES],
    header_has: usize,
    /// Bytes that the message still lacks.
    lacks: usize,
    taken: Option<Taken>,
    standstill: Option<Pin<Box<Sleep>>>,
}

impl<B> Counted<B> {
    fn new(body: B, room: Room) -> Self {
        Self { body, room, header: [0; HEADER_BYTES], header_has: 0, lacks: 0, taken: None, standstill: None }
    }

    fn count(&mut self, mut data: &[u8]) -> Result<(), Status> {
        self.standstill = None;
        while !data.is_empty() {
            if self.lacks == 0 {
                let more = data.len().min(HEADER_BYTES - self.header_has);
                self.header[self.header_has..self.header_has + more].copy_from_slice(&data[..more]);
                self.header_has += more;
                data.advance(more);
                if self.header_has < HEADER_BYTES {
                    return Ok(());
                }
                let [_, length @ ..] = self.header;
                self.lacks = u32::from_be_bytes(length) as usize;
                if data.len() < self.lacks {
                    self.taken = Some(self.room.take(self.lacks)?);
                }
            }
            let more = data.len().min(self.lacks);
            self.lacks -= more;
            data.advance(more);
            if self.lacks == 0 {
                (self.header_has, self.taken) = (0, None);
            }
        }
        Ok(())
    }

    /// Nothing came. An error where somebody else needs the room.
    fn wait(&mut self, cx: &mut Context<'_>) -> Poll<Status> {
        if self.taken.is_none() {
            return Poll::Pending;
        }
        loop {
            let standstill = self.standstill.get_or_insert_with(|| Box::pin(sleep(STANDSTILL)));
            std::task::ready!(standstill.as_mut().poll(cx));
            if self.room.is_tight() {
                return Poll::Ready(self.room.refuse(STOOD_STILL));
            }
            self.standstill = None;
        }
    }
}

impl<B> http_body::Body for Counted<B>
where
    B: http_body::Body<Data = Bytes, Error = Status> + Unpin,
{
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let frame = match Pin::new(&mut self.body).poll_frame(cx) {
            Poll::Pending => return self.wait(cx).map(|why| Some(Err(why))),
            Poll::Ready(frame) => frame,
        };
        let counted = match frame.as_ref().and_then(|frame| frame.as_ref().ok()).and_then(Frame::data_ref) {
            Some(data) => {
                let data = data.clone();
                self.count(&data)
            }
            None => Ok(()),
        };
        Poll::Ready(match counted {
            Ok(()) => frame,
            Err(why) => Some(Err(why)),
        })
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::task::Waker;

    use http_body::Body as _;
    use tokio::sync::mpsc;

    use super::*;

    const ROOM: usize = 400_000;

    /// A body that comes as the test sends it.
    struct Sent(mpsc::UnboundedReceiver<Vec<u8>>);

    impl http_body::Body for Sent {
        type Data = Bytes;
        type Error = Status;

        fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
            self.0.poll_recv(cx).map(|data| data.map(|data| Ok(Frame::data(data.into()))))
        }
    }

    struct Request {
        sender: mpsc::UnboundedSender<Vec<u8>>,
        body: Pin<Box<Counted<Sent>>>,
    }

    impl Request {
        fn new(room: &Room) -> Self {
            let (sender, receiver) = mpsc::unbounded_channel();
            Self { sender, body: Box::pin(Counted::new(Sent(receiver), room.clone())) }
        }

        /// The door reads `data`, or says why not.
        fn sends(&mut self, data: Vec<u8>) -> Result<(), String> {
            self.sender.send(data).unwrap();
            match self.body.as_mut().poll_frame(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(Some(Ok(_))) => Ok(()),
                Poll::Ready(Some(Err(status))) if is_refused(&status) => Err(status.message().to_owned()),
                other => panic!("{other:?}"),
            }
        }
    }

    /// Header and the first `has` bytes of a message of `length`.
    fn begin(length: usize, has: usize) -> Vec<u8> {
        let mut data = vec![0];
        data.extend_from_slice(&u32::try_from(length).unwrap().to_be_bytes());
        data.resize(HEADER_BYTES + has, 7);
        data
    }

    #[tokio::test]
    async fn large_messages_leave_room_for_small_ones_and_are_refused_beyond_it() {
        let room = Room::new(ROOM);
        let mut large: Vec<Request> = (0..3).map(|_| Request::new(&room)).collect();
        large.iter_mut().for_each(|request| request.sends(begin(100_000, 1)).unwrap());
        assert_eq!(Request::new(&room).sends(begin(100_000, 0)), Err(TOO_MANY.to_owned()));
        let mut small = Request::new(&room);
        small.sends(begin(60_000, 10)).unwrap();
        let mut another = Request::new(&room);
        assert_eq!(another.sends(begin(60_000, 10)), Err(TOO_MANY.to_owned()));
        small.sends(vec![7; 59_990]).unwrap();
        Request::new(&room).sends(begin(60_000, 10)).unwrap();
        large.remove(0).sends(vec![7; 99_999]).unwrap();
        Request::new(&room).sends(begin(100_000, 0)).unwrap();
    }

    #[tokio::test]
    async fn what_comes_at_once_or_goes_away_takes_nothing() {
        let room = Room::new(ROOM);
        let mut request = Request::new(&room);
        let two = [begin(100_000, 100_000), begin(9, 9), begin(50_000, 0)[..3].to_vec()].concat();
        request.sends(two).unwrap();
        assert_eq!(room.all.available_permits(), ROOM);
        request.sends(begin(50_000, 1)[3..].to_vec()).unwrap();
        assert_eq!(room.all.available_permits(), ROOM - 50_000);
        drop(request);
        assert_eq!(room.all.available_permits(), ROOM);
    }

    #[tokio::test(start_paused = true)]
    async fn a_message_that_stands_still_is_given_up_where_room_is_tight() {
        let room = Room::new(ROOM);
        let mut request = Request::new(&room);
        request.sends(begin(60_000, 1)).unwrap();
        let patient = tokio::time::timeout(STANDSTILL * 3, poll_fn(|cx| request.body.as_mut().poll_frame(cx)));
        assert!(patient.await.is_err(), "there is room for others");
        let mut others: Vec<Request> = (0..2).map(|_| Request::new(&room)).collect();
        others.iter_mut().for_each(|other| other.sends(begin(100_000, 1)).unwrap());
        let given_up = poll_fn(|cx| request.body.as_mut().poll_frame(cx)).await;
        assert!(given_up.is_some_and(|frame| frame.is_err_and(|status| is_refused(&status))));
    }
}
