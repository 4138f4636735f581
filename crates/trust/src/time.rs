//! Times as RFC 3339 writes them, in UTC and whole seconds. The core has no clock: a time is an argument.

use crate::TrustError;

/// Seconds since 1970-01-01T00:00:00Z, leap seconds not counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(u64);

impl Time {
    /// Reads `2026-11-21T09:00:00Z`. Only UTC, only whole seconds: anything else could be read in two ways.
    ///
    /// # Errors
    /// [`TrustError::Time`] with the text.
    pub fn parse(text: &str) -> Result<Self, TrustError> {
        Self::read(text).ok_or_else(|| TrustError::Time(text.chars().take(64).collect()))
    }

    fn read(text: &str) -> Option<Self> {
        let (date, clock) = text.strip_suffix('Z')?.split_once('T')?;
        let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
        let [hour, minute, second] = numbers(clock, ':', [2, 2, 2])?;
        let leap = u64::from(year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400));
        let months = [31, 28_u64.saturating_add(leap), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
        let before = usize::try_from(month).ok()?.checked_sub(1)?;
        if year < 1970 || day == 0 || day > *months.get(before)? || hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        let past = year.checked_sub(1)?;
        // Leap days up to the end of the year before, less those up to the end of 1969.
        let leaps = (past / 4).checked_sub(past / 100)?.checked_add(past / 400)?.checked_sub(477)?;
        let days = year.checked_sub(1970)?.checked_mul(365)?.checked_add(leaps)?;
        let in_year: u64 = months.get(..before)?.iter().sum();
        let days = days.checked_add(in_year)?.checked_add(day)?.checked_sub(1)?;
        let minutes = days.checked_mul(24)?.checked_add(hour)?.checked_mul(60)?.checked_add(minute)?;
        Some(Self(minutes.checked_mul(60)?.checked_add(second)?))
    }

    /// The time so many seconds after 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn at(seconds: u64) -> Self {
        Self(seconds)
    }

    /// So many minutes later, or earlier when negative; nothing before 1970.
    #[must_use]
    pub fn shifted(self, minutes: i64) -> Option<Self> {
        self.0.checked_add_signed(minutes.checked_mul(60)?).map(Self)
    }

    /// Seconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn seconds(self) -> u64 {
        self.0
    }
}

impl core::fmt::Display for Time {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let (days, second) = (self.0 / 86_400, self.0 % 86_400);
        // Days of the proleptic Gregorian calendar from 1 March of the year 0, in which a leap day comes last.
        let days = days.saturating_add(719_468);
        let (era, day) = (days / 146_097, days % 146_097);
        let leaps = (day / 1_460).saturating_add(day / 146_096);
        let year = day.saturating_add(day / 36_524).saturating_sub(leaps) / 365;
        let before = year.saturating_mul(365).saturating_add(year / 4).saturating_sub(year / 100);
        let day = day.saturating_sub(before);
        let month = day.saturating_mul(5).saturating_add(2) / 153;
        let first = month.saturating_mul(153).saturating_add(2) / 5;
        let day = day.saturating_sub(first).saturating_add(1);
        let (month, next) =
            if month < 10 { (month.saturating_add(3), 0) } else { (month.saturating_sub(9), 1) };
        let year = era.saturating_mul(400).saturating_add(year).saturating_add(next);
        let (hour, minute) = (second / 3_600, second % 3_600 / 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{:02}Z", second % 60)
    }
}

fn numbers(text: &str, separator: char, widths: [usize; 3]) -> Option<[u64; 3]> {
    let mut parts = text.split(separator);
    let mut next = |width: usize| {
        let part = parts.next()?;
        let digits = part.len() == width && part.bytes().all(|byte| byte.is_ascii_digit());
        if digits { part.parse().ok() } else { None }
    };
    let [first, second, third] = widths;
    let numbers = [next(first)?, next(second)?, next(third)?];
    parts.next().is_none().then_some(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_as_it_is_read() {
        for text in [
            "1970-01-01T00:00:00Z",
            "1999-12-31T23:59:59Z",
            "2000-02-29T12:00:00Z",
            "2000-03-01T00:00:00Z",
            "2024-02-29T23:59:59Z",
            "2026-11-27T01:02:03Z",
            "2100-02-28T00:00:00Z",
            "2100-03-01T00:00:00Z",
            "9999-12-31T23:59:59Z",
        ] {
            assert_eq!(Time::parse(text).map(|time| time.to_string()).as_deref(), Ok(text));
        }
    }

    #[test]
    fn known_instants() {
        let at = |text| Time::parse(text).map(Time::seconds);
        assert_eq!(at("1970-01-01T00:00:00Z"), Ok(0));
        assert_eq!(at("2000-02-29T00:00:00Z"), Ok(951_782_400));
        assert_eq!(at("2026-11-21T09:00:00Z"), Ok(1_795_251_600));
        assert_eq!(at("2100-03-01T00:00:00Z"), Ok(4_107_542_400));
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_refused() {
        for text in [
            "2026-02-29T00:00:00Z",
            "2026-11-21T09:00:00+09:00",
            "2026-11-21 09:00:00Z",
            "2026-11-21T24:00:00Z",
            "26-11-21T09:00:00Z",
            "2026-1-021T09:00:00Z",
            "2026-+1-21T09:00:00Z",
            "2026-11-00T09:00:00Z",
            "2026-11-21T09:60:00Z",
            "2026-11-21T09:00:60Z",
            "1969-12-31T23:59:59Z",
            "2026-11-21T09:00:00.5Z",
            "2026-13-01T00:00:00Z",
            "",
        ] {
            assert!(Time::parse(text).is_err(), "{text}");
        }
    }
}
