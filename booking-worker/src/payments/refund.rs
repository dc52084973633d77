//! Giving money back.

use store::Result;
use store::payments::DueRefund;

use super::Worker;
use crate::metrics::{REFUNDS_REFUSED_TOTAL, REFUNDS_TOTAL};
use crate::provider::{Fault, RefundStatus};

/// Waits between tries, in milliseconds: doubling between these.
const WAIT_MS: (i64, i64) = (500, 60_000);
/// After a refusal somebody must look; we still ask, since money is owed.
const REFUSED_MS: i64 = 3_600_000;
/// How long a refund on its way takes to look at again.
const PENDING_MS: i64 = 10_000;
/// The money went back before: by an earlier try, or by hand.
const DONE_BEFORE: &str = "charge_already_refunded";

impl Worker {
    /// Carries a refund out, or one step further.
    pub(super) async fn carry_out(&self, due: &DueRefund) -> Result<()> {
        let Some(intent) = &due.intent else {
            tracing::error!(refund = %due.id, "a refund without an intent");
            return self.store.refund_later(due.id, None, false, REFUSED_MS).await;
        };
        let answer = if let Some(known) = &due.provider_id {
            self.provider.retrieve_refund(known).await
        } else {
            let plain = due.id.simple();
            let key = if due.key_no == 0 { plain.to_string() } else { format!("{plain}:{}", due.key_no) };
            self.provider.refund(intent, due.amount_minor, &key).await
        };
        match answer {
            Ok(refund) => match refund.status {
                RefundStatus::Succeeded => {
                    self.store.refund_done(due.id, &refund.id).await?;
                    metrics::counter!(REFUNDS_TOTAL).increment(1);
                    Ok(())
                }
                RefundStatus::Pending => self.store.refund_later(due.id, Some(&refund.id), false, PENDING_MS).await,
                RefundStatus::Failed => {
                    metrics::counter!(REFUNDS_REFUSED_TOTAL).increment(1);
                    tracing::error!(refund = %due.id, provider_id = refund.id, "a refund failed at the provider: somebody must look");
                    self.store.refund_later(due.id, Some(&refund.id), false, REFUSED_MS).await
                }
            },
            Err(Fault::Refused { code, .. }) if code == DONE_BEFORE => {
                self.store.refund_done(due.id, DONE_BEFORE).await?;
                metrics::counter!(REFUNDS_TOTAL).increment(1);
                Ok(())
            }
            Err(fault @ (Fault::Refused { .. } | Fault::Declined { .. } | Fault::NotFound)) => {
                metrics::counter!(REFUNDS_REFUSED_TOTAL).increment(1);
                tracing::error!(refund = %due.id, %fault, "a refund was refused: somebody must look");
                self.store.refund_later(due.id, None, true, REFUSED_MS).await
            }
            Err(fault) => {
                tracing::debug!(refund = %due.id, %fault, "a refund waits for the provider");
                let wait = (WAIT_MS.0 << due.tries.clamp(0, 16)).min(WAIT_MS.1);
                self.store.refund_later(due.id, None, fault.spends_key(), wait).await
            }
        }
    }
}
