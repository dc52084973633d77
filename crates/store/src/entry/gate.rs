//! The judge of entitlements within a batch of joins. The line's row is locked by then, so that one batch of a sale is judged
//! at a time; the codes' rows are locked here, in ascending order, against those who change them.

use std::collections::HashMap;

use domain::order::Class;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Entry, EntryRefusal, Grant, SecretHash};
use crate::{Result, StoreError};

/// What a sale asks of those who join.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rule {
    pub entry: Entry,
    /// Whether the ordering is by classes.
    pub classes: bool,
    /// Whether codes have limits; only tests say no.
    pub limited: bool,
}

struct Code {
    id: Uuid,
    hash: Vec<u8>,
    label: String,
    class: Option<Class>,
    uses_max: i32,
    uses: i32,
    expired: bool,
}

struct Use {
    code: Uuid,
    fan: Uuid,
    place: Uuid,
}

/// The codes, uses and invitations that matter to a batch.
pub(crate) struct Gate {
    rule: Rule,
    codes: Vec<Code>,
    /// Uses that the batch's fans may take up again, since their places ended without tickets.
    own: Vec<Use>,
    /// By fan: class and reason.
    invited: HashMap<Uuid, (Class, String)>,
    /// Uses taken up again: the old place and the new one.
    again: Vec<(Uuid, Uuid)>,
    /// Uses taken: code, fan, place.
    taken: Vec<Use>,
}

impl Gate {
    /// Reads what matters to these fans with their codes.
    pub async fn read(
        tx: &mut PgConnection,
        sale: Uuid,
        rule: Rule,
        asks: &[(Uuid, Option<SecretHash>)],
        hash_email: &(dyn Fn(&str) -> SecretHash + Sync),
    ) -> Result<Self> {
        let mut gate = Self { rule, codes: vec![], own: vec![], invited: HashMap::new(), again: vec![], taken: vec![] };
        let hashes: Vec<&[u8]> = asks.iter().filter_map(|(_, code)| code.as_ref().map(|code| &code[..])).collect();
        let fans: Vec<Uuid> = asks.iter().map(|(fan, _)| *fan).collect();
        if !hashes.is_empty() {
            gate.read_codes(tx, sale, &hashes, &fans).await?;
        }
        if rule.entry == Entry::Invited || rule.classes {
            gate.invited = invited(tx, sale, &fans, hash_email).await?;
        }
        Ok(gate)
    }

    async fn read_codes(&mut self, tx: &mut PgConnection, sale: Uuid, hashes: &[&[u8]], fans: &[Uuid]) -> Result<()> {
        type Row = (Uuid, Vec<u8>, String, Option<i16>, i32, i32, bool);
        let rows: Vec<Row> = sqlx::query_as(
            "select id, hash, label, class, uses_max, uses, coalesce(expires_at <= clock_timestamp(), false)
             from access_code where sale = $1 and hash = any($2) order by id for no key update",
        )
        .bind(sale)
        .bind(hashes)
        .fetch_all(&mut *tx)
        .await?;
        let codes = rows.into_iter().map(|(id, hash, label, class, uses_max, uses, expired)| Code {
            id,
            hash,
            label,
            class: class.map(|class| Class(class as u8)),
            uses_max,
            uses,
            expired,
        });
        self.codes = codes.collect();
        let own: Vec<(Uuid, Uuid, Uuid)> = sqlx::query_as(
            "select u.code, u.fan, u.place from code_use u join place p on p.id = u.place
             where u.code = any($1) and u.fan = any($2) and p.ended_at is not null and p.state <> 'booked' order by u.place",
        )
        .bind(self.codes.iter().map(|code| code.id).collect::<Vec<_>>())
        .bind(fans)
        .fetch_all(tx)
        .await?;
        self.own = own.into_iter().map(|(code, fan, place)| Use { code, fan, place }).collect();
        Ok(())
    }

    /// Whether the fan may have a new place, and by what. A use of its code is taken with it.
    pub fn admit(
        &mut self,
        fan: Uuid,
        place: Uuid,
        code: Option<&SecretHash>,
    ) -> std::result::Result<Grant, EntryRefusal> {
        let invited = self.invited.get(&fan).cloned();
        if self.rule.entry == Entry::Invited && invited.is_none() {
            return Err(EntryRefusal::NotInvited);
        }
        if self.rule.entry == Entry::Code && code.is_none() {
            return Err(EntryRefusal::CodeNeeded);
        }
        let mut grant = Grant { class: Class::GENERAL, reason: String::new(), code: None };
        if let Some(hash) = code {
            let (id, class, label) = self.take(fan, place, hash)?;
            grant = Grant { class: class.unwrap_or(Class::GENERAL), reason: label, code: Some(id) };
        }
        // What puts them further ahead counts; a list says more than a code.
        if let Some((class, reason)) = invited.filter(|(class, _)| *class <= grant.class) {
            grant = Grant { class, reason, code: grant.code };
        }
        if !self.rule.classes {
            grant.class = Class::GENERAL;
        }
        Ok(grant)
    }

    fn take(
        &mut self,
        fan: Uuid,
        place: Uuid,
        hash: &SecretHash,
    ) -> std::result::Result<(Uuid, Option<Class>, String), EntryRefusal> {
        let code = self.codes.iter_mut().find(|code| code.hash == hash).ok_or(EntryRefusal::CodeUnknown)?;
        if code.expired {
            return Err(EntryRefusal::CodeExpired);
        }
        if let Some(at) = self.own.iter().position(|own| own.code == code.id && own.fan == fan) {
            self.again.push((self.own.swap_remove(at).place, place));
        } else {
            if self.rule.limited && code.uses >= code.uses_max {
                return Err(EntryRefusal::CodeUsedUp);
            }
            code.uses += 1;
            self.taken.push(Use { code: code.id, fan, place });
        }
        Ok((code.id, code.class, code.label.clone()))
    }

    /// Writes the uses that were taken, and why each place came and goes where it does.
    pub async fn write(&self, tx: &mut PgConnection, sale: Uuid, now_ms: i64, granted: &[(Uuid, Grant)]) -> Result<()> {
        if !self.taken.is_empty() {
            let mut counts: HashMap<Uuid, i32> = HashMap::new();
            for taken in &self.taken {
                *counts.entry(taken.code).or_default() += 1;
            }
            let (codes, counts): (Vec<Uuid>, Vec<i32>) = counts.into_iter().unzip();
            let counted = sqlx::query(
                "update access_code c set uses = c.uses + u.taken from unnest($1::uuid[], $2::integer[]) as u(code, taken)
                 where c.id = u.code and (c.uses + u.taken <= c.uses_max or not $3)",
            )
            .bind(&codes)
            .bind(counts)
            .bind(self.rule.limited)
            .execute(&mut *tx)
            .await?;
            if counted.rows_affected() != codes.len() as u64 {
                return Err(StoreError::Corrupt("a locked code's uses moved".to_owned()));
            }
            sqlx::query(
                "insert into code_use (place, code, fan, at)
                 select u.place, u.code, u.fan, from_ms($4) from unnest($1::uuid[], $2::uuid[], $3::uuid[]) as u(place, code, fan)",
            )
            .bind(self.taken.iter().map(|taken| taken.place).collect::<Vec<_>>())
            .bind(self.taken.iter().map(|taken| taken.code).collect::<Vec<_>>())
            .bind(self.taken.iter().map(|taken| taken.fan).collect::<Vec<_>>())
            .bind(now_ms)
            .execute(&mut *tx)
            .await?;
        }
        if !self.again.is_empty() {
            sqlx::query(
                "update code_use c set place = u.new, at = from_ms($3) from unnest($1::uuid[], $2::uuid[]) as u(old, new) where c.place = u.old",
            )
            .bind(self.again.iter().map(|(old, _)| *old).collect::<Vec<_>>())
            .bind(self.again.iter().map(|(_, new)| *new).collect::<Vec<_>>())
            .bind(now_ms)
            .execute(&mut *tx)
            .await?;
        }
        // Of places that came like anybody's there is nothing to remember.
        let told: Vec<&(Uuid, Grant)> =
            granted.iter().filter(|(_, grant)| grant.code.is_some() || !grant.reason.is_empty()).collect();
        if !told.is_empty() {
            sqlx::query(
                "insert into entitlement (place, sale, code, class, reason)
                 select u.place, $1, u.code, u.class, u.reason
                 from unnest($2::uuid[], $3::uuid[], $4::smallint[], $5::text[]) as u(place, code, class, reason)",
            )
            .bind(sale)
            .bind(told.iter().map(|(place, _)| *place).collect::<Vec<_>>())
            .bind(told.iter().map(|(_, grant)| grant.code).collect::<Vec<_>>())
            .bind(told.iter().map(|(_, grant)| i16::from(grant.class.0)).collect::<Vec<_>>())
            .bind(told.iter().map(|(_, grant)| grant.reason.clone()).collect::<Vec<_>>())
            .execute(tx)
            .await?;
        }
        Ok(())
    }
}

/// Which of these fans are on the sale's list, by their accounts' addresses.
pub(crate) async fn invited(
    tx: &mut PgConnection,
    sale: Uuid,
    fans: &[Uuid],
    hash_email: &(dyn Fn(&str) -> SecretHash + Sync),
) -> Result<HashMap<Uuid, (Class, String)>> {
    let emails: Vec<(Uuid, String)> =
        sqlx::query_as("select id, email from account where id = any($1)").bind(fans).fetch_all(&mut *tx).await?;
    let hashes: Vec<(Uuid, SecretHash)> = emails.iter().map(|(fan, email)| (*fan, hash_email(email))).collect();
    let listed: Vec<(Vec<u8>, i16, String)> =
        sqlx::query_as("select hash, class, reason from invitation where sale = $1 and hash = any($2)")
            .bind(sale)
            .bind(hashes.iter().map(|(_, hash)| &hash[..]).collect::<Vec<_>>())
            .fetch_all(tx)
            .await?;
    let listed: HashMap<Vec<u8>, (Class, String)> =
        listed.into_iter().map(|(hash, class, reason)| (hash, (Class(class as u8), reason))).collect();
    Ok(hashes.into_iter().filter_map(|(fan, hash)| Some((fan, listed.get(&hash[..])?.clone()))).collect())
}
