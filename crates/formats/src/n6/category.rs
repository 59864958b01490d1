//! The 27 categories of n6 beside the Reference Security Incident Taxonomy, and which end of a communication an event's address is.
//!
//! Names and their meanings: n6, `docs/src/usage/restapi.md`, "Event Attributes" (`category`, `address`, `fqdn`).

use model::Classification as C;

/// Which end the event's `address` is, as the definitions of `address`, `fqdn` and `dport` say for its category.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The host that `fqdn` and `url` name ("for malicious websites: `A` records in DNS"). What its service listens on is the
    /// event's `dport`, unless the event tells of a communication (`sport`, `dip`, `adip`).
    Host,
    /// Who connected ("for connections to sinkhole and scanning hosts: source IP addresses"): `fqdn` and `url` are the other end's
    /// ("for bots and scanners: the destination domain").
    Client,
    /// The definitions do not say whose `fqdn` and `url` are: they are the event's own where it has no address, and else kept as
    /// they are, at neither end.
    Unsaid,
}

/// A category.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Category {
    pub(super) name: &'static str,
    pub(super) classification: C,
    pub(super) end: End,
    /// Whether its `name` is malware's.
    pub(super) names_malware: bool,
}

const fn of(name: &'static str, classification: C, end: End, names_malware: bool) -> Category {
    Category { name, classification, end, names_malware }
}

/// What has no type in the taxonomy is `other`; the category itself is always kept beside it (`extra.n6.category`).
///
/// `dos-victim` is a `ddos` whose address, port and name are the victim's ("details related to victims"): the one who is to be told, not
/// the one who attacks.
pub(super) const CATEGORIES: [Category; 27] = [
    of("amplifier", C::DdosAmplifier, End::Host, false),
    of("bots", C::InfectedSystem, End::Client, true),
    of("backdoor", C::SystemCompromise, End::Host, true),
    of("cnc", C::C2Server, End::Host, true),
    of("deface", C::UnauthorisedInformationModification, End::Host, false),
    of("dns-query", C::Other, End::Unsaid, false),
    of("dos-attacker", C::Ddos, End::Unsaid, false),
    of("dos-victim", C::Ddos, End::Host, false),
    of("exposed", C::PotentiallyUnwantedAccessible, End::Host, false),
    of("flow", C::Other, End::Unsaid, false),
    of("flow-anomaly", C::Other, End::Unsaid, false),
    of("fraud", C::Other, End::Unsaid, false),
    of("leak", C::DataLeak, End::Unsaid, false),
    of("malurl", C::MalwareDistribution, End::Host, true),
    of("malware-action", C::MalwareConfiguration, End::Unsaid, true),
    of("other", C::Other, End::Unsaid, false),
    of("phish", C::Phishing, End::Host, false),
    of("proxy", C::Proxy, End::Host, false),
    of("sandbox-url", C::Other, End::Host, true),
    of("scam", C::Other, End::Host, false),
    of("scanning", C::Scanner, End::Client, false),
    of("server-exploit", C::Exploit, End::Unsaid, false),
    of("spam", C::Spam, End::Unsaid, false),
    of("spam-url", C::Spam, End::Host, false),
    of("tor", C::Tor, End::Host, false),
    of("vulnerable", C::VulnerableSystem, End::Host, false),
    of("webinject", C::MalwareConfiguration, End::Unsaid, true),
];

/// The category of that name.
pub(super) fn named(name: &str) -> Option<Category> {
    CATEGORIES.into_iter().find(|category| category.name == name)
}

/// The category of a row: the one it came with where that still says what the row says, else the nearest to its type that claims
/// no more than the type does.
pub(super) fn of_row(classification: C, kept: Option<&str>) -> Category {
    if let Some(kept) = kept.and_then(named).filter(|kept| kept.classification == classification) {
        return kept;
    }
    let name = match classification {
        C::InfectedSystem => "bots",
        C::C2Server => "cnc",
        C::MalwareDistribution => "malurl",
        C::MalwareConfiguration => "malware-action",
        C::Phishing => "phish",
        C::Ddos | C::Dos => "dos-attacker",
        C::Scanner => "scanning",
        C::BruteForce | C::Exploit => "server-exploit",
        C::Spam => "spam",
        C::DataLeak => "leak",
        C::Proxy => "proxy",
        C::Tor => "tor",
        C::DdosAmplifier => "amplifier",
        C::VulnerableSystem | C::WeakCrypto => "vulnerable",
        C::PotentiallyUnwantedAccessible | C::InformationDisclosure => "exposed",
        _ => "other",
    };
    named(name).unwrap_or(of("other", C::Other, End::Unsaid, false))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_category_is_found_again_from_its_row() {
        for (at, category) in CATEGORIES.iter().enumerate() {
            assert_eq!(CATEGORIES.iter().position(|other| other.name == category.name), Some(at), "{}", category.name);
            assert_eq!(of_row(category.classification, Some(category.name)), *category);
        }
        for classification in C::ALL {
            let category = of_row(*classification, None);
            assert_eq!(of_row(*classification, Some("no-such")), category);
            // A category that says something else than the row's type is not believed.
            let kept = if *classification == C::InfectedSystem { "cnc" } else { "bots" };
            assert_eq!(of_row(*classification, Some(kept)), category);
        }
        assert_eq!(of_row(C::InfectedSystem, None).name, "bots");
        assert_eq!(of_row(C::Ddos, Some("dos-victim")).name, "dos-victim");
        // An attacker is not made of a victim, and no infection of what is none.
        for classification in C::ALL.iter().filter(|kind| **kind != C::InfectedSystem) {
            assert_ne!(of_row(*classification, None).name, "bots");
        }
    }
}
