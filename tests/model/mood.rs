//! What a history has to put up with. Each draws some kinds of trouble and leaves the others out, so that none hides another.

use signalbox_local_aws::Habits;

use crate::dice::Dice;

#[derive(Debug, Clone, Default)]
pub struct Mood {
    /// Of the wires.
    pub habits: Habits,
    /// An event comes later than others that were sent after it, by up to so many milliseconds.
    pub late: u64,
    /// An event runs again: at once, beside the first run.
    pub beside: f64,
    /// An event runs again: later, up to so many minutes.
    pub again: f64,
    pub again_minutes: u64,
    /// A run dies in the middle.
    pub dies: f64,
    /// A connection takes nothing for some seconds: its buffer is full.
    pub clogs: f64,
    /// A `$disconnect` never comes.
    pub no_disconnect: f64,
    /// A `$disconnect` comes up to so many milliseconds late.
    pub disconnect_late: u64,
    /// The clock of a function's run is off, by up to so many milliseconds.
    pub skew: u64,
    /// Terminals acknowledge what they get at once.
    pub acks: bool,
    /// Terminals whose connection is closed come again.
    pub comes_again: bool,
}

impl Mood {
    pub fn draw(dice: &mut Dice) -> Self {
        let mut habits = Habits { latency: dice.one_of(&[1, 3, 3, 8, 40]), ..Habits::default() };
        let mut mood = Self {
            late: dice.one_of(&[0, 1, 5, 30]),
            disconnect_late: dice.one_of(&[0, 5, 200, 10_000]),
            acks: dice.chance(0.4),
            comes_again: dice.chance(0.4),
            ..Self::default()
        };
        // A quarter has nothing to put up with but crossings.
        if !dice.chance(0.25) {
            let often = dice.one_of(&[0.01, 0.03, 0.1]);
            for habit in [
                &mut habits.throttled,
                &mut habits.fails_before,
                &mut habits.fails_after,
                &mut habits.breaks_before,
                &mut habits.breaks_after,
                &mut habits.hangs,
                &mut habits.conflict,
                &mut habits.slow,
            ] {
                *habit = if dice.chance(0.4) { often } else { 0.0 };
            }
            habits.unprocessed = if dice.chance(0.5) { 0.3 } else { 0.0 };
            habits.false_gone = if dice.chance(0.3) { 0.03 } else { 0.0 };
            mood.clogs = if dice.chance(0.3) { 0.4 } else { 0.0 };
            mood.beside = if dice.chance(0.4) { 0.1 } else { 0.0 };
            mood.again = if dice.chance(0.5) { 0.2 } else { 0.0 };
            mood.again_minutes = dice.one_of(&[1, 1, 20]);
            mood.dies = if dice.chance(0.4) { 0.08 } else { 0.0 };
            mood.no_disconnect = if dice.chance(0.5) { 0.3 } else { 0.0 };
            mood.skew = if dice.chance(0.3) { 3_000 } else { 0 };
        }
        // What DynamoDB may do to anybody at any time.
        habits.stale = 0.5;
        habits.short_page = 0.4;
        mood.habits = habits;
        mood
    }

    /// Nothing goes wrong any more.
    pub fn calm() -> Self {
        Self {
            habits: Habits { latency: 2, short_page: 0.3, stale: 0.3, ..Habits::default() },
            ..Self::default()
        }
    }
}

type Simplify = fn(Mood) -> Mood;

impl Mood {
    /// One kind of trouble less, for each kind.
    pub fn simpler(_: &Self) -> Vec<Simplify> {
        macro_rules! without {
            ($($member:ident),*; $($habit:ident),*) => {
                vec![
                    $(|mood| Self { $member: Default::default(), ..mood },)*
                    $(|mood| Self { habits: Habits { $habit: 0.0, ..mood.habits }, ..mood },)*
                ]
            };
        }
        without!(
            late, beside, again, dies, clogs, no_disconnect, disconnect_late, skew, acks, comes_again;
            throttled, fails_before, fails_after, breaks_before, breaks_after, hangs, conflict, unprocessed,
            stale, short_page, false_gone, slow
        )
    }
}
