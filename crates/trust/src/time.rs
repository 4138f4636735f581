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

    /// Seconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn seconds(self) -> u64 {
        self.0
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
