//! What signing and sending cost in memory: the raw file lies there already, and next to nothing
//! comes on top. A program of its own, since it counts every allocation of the process.

#![expect(unsafe_code, reason = "an allocator that counts")]
#![expect(clippy::unwrap_used, reason = "a helper that cannot go on is a failed test")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};

use sealpress_client::sign::BodyPool;
use sealpress_client::veriff::{Client, Context, Credentials, SessionId, Upload};
use sealpress_media::Media;

/// The largest file that Veriff takes.
const FILE: usize = 17_000_000;

/// What two passes may take beyond it.
const MOST: usize = 256 << 10;

/// Counts what is alive, and the most that ever was.
struct Counting {
    alive: AtomicUsize,
    peak: AtomicUsize,
}

#[global_allocator]
static MEMORY: Counting = Counting { alive: AtomicUsize::new(0), peak: AtomicUsize::new(0) };

impl Counting {
    fn more(&self, bytes: usize) {
        let alive = self.alive.fetch_add(bytes, Ordering::Relaxed) + bytes;
        self.peak.fetch_max(alive, Ordering::Relaxed);
    }

    fn less(&self, bytes: usize) {
        self.alive.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Starts anew, and returns what is alive now.
    fn start(&self) -> usize {
        let alive = self.alive.load(Ordering::Relaxed);
        self.peak.store(alive, Ordering::Relaxed);
        alive
    }

    /// The most that was alive since, above what was alive then.
    fn peak_above(&self, start: usize) -> usize {
        self.peak.load(Ordering::Relaxed) - start
    }
}

// SAFETY: every call goes on to the system's allocator, unchanged; `realloc` and `alloc_zeroed` go
// through `alloc` as the trait provides them, which counts old and new block of a growth together.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.more(layout.size());
        // SAFETY: the caller's promises are the system's conditions.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        self.less(layout.size());
        // SAFETY: the caller's promises are the system's conditions.
        unsafe { System.dealloc(block, layout) }
    }
}

/// Reads one request after the other into a buffer on its stack and stores nothing, so that what
/// is counted is the client's. Returns the URL.
fn devouring_server() -> String {
    const ANSWER: &str = r#"{"status":"success","image":{"id":"m"}}"#;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut buffer = [0; 32 << 10];
            let (mut filled, mut left) = (0, None);
            // The head, up to its Content-Length and its end.
            while left.is_none() {
                filled += stream.read(&mut buffer[filled..]).unwrap();
                let head = &buffer[..filled];
                let Some(end) = head.windows(4).position(|w| w == b"\r\n\r\n") else { continue };
                let name = b"content-length: ";
                let at = head.windows(name.len()).position(|w| w.eq_ignore_ascii_case(name)).unwrap() + name.len();
                let digits = head[at..].iter().take_while(|b| b.is_ascii_digit());
                let length = digits.fold(0, |n, b| n * 10 + usize::from(b - b'0'));
                left = Some(length - (filled - end - 4));
            }
            let mut left = left.unwrap_or(0);
            while left > 0 {
                let count = stream.read(&mut buffer).unwrap();
                assert!(count > 0 && count <= left, "the body ends {left} bytes early");
                left -= count;
            }
            write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{ANSWER}", ANSWER.len())
                .unwrap();
        }
    });
    url
}

fn upload() -> Upload {
    // A JPEG as far as its header goes, which is all that is looked at.
    let mut bytes = vec![0xA5; FILE];
    let head = [0xFF, 0xD8, 0xFF, 0xC0, 0, 17, 8, 0x02, 0xD0, 0x05, 0x00, 3, 1, 0x22, 0, 2, 0x11, 1, 3, 0x11, 1];
    bytes[..head.len()].copy_from_slice(&head);
    let session = SessionId::new("7c2f0a2e-6d2b-4a8e-9c55-0c6d1f0b9e21").unwrap();
    Upload::new(session, Context::DocumentFront, Media::sniff(bytes).unwrap())
}

/// Signs and sends twice; the most memory that took beyond the file.
async fn sign_and_send(client: &Client, upload: &Upload) -> usize {
    let start = MEMORY.start();
    let body = client.sign(upload).unwrap();
    for _ in 0..2 {
        client.send(&body).await.unwrap();
    }
    drop(body);
    MEMORY.peak_above(start)
}

/// One test, so that no other allocates meanwhile.
#[tokio::test]
async fn the_largest_file_is_signed_and_sent_in_a_few_kib() {
    let url = devouring_server();
    let credentials = || Credentials::new("3f0e8a52-7d61-4c0b-9e58-1d2c3b4a5f60", "sandbox-shared-secret-0001");
    let upload = upload();
    let client = Client::builder(&url, credentials()).build().unwrap();
    let two_passes = sign_and_send(&client, &upload).await;
    println!("two passes: {two_passes} bytes beyond a file of {FILE}");
    assert!(two_passes <= MOST, "{two_passes} bytes beyond the file");
    assert!(two_passes > 8 << 10, "{two_passes}: a piece of text at least has to be counted");

    // That the count counts: a whole body takes its own length.
    let client = Client::builder(&url, credentials()).body_pool(BodyPool::new(1)).build().unwrap();
    let whole = sign_and_send(&client, &upload).await;
    assert!((FILE / 3 * 4..FILE / 3 * 4 + MOST).contains(&whole), "{whole} bytes beyond the file");
}
