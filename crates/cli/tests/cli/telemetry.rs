//! The feature `otel`: what a collector gets of a run, over a real socket.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value as Any};
use opentelemetry_proto::tonic::metrics::v1::{metric::Data, number_data_point::Value as Number};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;

use super::backfill::{Batch, signal, slow, text};
use super::lines;

/// Stands in for what must never leave the machine: part of a file's name.
const CANARY: &str = "Canaria-Nemo";

/// One request that a collector got.
struct Got {
    path: String,
    head: String,
    body: Vec<u8>,
}

/// A collector of OTLP over HTTP that takes everything.
struct Collector {
    url: String,
    got: Arc<Mutex<Vec<Got>>>,
}

impl Collector {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let got = Arc::new(Mutex::new(Vec::new()));
        let taken = Arc::clone(&got);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // One that breaks off was not delivered; what then is missing fails the test.
                if let Some(request) = take(stream) {
                    taken.lock().unwrap().push(request);
                }
            }
        });
        Self { url, got }
    }

    /// The run's command, told where the collector is.
    fn told(&self, batch: &Batch, words: &[&str]) -> Command {
        let mut command = batch.command(words);
        command.env("OTEL_EXPORTER_OTLP_ENDPOINT", &self.url).env("OTEL_EXPORTER_OTLP_HEADERS", "x-tenant=seal");
        command.env("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment=test");
        command
    }

    fn spans(&self) -> Vec<Span> {
        let got = self.got.lock().unwrap();
        let decoded = got.iter().filter(|g| g.path == "/v1/traces").flat_map(|g| {
            let request = ExportTraceServiceRequest::decode(&g.body[..]).unwrap();
            request.resource_spans.into_iter().flat_map(|r| {
                attributes(&r.resource.unwrap().attributes, "sealpress");
                r.scope_spans.into_iter().flat_map(|s| s.spans).collect::<Vec<_>>()
            })
        });
        decoded.collect()
    }

    /// The last value of every series, as `name{label}`.
    fn figures(&self) -> BTreeMap<String, f64> {
        let mut figures = BTreeMap::new();
        for got in self.got.lock().unwrap().iter().filter(|g| g.path == "/v1/metrics") {
            for resource in ExportMetricsServiceRequest::decode(&got.body[..]).unwrap().resource_metrics {
                attributes(&resource.resource.unwrap().attributes, "sealpress");
                for metric in resource.scope_metrics.into_iter().flat_map(|s| s.metrics) {
                    let points = match metric.data.unwrap() {
                        Data::Sum(sum) => {
                            assert!(sum.is_monotonic && metric.name.ends_with("_total"), "{}", metric.name);
                            sum.data_points
                        }
                        Data::Gauge(gauge) => gauge.data_points,
                        other => panic!("{}: {other:?}", metric.name),
                    };
                    for point in points {
                        let label: Vec<&str> = point.attributes.iter().map(value).collect();
                        let Some(Number::AsDouble(n)) = point.value else { panic!("{}", metric.name) };
                        figures.insert(format!("{}{{{}}}", metric.name, label.join(",")), n);
                    }
                }
            }
        }
        figures
    }
}

fn take(stream: TcpStream) -> Option<Got> {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        (reader.read_line(&mut head).ok()? > 0).then_some(())?;
    }
    let length = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length?];
    reader.read_exact(&mut body).ok()?;
    reader.get_mut().write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").ok()?;
    let path = head.split(' ').nth(1)?.to_owned();
    Some(Got { path, head, body })
}

fn value(pair: &KeyValue) -> &str {
    match pair.value.as_ref().and_then(|v| v.value.as_ref()) {
        Some(Any::StringValue(text)) => text,
        other => panic!("{}: {other:?}", pair.key),
    }
}

fn field<'a>(span: &'a Span, key: &str) -> &'a KeyValue {
    let found = span.attributes.iter().find(|pair| pair.key == key);
    found.unwrap_or_else(|| panic!("{} has no {key}: {:?}", span.name, span.attributes))
}

fn attributes(all: &[KeyValue], service: &str) {
    let get = |key: &str| all.iter().find(|pair| pair.key == key).map(value);
    assert_eq!(get("service.name"), Some(service));
    assert_eq!(get("deployment.environment"), Some("test"));
    assert!(get("service.version").is_some() && get("service.instance.id").is_some());
}

#[test]
fn a_collector_gets_spans_and_the_figures_of_the_run() {
    let lost =
        "[[fault]]\nroutes = ['upload']\ncount = 1\neffect = { kind = 'status', status = 502, recorded = true }\n";
    let batch =
        Batch::new(3, lost, &format!("customer-7,face,{CANARY}.jpg,x\ncustomer-8,face,missing-{CANARY}.jpg,x\n"));
    fs::write(batch.path(&format!("{CANARY}.jpg")), b"no picture at all").unwrap();
    let collector = Collector::start();
    let output = collector.told(&batch, &["run", "m.csv", "--json"]).output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", text(&output.stderr));
    assert!(!text(&output.stderr).contains("telemetry"), "{}", text(&output.stderr));
    let end = lines(&output).pop().unwrap();

    // The figures are the run's.
    let figures = collector.figures();
    let status = batch.json(&["status", "m.csv", "--json"], 3);
    let items = &end["items"];
    for (name, expected) in [
        ("sealpress_items{}", &items["total"]),
        ("sealpress_items_done_before{}", &0.into()),
        ("sealpress_items_ended_total{confirmed}", &items["confirmed"]),
        ("sealpress_items_ended_total{failed}", &items["failed"]),
        ("sealpress_items_ended_total{quarantined}", &items["quarantined"]),
        ("sealpress_failures_total{unsupported-format}", &1.into()),
        ("sealpress_sessions_submitted_total{}", &end["sessions"]["submitted"]),
        ("sealpress_attempts_total{}", &status["attempts"]),
        ("sealpress_in_doubt_total{}", &1.into()),
        ("sealpress_found_total{}", &1.into()),
        ("sealpress_memory_bytes{}", &0.into()),
    ] {
        assert_eq!(figures.get(name).copied(), expected.as_f64(), "{name}: {figures:#?}");
    }
    assert!(figures["sealpress_press_seconds_total{}"] > 0.0 && figures["sealpress_bytes_sent_total{}"] > 0.0);

    // Every stage has its span, in its item's.
    let spans = collector.spans();
    let names: BTreeSet<&str> = spans.iter().map(|s| s.name.as_str()).collect();
    let expected = ["create", "item", "look", "press", "read", "request", "send", "session", "sign", "submit"];
    assert_eq!(names, expected.into_iter().collect());
    let count = |name: &str| spans.iter().filter(|s| s.name == name).count() as u64;
    assert_eq!(Some(count("submit")), end["sessions"]["submitted"].as_u64());
    assert_eq!((Some(count("send")), count("look")), (status["attempts"].as_u64(), 1));
    let by_id: BTreeMap<&[u8], &Span> = spans.iter().map(|s| (&s.span_id[..], s)).collect();
    for span in &spans {
        assert!(span.events.is_empty(), "{}: {:?}", span.name, span.events);
        match span.name.as_str() {
            "item" => {
                // A file that is refused before its session is made has none.
                let is_refused = value(field(span, "outcome")) == "unsupported-format";
                assert!(is_refused || !value(field(span, "session")).is_empty());
                assert!(matches!(field(span, "item").value.as_ref().unwrap().value, Some(Any::IntValue(1..))));
            }
            "submit" => assert!(!value(field(span, "session")).is_empty()),
            "create" => {}
            "session" => assert!(span.parent_span_id.is_empty()),
            "request" => drop(field(span, "operation")),
            stage => {
                let parent = by_id.get(&span.parent_span_id[..]).map(|p| p.name.as_str());
                assert_eq!(parent, Some("item"), "{stage}");
            }
        }
    }
    let outcomes = |name: &str| {
        let items = spans.iter().filter(|s| s.name == "item");
        items.filter(|s| value(field(s, "outcome")) == name).count()
    };
    assert_eq!((outcomes("answered"), outcomes("listed"), outcomes("unsupported-format")), (5, 1, 1));
    let hashed = spans.iter().filter(|s| s.name == "item" && s.attributes.iter().any(|a| a.key == "sha256"));
    assert!(hashed.clone().count() >= 6 && hashed.map(|s| value(field(s, "sha256"))).all(|hash| hash.len() == 8));

    // Told as asked, and nothing that nobody should see.
    let told = |name: &str| batch.emulator.told[name].as_str().unwrap().to_owned();
    let hidden = [CANARY, "customer-", "m.csv", "document-front.jpg", "no picture"].map(str::to_owned);
    for got in collector.got.lock().unwrap().iter() {
        assert!(got.head.contains("x-tenant: seal") && got.head.contains("application/x-protobuf"), "{}", got.head);
        let said = format!("{}{}", got.head, text(&got.body));
        for secret in hidden.iter().chain([&told("secret"), &told("api_key")]) {
            assert!(!said.contains(secret.as_str()), "{secret} in {}", got.path);
        }
    }
}

#[test]
fn a_run_that_is_stopped_tells_the_rest_first() {
    let batch = Batch::new(8, &slow(600), "");
    let collector = Collector::start();
    let mut command = collector.told(&batch, &["run", "m.csv", "--connections", "2", "--json"]);
    command.env("OTEL_TRACES_EXPORTER", "none");
    let child = batch.started(command);
    signal(&child, "-TERM");
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(143), "{}", text(&output.stderr));
    let end = lines(&output).pop().unwrap();
    let confirmed = collector.figures()["sealpress_items_ended_total{confirmed}"];
    assert_eq!(Some(confirmed), end["items"]["confirmed"].as_f64(), "{end}");
    assert!(collector.spans().is_empty(), "spans were not asked for");
}

#[test]
fn a_collector_that_is_away_costs_a_warning_and_no_time() {
    // One refuses, one takes connections and says nothing, one is no address at all.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for (endpoint, warned) in [
        (format!("http://{free}"), "cannot be reached"),
        (format!("http://{}", silent.local_addr().unwrap()), "in time"),
        ("not an address".to_owned(), "OTEL_EXPORTER_OTLP_ENDPOINT"),
    ] {
        let batch = Batch::new(2, "", "");
        let mut command = batch.command(&["run", "m.csv", "--json"]);
        command.env("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint);
        let began = Instant::now();
        let output = command.output().unwrap();
        let (took, said) = (began.elapsed(), text(&output.stderr));
        assert_eq!(output.status.code(), Some(0), "{endpoint}: {said}");
        let end = lines(&output).pop().unwrap();
        assert_eq!(end["items"]["confirmed"], 4, "{endpoint}");
        let run = Duration::from_secs_f64(end["seconds"].as_f64().unwrap());
        assert!(took < run + Duration::from_secs(8), "{endpoint}: {took:?}, the run itself {run:?}");
        assert!(said.matches("telemetry").count() == 1 && said.contains(warned), "{endpoint}: {said}");
    }
}
