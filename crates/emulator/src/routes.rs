//! Which operation a method and a path name.

/// One operation of either vendor, or one of the emulator's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route {
    CreateSession,
    Submit,
    Delete,
    Upload,
    ListMedia,
    Attempts,
    AttemptMedia,
    Media,
    Decision,
    Person,
    Watchlist,
    CollectedData,
    ValidateRegistry,
    FacesImport,
    Token,
    VerificationCreate,
    VerificationResult,
    VerificationDelete,
    ImageUpload,
    ImageList,
    Image,
    Consent,
    FaceAuthCreate,
    FaceAuthResult,
    /// Not asked for: a webhook that goes out. Named so that the fault script can choose it.
    Webhook,
    /// `/__emulator/…` and the page.
    Own,
    Unknown,
}

const ALL: [(Route, &str); 27] = [
    (Route::CreateSession, "create-session"),
    (Route::Submit, "submit"),
    (Route::Delete, "delete"),
    (Route::Upload, "upload"),
    (Route::ListMedia, "list-media"),
    (Route::Attempts, "attempts"),
    (Route::AttemptMedia, "attempt-media"),
    (Route::Media, "media"),
    (Route::Decision, "decision"),
    (Route::Person, "person"),
    (Route::Watchlist, "watchlist-screening"),
    (Route::CollectedData, "collected-data"),
    (Route::ValidateRegistry, "validate-registry"),
    (Route::FacesImport, "faces-import"),
    (Route::Token, "token"),
    (Route::VerificationCreate, "verification-create"),
    (Route::VerificationResult, "verification-result"),
    (Route::VerificationDelete, "verification-delete"),
    (Route::ImageUpload, "image-upload"),
    (Route::ImageList, "image-list"),
    (Route::Image, "image"),
    (Route::Consent, "consent"),
    (Route::FaceAuthCreate, "face-auth-create"),
    (Route::FaceAuthResult, "face-auth-result"),
    (Route::Webhook, "webhook"),
    (Route::Own, "own"),
    (Route::Unknown, "unknown"),
];

impl Route {
    /// The operation and the ids in its path.
    pub(crate) fn of<'a>(method: &str, path: &'a str) -> (Self, Vec<&'a str>) {
        let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        match (method, parts.as_slice()) {
            ("POST", ["v1", "sessions"]) => (Self::CreateSession, vec![]),
            ("POST", ["v1", "validate-registry"] | ["v1", "sessions", "validate-registry"]) => {
                (Self::ValidateRegistry, vec![])
            }
            ("PATCH", ["v1", "sessions", id]) => (Self::Submit, vec![id]),
            ("DELETE", ["v1", "sessions", id]) => (Self::Delete, vec![id]),
            ("POST", ["v1", "sessions", id, "media"]) => (Self::Upload, vec![id]),
            ("GET", ["v1", "sessions", id, "media"]) => (Self::ListMedia, vec![id]),
            ("GET", ["v1", "sessions", id, "attempts"]) => (Self::Attempts, vec![id]),
            ("GET", ["v1", "sessions", id, "decision"]) => (Self::Decision, vec![id]),
            ("GET", ["v1", "sessions", id, "person"]) => (Self::Person, vec![id]),
            ("GET", ["v1", "sessions", id, "watchlist-screening"]) => (Self::Watchlist, vec![id]),
            ("POST", ["v1", "sessions", id, "collected-data"]) => (Self::CollectedData, vec![id]),
            ("GET", ["v1", "attempts", id, "media"]) => (Self::AttemptMedia, vec![id]),
            ("GET", ["v1", "media", id]) => (Self::Media, vec![id]),
            ("POST", ["v1", "faces", "import"]) => (Self::FacesImport, vec![]),
            ("POST", ["oidc", "token"]) => (Self::Token, vec![]),
            ("GET", [""] | ["health"] | ["v", _]) | (_, ["__emulator", ..]) => (Self::Own, vec![]),
            (_, ["verify", "api", "v1", "verification", rest @ ..] | ["api", "v1", "verification", rest @ ..]) => {
                match (method, rest) {
                    ("POST", []) => (Self::VerificationCreate, vec![]),
                    ("GET", [id, "result"]) => (Self::VerificationResult, vec![id]),
                    ("DELETE", [id]) => (Self::VerificationDelete, vec![id]),
                    ("GET", [id, "images"]) => (Self::ImageList, vec![id]),
                    ("POST", [id, "images"]) => (Self::ImageUpload, vec![id]),
                    ("GET", [id, "images", image]) => (Self::Image, vec![id, image]),
                    ("GET", [id, "consent"]) => (Self::Consent, vec![id]),
                    _ => (Self::Unknown, vec![]),
                }
            }
            (_, ["verify", "api", "v1", "face-auth", rest @ ..] | ["api", "v1", "face-auth", rest @ ..]) => {
                match (method, rest) {
                    ("POST", []) => (Self::FaceAuthCreate, vec![]),
                    ("GET", [id, "result"]) => (Self::FaceAuthResult, vec![id]),
                    _ => (Self::Unknown, vec![]),
                }
            }
            _ => (Self::Unknown, vec![]),
        }
    }

    pub(crate) fn name(self) -> &'static str {
        ALL.iter().find(|(route, _)| *route == self).map_or("unknown", |(_, name)| name)
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        ALL.iter().find(|(_, n)| *n == name).map(|(route, _)| *route)
    }

    /// One of Transmit Security's.
    pub(crate) fn is_transmit(self) -> bool {
        matches!(
            self,
            Self::Token
                | Self::VerificationCreate
                | Self::VerificationResult
                | Self::VerificationDelete
                | Self::ImageUpload
                | Self::ImageList
                | Self::Image
                | Self::Consent
                | Self::FaceAuthCreate
                | Self::FaceAuthResult
        )
    }

    /// Whether the first id of the path is a session's.
    pub(crate) fn names_session(self) -> bool {
        !matches!(self, Self::AttemptMedia | Self::Media)
    }

    /// Whether the request's body carries a context.
    pub(crate) fn carries_context(self) -> bool {
        matches!(self, Self::Upload | Self::ImageUpload)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_has_one_name() {
        for (route, name) in ALL {
            assert_eq!(Route::named(name), Some(route));
            assert_eq!(route.name(), name);
        }
    }

    #[test]
    fn both_registry_paths_and_both_transmit_roots() {
        assert_eq!(Route::of("POST", "/v1/validate-registry").0, Route::ValidateRegistry);
        assert_eq!(Route::of("POST", "/v1/sessions/validate-registry").0, Route::ValidateRegistry);
        assert_eq!(Route::of("GET", "/verify/api/v1/verification/a/images/b"), (Route::Image, vec!["a", "b"]));
        assert_eq!(Route::of("GET", "/api/v1/verification/a/result").0, Route::VerificationResult);
        assert_eq!(Route::of("GET", "/v1/v1/sessions").0, Route::Unknown);
        assert_eq!(Route::of("GET", "/sessions/a/media").0, Route::Unknown);
    }
}
