//! The conformance of the store, workers side by side, and a server that goes away.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::super::conformance::{self, confirmed, prepared, row, sending};
use super::cluster::Cluster;
use super::*;
use crate::manifest::Who;

fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(future)
}

/// The same tests as SQLite's, each in a schema of its own.
#[test]
fn conformance() {
    let Some(cluster) = Cluster::start() else { return };
    let store = async |name: &str| Postgres::open(&cluster.url(), name, None).await.unwrap();
    wait(async {
        conformance::a_session_goes_its_way(&store("a").await).await;
        conformance::failures_keep_a_session_open(&store("b").await).await;
        conformance::retry_sets_back(&store("c").await).await;
        conformance::changes_need_the_claim(&store("d").await).await;
        conformance::mended_rows_go_to_their_sessions(&store("e").await).await;
        conformance::a_creation_in_doubt_is_asked_for_again(&store("f").await).await;
        conformance::sessions_are_made_anew_or_left_out(&store("g").await).await;
        conformance::a_part_of_the_work_is_claimed(&store("h").await).await;
        conformance::pieces_outlive_their_worker(&store("i").await).await;
        conformance::frames_are_left_out(&store("j").await).await;
        conformance::doubts_keep_their_looks(&store("k").await).await;
    });
    let mut runner = proptest::test_runner::TestRunner::new(proptest::prelude::ProptestConfig::with_cases(12));
    let n = std::cell::Cell::new(0);
    let outcome = runner.run(&conformance::steps(), |steps| {
        n.set(n.get() + 1);
        wait(async { conformance::follows_the_table(&store(&format!("p{}", n.get())).await, &steps).await });
        Ok(())
    });
    outcome.unwrap();
}

/// Tables of the version before items could leave as several files are brought up to date and gone on with.
#[test]
fn old_tables_are_gone_on_with() {
    let Some(cluster) = Cluster::start() else { return };
    wait(async {
        let server = Server::start(Pool::new(&cluster.url(), "old", None).unwrap()).unwrap();
        let scripts: Vec<String> = POSTGRES.migrations(0).take(4).map(|(_, script)| script).collect();
        let old = format!(
            "{}; {} INSERT INTO facts VALUES ('schema', '4'), ('imported', 'hash');
             INSERT INTO sessions (id, key, remote, state, total, confirmed) VALUES (1, 'session:s', 's', 2, 2, 1);
             INSERT INTO items (id, session, line, context, media, state, attempt, media_id, bytes_out, mime, ambiguous)
             VALUES (1, 1, 2, 'face', 'a.jpg', 3, 1, 'm', 500, 'image/jpeg', 0),
             (2, 1, 3, 'face', 'b.jpg', 2, 1, NULL, 500, 'image/jpeg', 1)",
            schema::FACTS,
            scripts.concat()
        );
        let made = server.on(async move |pool: Rc<Pool>| {
            pool.run(async |t| t.inner.batch_execute(&old).await.map_err(Failed::from)).await
        });
        made.await.unwrap();
        let store = Postgres::open(&cluster.url(), "old", None).await.unwrap();
        let claim = store.claim(9, true, &Part::default()).await.unwrap().remove(0);
        let states: Vec<_> = claim.items.iter().map(|item| (item.state, item.pieces, item.before.len())).collect();
        assert_eq!(states, [(ItemState::Confirmed, 1, 0), (ItemState::Sending, 1, 0)]);
        store.apply(&claim.ticket, vec![confirmed(claim.items[1].id)]).await.unwrap();
        let summary = store.summary().await.unwrap();
        assert_eq!((summary.of(ItemState::Confirmed), summary.bytes_out), (2, 1000));
    });
}

/// Each manifest has tables of its own, found again by its content wherever it lies, or by its place.
#[test]
fn every_manifest_has_a_namespace_of_its_own() {
    let Some(cluster) = Cluster::start() else { return };
    wait(async {
        let of = async |own: &str, hash: &str| Postgres::namespace_of(&cluster.url(), None, own, hash).await.unwrap();
        assert_eq!(of("sealpress_one", "hash-1").await, "sealpress_one");
        let first = Postgres::open(&cluster.url(), "sealpress_one", None).await.unwrap();
        first.import(sessions(2)).await.unwrap();
        first.finish_import("hash-1".into(), false).await.unwrap();
        assert_eq!(of("sealpress_two", "hash-2").await, "sealpress_two", "another manifest");
        let second = Postgres::open(&cluster.url(), "sealpress_two", None).await.unwrap();
        assert_eq!(second.summary().await.unwrap().total(), 0, "nothing of the first one's");
        assert_eq!(second.fact(crate::store::IMPORTED).await.unwrap(), None);
        assert_eq!(of("sealpress_elsewhere", "hash-1").await, "sealpress_one", "the same manifest, moved");
        assert_eq!(of("sealpress_one", "hash-3").await, "sealpress_one", "the same place, edited");
    });
}

fn sessions(n: u64) -> Vec<Row> {
    (0..n).map(|n| row(n + 2, Some(Who::Session(conformance::id(&format!("s{n}")))), "face")).collect()
}

#[test]
fn leases_pass_on_and_fence() {
    let Some(cluster) = Cluster::start() else { return };
    wait(async {
        let (a, b) = (
            Postgres::open(&cluster.url(), "x", None).await.unwrap(),
            Postgres::open(&cluster.url(), "x", None).await.unwrap(),
        );
        a.import(sessions(4)).await.unwrap();
        a.finish_import("hash".into(), false).await.unwrap();
        let (mine, yours) =
            (a.claim(2, true, &Part::default()).await.unwrap(), b.claim(9, true, &Part::default()).await.unwrap());
        assert_eq!((mine.len(), yours.len()), (2, 2), "each session is one worker's");
        assert!(b.others_at_work(true).await.unwrap());
        let item = mine[0].items[0].id;
        a.apply(&mine[0].ticket, vec![prepared(item), sending(item)]).await.unwrap();
        // The first worker is stopped for longer than its lease.
        cluster.sql(&format!("UPDATE x.sessions SET lease_until = 1 WHERE id = {}", mine[0].ticket.session));
        let taken = b.claim(9, true, &Part::default()).await.unwrap();
        assert_eq!(taken.len(), 1);
        assert_eq!(taken[0].items[0].state, ItemState::Sending, "what may have been sent is known to the next worker");
        let error = a.apply(&mine[0].ticket, vec![confirmed(item)]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::LeaseLost);
        assert_eq!(a.renew(&mine[0].ticket).await.unwrap_err().kind(), ErrorKind::LeaseLost);
        assert!(a.renew(&mine[1].ticket).await.unwrap().is_some());
        b.apply(&taken[0].ticket, vec![confirmed(item)]).await.unwrap();
    });
}

#[test]
fn a_restart_of_the_server_loses_nothing() {
    let Some(cluster) = Cluster::start() else { return };
    wait(async {
        let store = Postgres::open(&cluster.url(), "x", None).await.unwrap();
        store.import(sessions(30)).await.unwrap();
        store.finish_import("hash".into(), false).await.unwrap();
        let work = async {
            let mut done = 0;
            loop {
                let claims = store.claim(3, true, &Part::default()).await.unwrap();
                if claims.is_empty() {
                    return done;
                }
                for claim in claims {
                    let item = claim.items[0].id;
                    store.apply(&claim.ticket, vec![prepared(item), sending(item)]).await.unwrap();
                    store.apply(&claim.ticket, vec![confirmed(item)]).await.unwrap();
                    store.apply(&claim.ticket, vec![Change::Submitting]).await.unwrap();
                    store.apply(&claim.ticket, vec![Change::Submitted]).await.unwrap();
                    store.release(&claim.ticket).await.unwrap();
                    done += 1;
                    tokio::time::sleep(Duration::from_millis(30)).await;
                }
            }
        };
        let restarts = tokio::task::spawn_blocking(move || {
            for _ in 0..2 {
                std::thread::sleep(Duration::from_millis(250));
                cluster.down();
                cluster.up();
            }
            cluster
        });
        let (done, cluster) = tokio::join!(work, restarts);
        assert!(done <= 30);
        let summary = store.summary().await.unwrap();
        // A claim whose answer was lost with the server waits for its lease to end; none is lost.
        let claimed = store.others_at_work(true).await.unwrap();
        assert!(summary.of(ItemState::Confirmed) == 30 || claimed, "{summary:?}");
        assert_eq!(summary.total(), 30);
        drop(cluster);
    });
}

/// Between the workers and the server: once told, it passes a commit on and loses the answer.
fn lossy(cluster: &Cluster) -> (String, Arc<AtomicBool>) {
    use std::io::{Read as _, Write as _};
    use std::net::{Shutdown, TcpListener, TcpStream};
    let (listener, lose) = (TcpListener::bind("127.0.0.1:0").unwrap(), Arc::new(AtomicBool::new(false)));
    let (url, told) = (cluster.url(), Arc::clone(&lose));
    let port = url.rsplit(':').next().unwrap().split('/').next().unwrap().to_owned();
    let own = listener.local_addr().unwrap().port().to_string();
    let server = format!("127.0.0.1:{port}");
    std::thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let Ok(server) = TcpStream::connect(&server) else { continue };
            let cut = Arc::new(AtomicBool::new(false));
            let pass = |mut from: TcpStream, mut to: TcpStream, is_question: bool| {
                let (cut, told) = (Arc::clone(&cut), Arc::clone(&told));
                std::thread::spawn(move || {
                    let mut bytes = [0; 1 << 16];
                    while let Ok(n @ 1..) = from.read(&mut bytes) {
                        let is_commit = bytes[..n].windows(7).any(|word| word == b"COMMIT\0");
                        if is_question && is_commit && told.swap(false, Ordering::SeqCst) {
                            cut.store(true, Ordering::SeqCst);
                        }
                        if (!is_question && cut.load(Ordering::SeqCst)) || to.write_all(&bytes[..n]).is_err() {
                            break;
                        }
                    }
                    let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
                });
            };
            pass(client.try_clone().unwrap(), server.try_clone().unwrap(), true);
            pass(server, client, false);
        }
    });
    (url.replace(&port, &own), lose)
}

/// What was written and not answered for is tried again, and is there once: rows that are taken in, rows that are fed
/// back, items that are left out.
#[test]
fn a_commit_whose_answer_is_lost_is_made_once() {
    let Some(cluster) = Cluster::start() else { return };
    let (url, lose) = lossy(&cluster);
    wait(async {
        let store = Postgres::open(&url, "x", None).await.unwrap();
        let lost = || assert!(!lose.load(Ordering::SeqCst), "no answer was lost");
        lose.store(true, Ordering::SeqCst);
        store.import(sessions(3)).await.unwrap();
        lost();
        store.finish_import("hash".into(), false).await.unwrap();
        assert_eq!(store.summary().await.unwrap().total(), 3);
        lose.store(true, Ordering::SeqCst);
        let new = row(9, Some(Who::Session(conformance::id("s0"))), "document-front");
        let mended = store.mend(vec![crate::store::Mended { line: None, row: new }]).await.unwrap();
        lost();
        assert_eq!((mended, store.summary().await.unwrap().total()), (vec![Mend::Taken], 4));
        lose.store(true, Ordering::SeqCst);
        let left = store.leave_out(vec!["s1".into()], LeaveOut::Everything).await.unwrap();
        lost();
        assert_eq!(left, [LeftOut::Done(1)]);
    });
}

/// A lock ends with its connection: whoever held it adds no rows to those of the next worker.
#[test]
fn who_lost_the_lock_takes_nothing_in() {
    let Some(cluster) = Cluster::start() else { return };
    wait(async {
        let first = Postgres::open(&cluster.url(), "x", None).await.unwrap();
        let second = Postgres::open(&cluster.url(), "x", None).await.unwrap();
        let held = first.import_lock().await.unwrap();
        first.clear().await.unwrap();
        first.import(sessions(2)).await.unwrap();
        cluster.down();
        cluster.up();
        let taken = second.import_lock().await.unwrap();
        second.clear().await.unwrap();
        second.import(sessions(3)).await.unwrap();
        let refused = first.import(sessions(2)).await.unwrap_err();
        assert!(refused.to_string().contains("another worker takes the manifest in"), "{refused}");
        assert!(first.finish_import("hash".into(), false).await.is_err());
        second.finish_import("hash".into(), false).await.unwrap();
        assert_eq!(second.summary().await.unwrap().total(), 3);
        drop((held, taken));
    });
}

#[test]
fn two_that_wait_for_each_other_are_set_free() {
    let Some(cluster) = Cluster::start() else { return };
    wait(async {
        let store = Postgres::open(&cluster.url(), "x", None).await.unwrap();
        store.import(sessions(2)).await.unwrap();
        let cross = async |first: i64, second: i64| {
            let touch = |id: i64| format!("UPDATE sessions SET total = total + 1 WHERE id = {id}");
            store
                .server
                .on(async move |pool: Rc<Pool>| {
                    pool.run(async |t| {
                        t.execute(&touch(first), &[]).await?;
                        tokio::time::sleep(Duration::from_millis(200)).await;
                        t.execute(&touch(second), &[]).await.map(drop)
                    })
                    .await
                })
                .await
        };
        let (a, b) = tokio::join!(cross(1, 2), cross(2, 1));
        a.unwrap();
        b.unwrap();
        let sum = "UPDATE sessions SET total = total WHERE (SELECT SUM(total) FROM sessions) = 6";
        assert_eq!(store.execute(sum, Vec::new()).await.unwrap(), 2, "both were applied, once each");
    });
}

fn pem(kind: &str, der: &[u8]) -> String {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let lines: Vec<&str> = text.as_bytes().chunks(64).map(|l| std::str::from_utf8(l).unwrap()).collect();
    format!("-----BEGIN {kind}-----\n{}\n-----END {kind}-----\n", lines.join("\n"))
}

/// Encrypted where it is asked for, and only to a server that somebody vouches for under its name.
#[test]
fn tls_judges_the_server() {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let certificate = pem("CERTIFICATE", made.cert.der());
    let Some(cluster) = Cluster::encrypted(&certificate, &pem("PRIVATE KEY", &made.signing_key.serialize_der())) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let ours = folder.path().join("ours.pem");
    std::fs::write(&ours, &certificate).unwrap();
    let stranger = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let strangers = folder.path().join("strangers.pem");
    std::fs::write(&strangers, pem("CERTIFICATE", stranger.cert.der())).unwrap();
    let url = cluster.url().replace("127.0.0.1", "localhost");
    wait(async {
        let store = Postgres::open(&url, "x", Some(&ours)).await.unwrap();
        conformance::a_session_goes_its_way(&store).await;
        for mode in ["require", "verify-full"] {
            let url = format!("{url}?sslmode={mode}");
            assert!(Postgres::open(&url, "y", Some(&ours)).await.is_ok(), "{mode}");
            // The machine does not know the certificate.
            let error = Postgres::open(&url, "y", None).await.map(drop).unwrap_err();
            assert!(error.to_string().contains("certificate"), "{mode}: {error}");
        }
        let error = Postgres::open(&url, "y", Some(&strangers)).await.map(drop).unwrap_err();
        assert!(error.to_string().contains("certificate"), "{error}");
        // Another name than the certificate's.
        let error = Postgres::open(&cluster.url(), "y", Some(&ours)).await.map(drop).unwrap_err();
        assert!(error.to_string().contains("certificate"), "{error}");
        // Without TLS this server lets nobody in.
        let error = Postgres::open(&url, "y", None).await.map(drop).unwrap_err();
        assert!(error.to_string().contains("28000"), "{error}");
        let missing = folder.path().join("missing.pem");
        assert_eq!(Postgres::open(&url, "y", Some(&missing)).await.map(drop).unwrap_err().kind(), ErrorKind::Config);
    });
}
