//! Signed heads: they chain, and each names what its lanes really say (invariant 11). Signatures are checked from outside.

use super::{Query, query};

pub(super) const CHECKS: &[Query] = &[
    query(
        "heads-are-chained",
        11,
        "select format('sale %s: head %s is not what its hash says, or does not follow the one before', sale, seq) as what
         from (select h.*, coalesce(lag(h.hash) over (partition by h.sale order by h.seq), '') as before,
                      row_number() over (partition by h.sale order by h.seq) as nth
               from log_head h join sale s on s.id = h.sale where s.event = $1) as heads
         where previous <> before or seq <> nth
            or hash <> sha256(convert_to(concat_ws(E'\\n', 'usher log head 1', sale, event, seq, to_ms(at),
                   'joins ' || joins_version || ' ' || encode(joins_hash, 'hex'),
                   'pace ' || pace_version || ' ' || encode(pace_hash, 'hex'),
                   'seats ' || seats_version || ' ' || encode(seats_hash, 'hex'),
                   encode(previous, 'hex'), key_id), 'UTF8'))",
    ),
    query(
        "heads-are-in-the-lanes",
        11,
        "select format('sale %s: head %s says that version %s of the %s lane has another hash', h.sale, h.seq, e.version, e.kind) as what
         from log_head h join sale s on s.id = h.sale
              cross join lateral (values (h.sale, 'joins', h.joins_version, h.joins_hash),
                                         (h.sale, 'pace', h.pace_version, h.pace_hash),
                                         (s.event, 'seats', h.seats_version, h.seats_hash)) as e(scope, kind, version, hash)
              left join feed_record r on r.scope = e.scope and r.kind = e.kind and r.version = e.version
         where s.event = $1 and coalesce(r.hash, case when e.version = 0 then ''::bytea end) is distinct from e.hash",
    ),
];
