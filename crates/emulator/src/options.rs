//! Every switch of the emulator, with its default. Where the vendor's documents are silent or contradict
//! themselves, the default is a pick, marked as such.

use serde::{Deserialize, Serialize};

use crate::ledger::Verdict;

/// Behaviour of the emulator; set in the builder, in a TOML file under `[options]`, or while it runs
/// through `PATCH /__emulator/options`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "snake_case")]
#[non_exhaustive]
pub struct Options {
    /// Names under which browsers may use the page, besides IP addresses and `localhost`: a container's,
    /// say. Default none, since any other name may have been pointed here by a hostile site.
    pub allowed_hosts: Vec<String>,
    /// How closely uploaded media are looked at. Default [`MediaMode::Strict`], as the vendor would.
    pub media: MediaMode,
    /// Strict mode: longest side in pixels. Default 1920.
    pub max_edge: u32,
    /// Strict mode: base64 characters of an image. Default 24,000,000.
    pub max_base64: usize,
    /// Strict mode: bytes of an image. Default 17,000,000.
    pub max_image_bytes: usize,
    /// Strict mode: bytes of a PDF. Default 20,000,000.
    pub max_pdf_bytes: usize,
    /// Strict mode: PDFs are accepted. Default true (the vendor enables it per integration).
    pub pdf_enabled: bool,
    /// Strict mode: HEIC and HEIF are accepted. Default true (pick).
    pub heic_enabled: bool,
    /// Whether `image.content` must carry a `data:` prefix. Default false: raw base64 is accepted too.
    pub require_data_uri: bool,
    /// Accept the URL-safe alphabet, missing padding and white space in base64. Default false (pick).
    pub lenient_base64: bool,
    /// A refused signature is explained in `x-emulator-hint`, beside the log and the page. Default true.
    pub hints: bool,
    /// Milliseconds from a request's first byte to the end of its head; then it is 408. Default 30,000.
    pub header_timeout_ms: u64,
    /// Milliseconds that a connection may idle between requests. Default 300,000.
    pub idle_timeout_ms: u64,
    /// Milliseconds that a body may stand still. Default 60,000.
    pub body_timeout_ms: u64,
    /// Largest request body in bytes; more is 413. Default 40 MiB.
    pub body_limit: usize,
    /// Body of the 413. Default [`ErrorBody::Json`] (pick; a gateway in front might answer with a page).
    pub too_large_body: ErrorBody,
    /// Judge `image.timestamp` (codes 1201, 1202). Default true.
    pub check_timestamps: bool,
    /// Path ids must be 20..=40 characters (1001) and UUIDs (1002), judged before 404. Default true (pick);
    /// false accepts any id, for replaying the documents' fixtures.
    pub check_ids: bool,
    /// Accept the retired `X-SIGNATURE` scheme where no `X-HMAC-SIGNATURE` is sent. Default true.
    pub legacy_signatures: bool,
    /// Accept signatures in capitals. Default true (pick).
    pub upper_case_signatures: bool,
    /// Code of a missing API key: 1801 by the table, 1101 by the example. Default `"1801"`.
    pub missing_key_code: String,
    /// Code of a missing signature. Default `"1815"` (pick).
    pub missing_signature_code: String,
    /// Every error has code 1101, as in the examples of the endpoint pages. Default false: codes of the tables.
    pub only_code_1101: bool,
    /// Error codes are JSON numbers. Default false: strings.
    pub numeric_codes: bool,
    /// The integration is switched on; false answers 401/1804. Default true.
    pub integration_active: bool,
    /// Header family of answer signatures. Default [`SignatureHeaders::X`].
    pub signature_headers: SignatureHeaders,
    /// Sign 401 answers too. Default false, as documented.
    pub sign_401: bool,
    /// Status of a created session. Default 201.
    pub create_status: u16,
    /// Status of an accepted upload. Default 200.
    pub upload_status: u16,
    /// Status of collected data. Default 200.
    pub collected_status: u16,
    /// Name of an object around the ids in the answer to collected data. Default none (pick).
    pub collected_under: Option<String>,
    /// Status of a registry validation. Default 200 (pick).
    pub registry_status: u16,
    /// Status of a deletion: 200 with a body, or 204 without. Default 200.
    pub delete_status: u16,
    /// Name of the field with the host of the end user's page: `host`, or `baseUrl` as of old. Default `"host"`.
    pub host_field: String,
    /// Status of an upload after submission. Default 409.
    pub conflict_status: u16,
    /// Code of an upload after submission. Default `"1304"` (pick).
    pub conflict_code: String,
    /// Body of the 409. Default [`ErrorBody::Json`] (pick).
    pub conflict_body: ErrorBody,
    /// Status of a repeated submission, always with code 1304. Default 409 (pick; 400 is the other reading).
    pub resubmit_status: u16,
    /// Contexts that a session must hold before it may be submitted; a missing one is 400/1102. Default none (pick).
    pub submit_requires: Vec<String>,
    /// Deletion is enabled for the integration. Default false, as the vendor's.
    pub delete_enabled: bool,
    /// Status while deletion is disabled: 404, or 401 with code 1815. Default 404 (pick).
    pub delete_disabled_status: u16,
    /// Deletions allowed per hour of the emulator's clock. Default 5.
    pub deletes_per_hour: u32,
    /// Deletions allowed per day of the emulator's clock. Default 10.
    pub deletes_per_day: u32,
    /// The 429 of a deletion carries `Retry-After`. Default true (pick).
    pub delete_retry_after: bool,
    /// Milliseconds from submission to a decision that a first name asked for. Default 1000.
    pub decision_delay_ms: u64,
    /// Decision for first names that ask for none. Default none: the session stays submitted until told.
    pub default_decision: Option<Verdict>,
    /// Milliseconds until an undecided session expires. Default 7 days.
    pub expiry_ms: u64,
    /// Milliseconds between attempts to deliver a webhook. Default 1000 (the vendor's hour, compressed).
    pub webhook_retry_ms: u64,
    /// Attempts to deliver a webhook. Default 168: hourly for seven days.
    pub webhook_attempts: u32,
    /// Listings are in an order of the emulator's own (stable, unlike the order of arrival). Default true, as documented.
    pub shuffle_listings: bool,
    /// Content type of `GET /v1/media/{id}`. Default [`MediaType::Sniffed`].
    pub media_type: MediaType,
    /// HEIC and HEIF are described as `image/jpeg` of half as many bytes again, as a server would that
    /// converts them. Downloads stay what was uploaded. Default false (pick).
    pub transcodes: bool,
    /// Answers vary within what the documents allow: numbers as floats or strings, extra fields, any
    /// order, other 2xx. Default false.
    pub fuzz: bool,
    /// Seed of the variations. Default 1.
    pub fuzz_seed: u64,
    /// Faces that a bulk import may bring in all. Default 100,000 (pick: a plan's own number).
    pub faces_quota: u64,
    /// Status of an import beyond the quota. Default 400 (pick).
    pub faces_quota_status: u16,
    /// Code of an import beyond the quota. Default `"1104"` (pick).
    pub faces_quota_code: String,
    /// Name of the list in the body of an import. Default `"faces"` (pick, as the three that follow).
    pub faces_list: String,
    /// Name of a face's name. Default `"name"`.
    pub faces_name: String,
    /// Name of a face's picture, a data URI. Default `"image"`.
    pub faces_image: String,
    /// Name of a face's session, instead of a picture. Default `"sessionId"`.
    pub faces_session: String,
    /// Status of a created Transmit verification: 200 or 201. Default 200.
    pub transmit_create_status: u16,
    /// The deprecated `auto_start` starts a verification. Default true; false: only `start` does.
    pub transmit_auto_start: bool,
    /// Pictures may be posted at all; false is 404, since newer documents no longer list the operation. Default true.
    pub transmit_uploads: bool,
    /// Status of a picture for a session that was not started. Default 400 (pick).
    pub transmit_unstarted_status: u16,
    /// Largest picture in bytes; 0 is no limit of its own. Default 0 (pick).
    pub transmit_max_bytes: usize,
    /// Accept a `data:` prefix before the base64 of a picture. Default false (pick).
    pub transmit_data_uri: bool,
    /// Shape of error bodies. Default [`TransmitErrors::List`] (pick).
    pub transmit_errors: TransmitErrors,
    /// Seconds that an access token lives. Default 3600.
    pub token_seconds: u64,
    /// The token request must name the resource. Default true.
    pub require_resource: bool,
    /// `resource` that a token is for.
    pub resource: String,
    /// A picture higher than wide is measured turned by 90 degrees. Default false: by the letter, no more than 2160 high.
    pub transmit_rotated_box: bool,
    /// `complete` is written as the string that the sample shows. Default false.
    pub transmit_complete_as_string: bool,
    /// Milliseconds from the last picture to a result, where the session names no `processing_time`. Default 1000.
    pub transmit_processing_ms: u64,
}

/// How closely uploaded media are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum MediaMode {
    /// Any bytes.
    Any,
    /// A known format by magic bytes; anything else is 400/1104.
    Lenient,
    /// Also the documented limits on pixels, bytes and enabled formats.
    Strict,
}

/// Shape of an error's body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ErrorBody {
    /// The vendor's envelope.
    Json,
    /// A proxy's page.
    Html,
    /// Nothing.
    Empty,
}

/// Shape of Transmit Security's error bodies, which its documents do not give.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum TransmitErrors {
    /// `{"message":["…"],"error_code":400}`, as of a sibling API.
    List,
    /// `{"statusCode":400,"message":"…","error":"Bad Request"}`, as of a widespread framework.
    Framework,
    /// No body.
    Empty,
}

/// Names of the headers that authenticate answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum SignatureHeaders {
    /// `x-auth-client`, `x-hmac-signature`.
    X,
    /// `vrf-auth-client`, `vrf-hmac-signature`, as before October 2025.
    Vrf,
    /// Both families.
    Both,
    /// `x-auth-client` and the retired `x-signature` only.
    Legacy,
    /// None at all.
    None,
}

/// Content type of a downloaded medium.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum MediaType {
    /// What the bytes are.
    Sniffed,
    /// `application/octet-stream`, as one of the documents has it.
    OctetStream,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            allowed_hosts: Vec::new(),
            media: MediaMode::Strict,
            max_edge: 1920,
            max_base64: 24_000_000,
            max_image_bytes: 17_000_000,
            max_pdf_bytes: 20_000_000,
            pdf_enabled: true,
            heic_enabled: true,
            require_data_uri: false,
            lenient_base64: false,
            hints: true,
            header_timeout_ms: 30_000,
            idle_timeout_ms: 300_000,
            body_timeout_ms: 60_000,
            body_limit: 40 << 20,
            too_large_body: ErrorBody::Json,
            check_timestamps: true,
            check_ids: true,
            legacy_signatures: true,
            upper_case_signatures: true,
            missing_key_code: "1801".into(),
            missing_signature_code: "1815".into(),
            only_code_1101: false,
            numeric_codes: false,
            integration_active: true,
            signature_headers: SignatureHeaders::X,
            sign_401: false,
            create_status: 201,
            upload_status: 200,
            collected_status: 200,
            collected_under: None,
            registry_status: 200,
            delete_status: 200,
            host_field: "host".into(),
            conflict_status: 409,
            conflict_code: "1304".into(),
            conflict_body: ErrorBody::Json,
            resubmit_status: 409,
            submit_requires: Vec::new(),
            delete_enabled: false,
            delete_disabled_status: 404,
            deletes_per_hour: 5,
            deletes_per_day: 10,
            delete_retry_after: true,
            decision_delay_ms: 1_000,
            default_decision: None,
            expiry_ms: 7 * 86_400_000,
            webhook_retry_ms: 1_000,
            webhook_attempts: 168,
            shuffle_listings: true,
            media_type: MediaType::Sniffed,
            transcodes: false,
            fuzz: false,
            fuzz_seed: 1,
            faces_quota: 100_000,
            faces_quota_status: 400,
            faces_quota_code: "1104".into(),
            faces_list: "faces".into(),
            faces_name: "name".into(),
            faces_image: "image".into(),
            faces_session: "sessionId".into(),
            transmit_create_status: 200,
            transmit_auto_start: true,
            transmit_uploads: true,
            transmit_unstarted_status: 400,
            transmit_max_bytes: 0,
            transmit_data_uri: false,
            transmit_errors: TransmitErrors::List,
            token_seconds: 3_600,
            require_resource: true,
            resource: "https://verify.identity.security".into(),
            transmit_rotated_box: false,
            transmit_complete_as_string: false,
            transmit_processing_ms: 1_000,
        }
    }
}
