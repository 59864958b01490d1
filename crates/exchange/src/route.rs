//! Routing: for each row, who can act on it. Pure; what it needs is handed in.

use std::collections::{BTreeMap, HashMap};

use directory::Directory;
use directory::route::Addressee;
use model::operation::Plan;
use model::sighting::Flags;
use model::{Instant, PartyId, SightingBatch, Text};

/// Rows by where they go; indices into the batch.
///
/// INVARIANT: every row of the batch stands in exactly one list, and each list in the order of the batch.
#[derive(Debug, Default)]
pub struct Routed {
    /// To a partner that can act.
    pub sent: BTreeMap<PartyId, Vec<u32>>,
    /// Back to the reporter, by reason.
    pub returned: BTreeMap<&'static str, Vec<u32>>,
    /// Kept back from a party, by party and reason.
    pub withheld: BTreeMap<(PartyId, String), Vec<u32>>,
}

/// The reason for returning what only a party could act on that takes no part in the operation.
pub const NOT_IN_PLAN: (&str, Text) = (
    "not-in-plan",
    Text {
        ja: "保有する組織はこの作戦の協力先ではないか、計画に合意していません",
        en: "the party that holds it takes no part in this operation, or has not agreed to its plan",
    },
);

/// The reason for returning what its source calls over: taken off its list, expired, superseded. It is no sighting, and nobody is to be
/// warned of it.
pub const ENDED: (&str, Text) = (
    "ended",
    Text {
        ja: "提供元が終了（リストからの削除・期限切れ・置換え）を知らせたもの。新たな観測ではない",
        en: "its source says that it is over (taken off its list, expired, superseded); no new sighting",
    },
);

/// What an inhibition of the roster is called among the reasons for withholding.
pub const INHIBITED: &str = "inhibited";

/// Finds for each row who can act on it: the directory says who holds the address and agreed to receive; the plan says
/// who takes part.
///
/// What has no addressee is returned to its reporter, never dropped.
#[must_use]
pub fn route(batch: &SightingBatch, directory: &Directory, plan: &Plan, at: Instant) -> Routed {
    let mut groups: HashMap<Addressee<'_>, Vec<u32>> = HashMap::new();
    let mut routed = Routed::default();
    let flags = batch.rows().map(|row| row.flags);
    for ((index, addressee), flags) in (0_u32..).zip(directory.route(batch, at)).zip(flags) {
        if flags.has(Flags::ENDED) {
            routed.returned.entry(ENDED.0).or_default().push(index);
        } else {
            groups.entry(addressee).or_default().push(index);
        }
    }
    for (addressee, mut rows) in groups {
        let list = match addressee {
            Addressee::Party(party) if plan.partners.contains(party) && plan.agreement_of(party, at).is_some() => {
                routed.sent.entry(party.clone()).or_default()
            }
            Addressee::Party(_) => routed.returned.entry(NOT_IN_PLAN.0).or_default(),
            Addressee::Nobody(reason) => routed.returned.entry(reason.name()).or_default(),
            Addressee::Inhibited { party, .. } => {
                routed.withheld.entry((party.clone(), INHIBITED.to_owned())).or_default()
            }
        };
        list.append(&mut rows);
    }
    // Several groups may have gone into one list; each list keeps the order of the batch.
    let Routed { sent, returned, withheld } = &mut routed;
    sent.values_mut().chain(returned.values_mut()).chain(withheld.values_mut()).for_each(|list| list.sort_unstable());
    routed
}

impl Routed {
    /// All rows in all lists.
    #[must_use]
    pub fn rows(&self) -> u64 {
        let lists = self.sent.values().chain(self.returned.values()).chain(self.withheld.values());
        lists.map(|list| list.len() as u64).sum()
    }
}
