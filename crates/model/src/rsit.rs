//! What happened: the Reference Security Incident Taxonomy as the IntelMQ Data Format carries it.
//!
//! The type is stored; the taxonomy above it is derived from it and never stored beside it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

macro_rules! types {
    ($($variant:ident = $name:literal in $taxonomy:literal),+ $(,)?) => {
        /// A classification type (`classification.type`).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        #[repr(u8)]
        #[allow(missing_docs, reason = "each variant is the taxonomy's own name")]
        pub enum Classification { $($variant),+ }

        impl Classification {
            /// All types.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The name in the taxonomy.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            /// The taxonomy above it (`classification.taxonomy`).
            #[must_use]
            pub const fn taxonomy(self) -> &'static str {
                match self { $(Self::$variant => $taxonomy),+ }
            }
        }
    };
}

types! {
    HarmfulSpeech = "harmful-speech" in "abusive-content",
    Spam = "spam" in "abusive-content",
    Violence = "violence" in "abusive-content",
    ApplicationCompromise = "application-compromise" in "intrusions",
    Burglary = "burglary" in "intrusions",
    PrivilegedAccountCompromise = "privileged-account-compromise" in "intrusions",
    UnprivilegedAccountCompromise = "unprivileged-account-compromise" in "intrusions",
    SystemCompromise = "system-compromise" in "intrusions",
    Ddos = "ddos" in "availability",
    Dos = "dos" in "availability",
    Misconfiguration = "misconfiguration" in "availability",
    Outage = "outage" in "availability",
    Sabotage = "sabotage" in "availability",
    Copyright = "copyright" in "fraud",
    Masquerade = "masquerade" in "fraud",
    Phishing = "phishing" in "fraud",
    UnauthorisedUseOfResources = "unauthorised-use-of-resources" in "fraud",
    DataLeak = "data-leak" in "information-content-security",
    DataLoss = "data-loss" in "information-content-security",
    UnauthorisedInformationAccess = "unauthorised-information-access" in "information-content-security",
    UnauthorisedInformationModification = "unauthorised-information-modification" in "information-content-security",
    Scanner = "scanner" in "information-gathering",
    Sniffing = "sniffing" in "information-gathering",
    SocialEngineering = "social-engineering" in "information-gathering",
    BruteForce = "brute-force" in "intrusion-attempts",
    Exploit = "exploit" in "intrusion-attempts",
    IdsAlert = "ids-alert" in "intrusion-attempts",
    C2Server = "c2-server" in "malicious-code",
    InfectedSystem = "infected-system" in "malicious-code",
    MalwareConfiguration = "malware-configuration" in "malicious-code",
    MalwareDistribution = "malware-distribution" in "malicious-code",
    Blacklist = "blacklist" in "other",
    DgaDomain = "dga-domain" in "other",
    Malware = "malware" in "other",
    Other = "other" in "other",
    Proxy = "proxy" in "other",
    Tor = "tor" in "other",
    Undetermined = "undetermined" in "other",
    Test = "test" in "test",
    DdosAmplifier = "ddos-amplifier" in "vulnerable",
    InformationDisclosure = "information-disclosure" in "vulnerable",
    PotentiallyUnwantedAccessible = "potentially-unwanted-accessible" in "vulnerable",
    VulnerableSystem = "vulnerable-system" in "vulnerable",
    WeakCrypto = "weak-crypto" in "vulnerable",
}

impl Classification {
    /// The type with that number in the column.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }
}

impl fmt::Display for Classification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A text that is no classification type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a classification type of the Reference Security Incident Taxonomy")]
pub struct BadClassification(String);

impl FromStr for Classification {
    type Err = BadClassification;
    /// Reads today's names and the older ones that IntelMQ renamed (`c2server`, `infected system`, …).
    fn from_str(text: &str) -> Result<Self, BadClassification> {
        let name = text.trim().to_ascii_lowercase().replace([' ', '_'], "-");
        let name = match name.as_str() {
            "c2server" | "c&c" | "cnc" => "c2-server",
            "botnet-drone" | "bot" => "infected-system",
            "blocklist" => "blacklist",
            "unauthorized-use-of-resources" => "unauthorised-use-of-resources",
            "leak" => "data-leak",
            "unknown" => "undetermined",
            "vulnerable-service" => "vulnerable-system",
            "dga-domains" => "dga-domain",
            other => other,
        };
        Self::ALL.iter().copied().find(|t| t.name() == name).ok_or_else(|| BadClassification(text.to_owned()))
    }
}

impl TryFrom<String> for Classification {
    type Error = BadClassification;
    fn try_from(text: String) -> Result<Self, BadClassification> {
        text.parse()
    }
}

impl From<Classification> for String {
    fn from(classification: Classification) -> String {
        classification.name().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip_and_are_44() {
        assert_eq!(Classification::ALL.len(), 44);
        for (number, kind) in Classification::ALL.iter().enumerate() {
            assert_eq!(kind.name().parse::<Classification>().unwrap(), *kind);
            assert_eq!(Classification::from_number(u8::try_from(number).unwrap()), Some(*kind));
            assert_eq!(*kind as usize, number);
        }
        assert_eq!("infected system".parse::<Classification>().unwrap(), Classification::InfectedSystem);
        assert_eq!(Classification::InfectedSystem.taxonomy(), "malicious-code");
    }
}
