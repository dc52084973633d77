//! Who may enter a sale, and who goes first: access codes and invitations, judged within the transaction that joins.

mod codes;
mod gate;
mod invitations;
mod tally;

use domain::order::Class;

pub use self::codes::{CodeMade, CodeRow, CodesImported, NewCode};
pub(crate) use self::gate::{Gate, Rule, invited};
pub use self::invitations::Invitation;
pub use self::tally::{EntryTally, TallyRow};

/// A keyed hash of a code or of an e-mail address. Who reads the store learns neither.
pub type SecretHash = [u8; 32];

/// Who may join a sale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// Accounts and signed anonymous visitors.
    Open,
    /// Accounts only.
    Account,
    /// Whoever has an access code.
    Code,
    /// Accounts whose e-mail address is on the sale's list.
    Invited,
}

impl Entry {
    const ALL: [Self; 4] = [Self::Open, Self::Account, Self::Code, Self::Invited];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Account => "account",
            Self::Code => "code",
            Self::Invited => "invited",
        }
    }

    /// The strictest where the name is unknown: a newer version of us may have written it.
    pub(crate) fn parse(name: &str) -> Self {
        Self::ALL.into_iter().find(|entry| entry.name() == name).unwrap_or(Self::Invited)
    }

    /// Whether anonymous visitors are turned away.
    #[must_use]
    pub const fn needs_account(self) -> bool {
        matches!(self, Self::Account | Self::Invited)
    }
}

/// Why a fan may not join.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EntryRefusal {
    /// The sale is for holders of a code, and none was given.
    CodeNeeded,
    /// The sale has no such code.
    CodeUnknown,
    /// All its uses are taken by others, or by a place that ended with tickets.
    CodeUsedUp,
    /// Its time is over.
    CodeExpired,
    /// The account's e-mail address is not on the list.
    NotInvited,
    /// The fan may not have as many tickets of the event.
    TooMany {
        /// So many more they may have.
        left: u32,
        /// So many one person may have.
        most: u32,
    },
}

/// What a place came by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Grant {
    /// Where the sale counts classes.
    pub class: Class,
    /// Of the list or the code.
    pub reason: String,
    /// The code that was used.
    pub code: Option<uuid::Uuid>,
}
