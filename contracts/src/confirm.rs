//! Dangerous changes are asked for twice: the first time is answered with what they would do and a code, which the second carries.

use serde::Serialize;

use crate::papers::Papers;
use crate::problem::Problem;

/// How long a code is good for, in milliseconds.
const TTL_MS: i64 = 60_000;

impl Papers {
    /// Refuses a dangerous change that the code does not confirm, with a new code for exactly this change, which says who makes it
    /// and to which version; `again` is how to ask. What has no dangers needs no code.
    ///
    /// # Errors
    /// `confirm-needed`, with the dangers and the code.
    pub fn ask_again(
        &self,
        change: &impl Serialize,
        dangers: &[String],
        code: Option<&str>,
        again: &str,
    ) -> Result<(), Problem> {
        if dangers.is_empty() {
            return Ok(());
        }
        let change = serde_json::to_vec(change).map_err(|_| Problem::internal())?;
        if code.is_some_and(|code| self.confirmed(&change, code).is_ok()) {
            return Ok(());
        }
        let stale = if code.is_some() { "the code is of another change, or too old; " } else { "" };
        let detail = format!("{stale}{}; {again} within 60 s to do it", dangers.join("; "));
        let mut problem = Problem::conflict("confirm-needed", "This needs to be confirmed", detail);
        problem.confirm = Some(self.confirm_code(&change, TTL_MS));
        Err(problem)
    }
}
