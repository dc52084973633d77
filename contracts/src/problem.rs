//! `application/problem+json` (RFC 9457) with stable codes.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What went wrong, in a form for people (`title`, `detail`) and for programs (`code`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// A URI reference that names the kind: `/problems/{code}`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The HTTP status.
    pub status: u16,
    /// The stable code, in kebab case. Codes are added, never changed.
    pub code: String,
    /// One short sentence, the same for every problem of this code.
    pub title: String,
    /// What was wrong this time, and what to do.
    pub detail: String,
    /// Seconds after which asking again makes sense; also sent as `Retry-After`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_s: Option<u32>,
    /// The moment that matters, for example when a sale opens, in milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_ms: Option<i64>,
    /// The code with which a dangerous change, asked for again, is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirm: Option<String>,
    /// The faults found, one line each, where a document has several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<String>,
}

impl Problem {
    /// A problem with its code, its general title and what was wrong this time.
    pub fn new(status: u16, code: &str, title: &str, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("/problems/{code}"),
            status,
            code: code.to_owned(),
            title: title.to_owned(),
            detail: detail.into(),
            retry_after_s: None,
            at_ms: None,
            confirm: None,
            faults: Vec::new(),
        }
    }

    /// The request's form or content cannot be used.
    pub fn invalid(detail: impl Into<String>) -> Self {
        Self::new(422, "invalid-request", "The request cannot be used as it is", detail)
    }

    /// No usable proof of who asks.
    pub fn unauthorised(detail: impl Into<String>) -> Self {
        Self::new(401, "unauthorised", "Sign in or send a valid token", detail)
    }

    /// Known, but not allowed.
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(403, "forbidden", "This is not yours to see or change", detail)
    }

    /// Nothing there, or nothing that the asker may know of.
    pub fn not_found(what: &str) -> Self {
        Self::new(404, "not-found", "There is nothing here", format!("no such {what}"))
    }

    /// The state does not permit it now.
    pub fn conflict(code: &str, title: &str, detail: impl Into<String>) -> Self {
        Self::new(409, code, title, detail)
    }

    /// Too many requests.
    pub fn limited(retry_after_s: u32) -> Self {
        let mut problem = Self::new(
            429,
            "too-many-requests",
            "Too many requests",
            format!("slow down and ask again in {retry_after_s} s; your place is safe"),
        );
        problem.retry_after_s = Some(retry_after_s);
        problem
    }

    /// A part we depend on is away for the moment.
    pub fn unavailable(detail: impl Into<String>) -> Self {
        let mut problem = Self::new(503, "try-again", "Something we depend on is away for a moment", detail);
        problem.retry_after_s = Some(1);
        problem
    }

    /// Our fault; the log has the details under the request's id.
    pub fn internal() -> Self {
        Self::new(500, "internal", "Something went wrong on our side", "the request's id finds it in our log")
    }

    /// A receipt of a place that another fan has taken over.
    pub fn place_moved() -> Self {
        Self::new(
            403,
            "place-moved",
            "The place was taken over",
            "its new owner acts for it from now on; this receipt is good for nothing any more",
        )
    }

    /// With a moment that matters.
    #[must_use]
    pub fn at(mut self, at_ms: i64) -> Self {
        self.at_ms = Some(at_ms);
        self
    }

    /// With the faults of a document, one line each.
    #[must_use]
    pub fn with_faults(mut self, faults: Vec<String>) -> Self {
        self.faults = faults;
        self
    }

    /// With the seconds after which to ask again.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }
}
