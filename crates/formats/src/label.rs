//! What a label or tag says of a row: machine tags such as `tlp:amber`, `rsit:malicious-code="c2-server"`, and plain RSIT names.

use model::{Classification, Pap, Tlp};

/// What a label was understood as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Label {
    Tlp(Tlp),
    Pap(Pap),
    Kind(Classification),
    /// How credible the source and the information are together, in percent.
    Accuracy(u8),
    /// A marking of who may see it or what may be done with it that is not known: it may be narrower than any.
    UnknownMarking,
    /// Something else.
    Other,
}

impl Label {
    /// Reads a label or tag.
    ///
    /// `tlp:` and `PAP:` with a word that is no label of theirs is [`Label::UnknownMarking`]; `tlp:ex:chr` and its like (exclusions from
    /// the marking) as well. A plain word is a kind only where it is the full name of an RSIT type that means nothing else in such a
    /// list (`malware`, `other`, `test` do).
    pub(crate) fn of(text: &str) -> Self {
        let text = text.trim();
        let lower = text.to_ascii_lowercase();
        if lower.starts_with("tlp:") || lower.starts_with("tlp-") {
            return text
                .replacen('-', ":", usize::from(lower.starts_with("tlp-")))
                .parse()
                .map_or(Self::UnknownMarking, Self::Tlp);
        }
        if lower.starts_with("pap:") {
            return text.parse().map_or(Self::UnknownMarking, Self::Pap);
        }
        if let Some(predicate) = lower.strip_prefix("rsit:").or_else(|| lower.strip_prefix("ecsirt:")) {
            // rsit:malicious-code="infected-system"; the type stands in the value.
            let value = predicate.split_once('=').map(|(_, value)| value.trim_matches('"'));
            return value.and_then(|value| value.parse().ok()).map_or(Self::Other, Self::Kind);
        }
        if let Some(predicate) = lower.strip_prefix("admiralty-scale:information-credibility=") {
            return accuracy(predicate.trim_matches('"')).map_or(Self::Other, Self::Accuracy);
        }
        if let Some(level) = lower.strip_prefix("misp:confidence-level=") {
            return confidence(level.trim_matches('"')).map_or(Self::Other, Self::Accuracy);
        }
        let ambiguous = ["malware", "other", "test", "proxy", "tor", "exploit", "outage", "violence", "copyright"];
        let kind = Classification::ALL.iter().find(|kind| kind.name() == lower && !ambiguous.contains(&kind.name()));
        kind.map_or(Self::Other, |kind| Self::Kind(*kind))
    }
}

/// What all of them say; nothing where they contradict each other.
pub(crate) fn agreed(mut kinds: impl Iterator<Item = Classification>) -> Option<Classification> {
    let first = kinds.next()?;
    kinds.all(|kind| kind == first).then_some(first)
}

/// Information credibility of the Admiralty scale (STANAG 2511; STIX 2.1, appendix A): 1 confirmed 90, 2 probably true 70, 3 possibly true
/// 50, 4 doubtfully true 30, 5 improbable 10; 6 cannot be judged, which is no percentage.
fn accuracy(credibility: &str) -> Option<u8> {
    Some(match credibility {
        "1" => 90,
        "2" => 70,
        "3" => 50,
        "4" => 30,
        "5" => 10,
        _ => return None,
    })
}

/// The level of MISP's own taxonomy `misp`, by its numerical value.
fn confidence(level: &str) -> Option<u8> {
    Some(match level {
        "completely-confident" => 100,
        "usually-confident" => 75,
        "fairly-confident" => 50,
        "rarely-confident" => 25,
        "unconfident" => 0,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels() {
        for (text, label) in [
            ("tlp:amber", Label::Tlp(Tlp::Amber)),
            ("TLP:AMBER+STRICT", Label::Tlp(Tlp::AmberStrict)),
            ("tlp-red", Label::Tlp(Tlp::Red)),
            ("tlp:purple", Label::UnknownMarking),
            ("tlp:ex:chr", Label::UnknownMarking),
            ("PAP:RED", Label::Pap(Pap::Red)),
            ("pap:mauve", Label::UnknownMarking),
            ("rsit:malicious-code=\"c2-server\"", Label::Kind(Classification::C2Server)),
            ("rsit:other=\"whatever\"", Label::Other),
            ("infected-system", Label::Kind(Classification::InfectedSystem)),
            ("malware", Label::Other),
            ("bot", Label::Other),
            ("admiralty-scale:information-credibility=\"2\"", Label::Accuracy(70)),
            ("admiralty-scale:information-credibility=\"6\"", Label::Other),
            ("misp:confidence-level=\"usually-confident\"", Label::Accuracy(75)),
            ("ecsirt:malicious-code=\"c&c\"", Label::Kind(Classification::C2Server)),
            ("admiralty-scale:source-reliability=\"a\"", Label::Other),
            ("", Label::Other),
        ] {
            assert_eq!(Label::of(text), label, "{text}");
        }
    }
}
