//! When to try again, and when to give up: pure functions of settings, history and chance.

use std::time::Duration;

use model::Instant;
use model::port::Entropy;
use serde::{Deserialize, Serialize};

use crate::send::{Repeat, SendError, Taken};

/// How often and how long an envelope is tried.
///
/// RFC 5321, section 4.5.4.1, wants several days before giving up, and more than one try in the first hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The wait after the first failed try, in seconds (1 to 86,400). Default: 300, which most greylists want.
    pub first_seconds: u32,
    /// The longest wait between two tries, in seconds (`first_seconds` to 604,800). Default: 14,400 (four hours). Each
    /// wait is twice the one before, up to this.
    pub longest_seconds: u32,
    /// Give up when the next try would come later than this many hours after the first one (1 to 720). Default: 120
    /// (five days).
    pub give_up_hours: u32,
    /// Give up after this many tries, whatever the time (1 to 1,000). Default: 100.
    pub most_tries: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self { first_seconds: 300, longest_seconds: 14_400, give_up_hours: 120, most_tries: 100 }
    }
}

/// The wait after the try number `attempt` (from 1): doubled each time, bounded, and then between three and five
/// quarters of it as chance has it, so that a thousand letters refused together do not come back together.
#[must_use]
pub fn delay(settings: &Settings, attempt: u32, entropy: &dyn Entropy) -> Duration {
    let longest = u64::from(settings.longest_seconds).max(u64::from(settings.first_seconds)) * 1_000;
    let doublings = attempt.saturating_sub(1).min(32);
    let wait = (u64::from(settings.first_seconds) * 1_000).saturating_mul(1 << doublings).min(longest);
    let mut random = [0_u8; 8];
    entropy.fill(&mut random);
    let half = wait / 2;
    Duration::from_millis(wait - wait / 4 + u64::from_le_bytes(random) % (half + 1))
}

/// What has been tried with one envelope; its keeper stores it beside the envelope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct History {
    /// When the first try began.
    pub first: Instant,
    /// How many tries there were, at least 1.
    pub tries: u32,
    /// How many of them ended in [`Taken::Perhaps`].
    pub perhaps: u32,
}

impl History {
    /// Before the first try.
    #[must_use]
    pub fn begin(first: Instant) -> Self {
        Self { first, tries: 0, perhaps: 0 }
    }

    /// With one more try that some recipients or all were not reached by.
    #[must_use]
    pub fn and(self, error: Option<&SendError>) -> Self {
        let perhaps = matches!(error, Some(SendError::Transient { taken: Taken::Perhaps, .. }));
        Self { tries: self.tries.saturating_add(1), perhaps: self.perhaps + u32::from(perhaps), ..self }
    }
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Try again at that time.
    TryAt(Instant),
    /// Try no more.
    GiveUp(GiveUp),
}

/// Why to try no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GiveUp {
    /// The time or the number of tries is used up.
    TooLong,
    /// Two tries may have reached the receiver; a third would be a second repeat ([`Repeat::AtMostOneRepeat`]). A person
    /// should ask the receiver.
    MayHaveItTwice,
}

/// What to do after a try at `now` that failed for now.
#[must_use]
pub fn next(settings: &Settings, repeat: Repeat, history: History, now: Instant, entropy: &dyn Entropy) -> Next {
    if repeat == Repeat::AtMostOneRepeat && history.perhaps >= 2 {
        return Next::GiveUp(GiveUp::MayHaveItTwice);
    }
    let wait = delay(settings, history.tries, entropy);
    let at = Instant::from_micros(now.as_micros().saturating_add(i64::try_from(wait.as_micros()).unwrap_or(i64::MAX)));
    let end = history.first.plus_seconds(i64::from(settings.give_up_hours) * 3_600);
    if history.tries >= settings.most_tries || at > end {
        return Next::GiveUp(GiveUp::TooLong);
    }
    Next::TryAt(at)
}

#[cfg(test)]
mod tests {
    use model::port::SeededEntropy;

    use super::*;
    use crate::codes::SMTP_INTERRUPTED;
    use crate::send::ServerText;

    #[test]
    fn waits_double_within_bounds_and_scatter() {
        let settings = Settings::default();
        for attempt in 1..=200 {
            let ideal = (300_u64 << (attempt - 1).min(20)).min(14_400);
            let waits: Vec<u64> =
                (0..50).map(|seed| delay(&settings, attempt, &SeededEntropy::new(seed)).as_secs()).collect();
            assert!(waits.iter().all(|w| (ideal * 3 / 4..=ideal * 5 / 4).contains(w)), "{attempt}: {waits:?}");
            assert!(waits.iter().any(|w| *w < ideal) && waits.iter().any(|w| *w > ideal), "{attempt}: {waits:?}");
        }
        assert_eq!(delay(&settings, 3, &SeededEntropy::new(7)), delay(&settings, 3, &SeededEntropy::new(7)));
        let strange = Settings { first_seconds: u32::MAX, longest_seconds: 0, ..settings };
        assert!(delay(&strange, u32::MAX, &SeededEntropy::new(1)).as_secs() <= u64::from(u32::MAX) * 5 / 4);
    }

    #[test]
    fn five_days_and_then_no_more() {
        let settings = Settings::default();
        let entropy = SeededEntropy::new(1);
        let start = Instant::from_micros(1_400_000_000_000_000);
        let mut history = History::begin(start);
        let mut now = start;
        let given_up = loop {
            history = history.and(None);
            match next(&settings, Repeat::AtMostOneRepeat, history, now, &entropy) {
                Next::TryAt(at) => {
                    assert!(at > now);
                    now = at;
                }
                Next::GiveUp(why) => break why,
            }
        };
        assert_eq!(given_up, GiveUp::TooLong);
        let hours = (now.as_micros() - start.as_micros()) / 3_600_000_000;
        assert!((110..=120).contains(&hours), "{hours}");
        assert!((25..60).contains(&history.tries), "{history:?}");
    }

    #[test]
    fn no_third_mail_after_two_that_may_have_arrived() {
        let settings = Settings::default();
        let entropy = SeededEntropy::new(1);
        let now = Instant::from_micros(0);
        let lost = SendError::Transient {
            reason: &SMTP_INTERRUPTED,
            code: 0,
            text: ServerText::default(),
            taken: Taken::Perhaps,
        };
        let once = History::begin(now).and(Some(&lost)).and(Some(&SendError::transient(&SMTP_INTERRUPTED, "")));
        assert!(matches!(next(&settings, Repeat::AtMostOneRepeat, once, now, &entropy), Next::TryAt(_)));
        let twice = once.and(Some(&lost));
        assert_eq!(
            next(&settings, Repeat::AtMostOneRepeat, twice, now, &entropy),
            Next::GiveUp(GiveUp::MayHaveItTwice)
        );
        assert!(matches!(next(&settings, Repeat::ExactlyOnce, twice, now, &entropy), Next::TryAt(_)));
        let worn_out = History { tries: 100, ..History::begin(now) };
        assert_eq!(next(&settings, Repeat::ExactlyOnce, worn_out, now, &entropy), Next::GiveUp(GiveUp::TooLong));
    }
}
