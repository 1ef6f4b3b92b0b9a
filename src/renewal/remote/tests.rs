//! Two authorities, of which one is slow: real sockets, and the order of events alone.

use super::*;
use crate::renewal::Body;
use crate::renewal::tests::request;
use bytes::Bytes;
use core::convert::Infallible;
use core::future::{Future, pending};
use http_body_util::Full;
use hyper::service::service_fn;
use hyper::{Response, server::conn::http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpListener;
use tokio::sync::Notify;

/// What an authority says that has nothing new.
const NOTHING_NEW: &str = concat!(
    "{\"protocol\":1,\"nonce\":1,\"epoch\":1,\"received_at_ms\":1,\"kind\":\"changes\"}\n",
    "{\"end\":{\"revision\":1,\"state_hash\":\"0000000000000000000000000000000000000000000000000000000000000000\",",
    "\"answered_at_ms\":1,\"items\":0}}\n",
);

/// An authority that answers a renewal so, over one connection; its address.
async fn authority<F>(answer: impl Fn() -> F + Send + Sync + 'static) -> String
where
    F: Future<Output = &'static str> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let answer = service_fn(|_| {
            let answer = answer();
            async { Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(answer.await.as_bytes())))) }
        });
        http2::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), answer).await
    });
    url
}

#[tokio::test]
async fn the_next_authority_is_asked_while_the_first_one_may_still_answer() {
    let asked = Arc::new(Notify::new());
    let seen = Arc::clone(&asked);
    // Answers when the other has been asked. Whoever gave it up before asking the other hears from nobody.
    let first = authority(move || {
        let seen = Arc::clone(&seen);
        async move {
            seen.notified().await;
            NOTHING_NEW
        }
    });
    let second = authority(move || {
        asked.notify_one();
        pending()
    });
    let urls = vec![first.await, second.await];
    let settings = RemoteSettings {
        urls,
        files: ClientFiles::default(),
        token_file: None,
        named: None,
        lease: LeaseSettings::default(),
    };
    // So far apart that no pause of this machine makes one of them the other.
    let (attempt_max, hedge_after) = (Duration::from_secs(15), Duration::from_millis(20));
    let remote = Remote { ways: Ways::new(settings, attempt_max, 0).unwrap(), hedge_after };
    let answer = remote.renew(request("edge-1", "1", Some((1, 1)))).await.unwrap();
    assert_eq!(answer.nonce, 1);
    assert!(matches!(answer.body, Body::Changes(items, _) if items.is_empty()));
}

#[test]
fn the_next_authority_is_asked_when_a_renewal_is_late_and_early_enough_for_the_lease() {
    let shorter = LeaseSettings { lease: Duration::from_secs(1), hold: Duration::from_millis(50), drift_ppm_max: 1000 };
    let longer = LeaseSettings { lease: Duration::from_mins(1), hold: Duration::from_secs(10), ..shorter };
    for lease in [LeaseSettings::default(), shorter, longer] {
        let Waits { attempt_max, hedge_after } = Waits::within(lease);
        assert!(lease.hold < hedge_after, "{lease:?}: what is held back is not late");
        assert!(hedge_after < attempt_max, "{lease:?}: the first one is given up before the next one is asked");
        // The renewal before was sent up to H earlier, and the next authority may hold its answer back as long.
        let answered = lease.hold + hedge_after + lease.hold;
        assert!(answered < lease.usable(), "{lease:?}: one lost renewal costs the lease");
    }
}
