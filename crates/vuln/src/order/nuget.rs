//! NuGet's order: Semantic Versioning with a fourth number, and without regard to case.

use super::digits::Digits;

/// The derived order: numbers before words, as Semantic Versioning has it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Label {
    Number(Digits),
    Word(String),
}

/// The derived order: what comes before a release is less.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Before(Vec<Label>),
    Release,
}

/// What a version is compared by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// INVARIANT: four.
    numbers: Vec<Digits>,
    stage: Stage,
}

impl Key {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let lower = text.trim_start_matches(['v', 'V']).to_lowercase();
        let plain = lower.split('+').next().unwrap_or_default();
        let (numbers, stage) = match plain.split_once('-') {
            Some((numbers, labels)) => (numbers, Stage::Before(Self::labels(labels)?)),
            None => (plain, Stage::Release),
        };
        let mut numbers: Vec<Digits> = numbers.split('.').map(Digits::strict).collect::<Option<_>>()?;
        if numbers.len() > 4 {
            return None;
        }
        numbers.resize(4, Digits::default());
        Some(Self { numbers, stage })
    }

    fn labels(text: &str) -> Option<Vec<Label>> {
        let label = |part: &str| match Digits::strict(part) {
            Some(number) => Some(Label::Number(number)),
            None if part.is_empty() => None,
            None => Some(Label::Word(part.to_owned())),
        };
        text.split('.').map(label).collect()
    }
}
