//! [`State`]: where a call is, as a table without anything else. A call that is idle does not exist yet.

use serde::Serialize;

use super::EndReason;

/// Where a call is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum State {
    /// There is none yet.
    Idle,
    /// This person calls; nothing rings yet.
    Calling,
    /// It rings: there, or here.
    Ringing,
    /// They talk.
    Active,
    /// Somebody holds the line.
    Held,
    /// It is over.
    Ended(EndReason),
}

/// What happens to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// This person calls.
    Call,
    /// Somebody calls this person.
    Invited,
    /// A device of the called person rings.
    Rings,
    /// It was answered, there or here.
    Answered,
    /// Whether anybody holds now.
    Hold(bool),
    /// It is over.
    End(EndReason),
}

impl State {
    /// Where the call is after `input`; `None` when that can't happen here.
    pub fn after(self, input: Input) -> Option<Self> {
        Some(match (self, input) {
            (Self::Ended(_), _) => return None,
            (Self::Idle, Input::Call) => Self::Calling,
            (Self::Idle, Input::Invited) | (Self::Calling | Self::Ringing, Input::Rings) => {
                Self::Ringing
            }
            (Self::Calling | Self::Ringing, Input::Answered) => Self::Active,
            (Self::Active | Self::Held, Input::Hold(true)) => Self::Held,
            (Self::Active | Self::Held, Input::Hold(false)) => Self::Active,
            (Self::Calling | Self::Ringing | Self::Active | Self::Held, Input::End(reason)) => {
                Self::Ended(reason)
            }
            (
                _,
                Input::Call
                | Input::Invited
                | Input::Rings
                | Input::Answered
                | Input::Hold(_)
                | Input::End(_),
            ) => return None,
        })
    }

    /// Whether they talk, or could if nobody held.
    pub fn is_established(self) -> bool {
        matches!(self, Self::Active | Self::Held)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const END: Input = Input::End(EndReason::Busy);
    const INPUTS: [Input; 7] = [
        Input::Call,
        Input::Invited,
        Input::Rings,
        Input::Answered,
        Input::Hold(true),
        Input::Hold(false),
        END,
    ];

    #[test]
    fn a_call_goes_its_way() {
        let way = [
            (Input::Call, State::Calling),
            (Input::Rings, State::Ringing),
            (Input::Answered, State::Active),
            (Input::Hold(true), State::Held),
            (Input::Hold(false), State::Active),
            (END, State::Ended(EndReason::Busy)),
        ];
        let mut state = State::Idle;
        for (input, next) in way {
            state = state.after(input).unwrap();
            assert_eq!(state, next);
        }
    }

    #[test]
    fn what_has_not_begun_can_not_end_and_what_ended_stays_so() {
        assert_eq!(State::Idle.after(END), None);
        for input in INPUTS {
            assert_eq!(State::Ended(EndReason::Busy).after(input), None);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]
        #[test]
        fn whatever_happens_a_call_is_answered_once_and_ends_once(
            inputs in proptest::collection::vec(proptest::sample::select(INPUTS.to_vec()), 0..40)
        ) {
            let (mut state, mut answered, mut ended) = (State::Idle, 0, 0);
            for input in inputs {
                if let Some(next) = state.after(input) {
                    answered += u32::from(input == Input::Answered);
                    ended += u32::from(input == END);
                    prop_assert!(next != State::Held || answered == 1, "held before it was answered");
                    state = next;
                }
            }
            prop_assert!(answered <= 1 && ended <= 1);
            prop_assert_eq!(ended == 1, matches!(state, State::Ended(_)));
        }
    }
}
