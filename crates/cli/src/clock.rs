//! The time, which the core cannot know: it judges by what it is told.

use std::time::{SystemTime, UNIX_EPOCH};

use kiwame_trust::Time;

/// The host's clock as RFC 3339, in whole seconds.
pub(crate) fn now() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Time::at(since.as_secs()).to_string()
}

/// How many minutes the clocks of this place are ahead of UTC at that time.
pub(crate) fn zone(now: &str) -> Option<i64> {
    let at: jiff::Timestamp = now.parse().ok()?;
    Some(i64::from(jiff::tz::TimeZone::system().to_offset(at).seconds()) / 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        assert_eq!(Time::at(0).to_string(), "1970-01-01T00:00:00Z");
        assert_eq!(Time::at(951_782_399).to_string(), "2000-02-28T23:59:59Z");
        assert_eq!(Time::at(951_782_400).to_string(), "2000-02-29T00:00:00Z");
        assert_eq!(Time::at(1_735_689_599).to_string(), "2024-12-31T23:59:59Z");
        assert_eq!(Time::at(4_107_542_400).to_string(), "2100-03-01T00:00:00Z");
    }
}
