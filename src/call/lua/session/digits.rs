//! Methods that gather digits.

use super::*;
use crate::call::control::{Activity, PlayAndGetSpec, ReadSpec};

fn none() -> Answer {
    Answer::Text(String::new())
}

pub(super) fn get_digits(run: &Arc<Run>, arguments: &Arguments) -> Step {
    let (max, timeout_ms) = (arguments.unsigned(1, 0), arguments.unsigned(3, 0));
    let terminators = arguments.text_or_empty(2);
    let (interdigit_ms, absolute_ms) = (arguments.unsigned(4, 0), arguments.unsigned(5, 0));
    asking(run, arguments, none(), move |run, channel| async move {
        if channel.is_hung() {
            return Ok(none());
        }
        let request = |reply| Request::GetDigits { max, terminators, timeout_ms, interdigit_ms, absolute_ms, reply };
        Ok(Answer::Text(channel.ask(&run, request).await.unwrap_or_default().digits))
    })
}

/// `min`, `max` and `timeout` below 1 become 1.
pub(super) fn read(run: &Arc<Run>, arguments: &Arguments) -> Step {
    let spec = ReadSpec {
        min: arguments.unsigned(1, 1).max(1),
        max: arguments.unsigned(2, 1).max(1),
        prompt: arguments.text_or_empty(3),
        timeout_ms: arguments.unsigned(4, 1).max(1),
        terminators: arguments.text_or_empty(5),
        digit_timeout_ms: arguments.unsigned(6, 0),
    };
    asking(run, arguments, none(), |run, channel| async move {
        if channel.is_hung() {
            return Ok(none());
        }
        Ok(Answer::Text(channel.ask(&run, |reply| Request::Read { spec, reply }).await.unwrap_or_default()))
    })
}

pub(super) fn play_and_get_digits(run: &Arc<Run>, arguments: &Arguments) -> Step {
    let spec = Box::new(PlayAndGetSpec {
        read: ReadSpec {
            min: arguments.unsigned(1, 0),
            max: arguments.unsigned(2, 1).max(1),
            prompt: arguments.text_or_empty(6),
            timeout_ms: arguments.unsigned(4, 1).max(1),
            terminators: arguments.text_or_empty(5),
            digit_timeout_ms: arguments.unsigned(10, 0),
        },
        tries: arguments.unsigned(3, 1),
        invalid_prompt: arguments.text_or_empty(7),
        regex: arguments.text_or_empty(8),
        variable: arguments.text_or_empty(9),
        transfer_on_failure: arguments.text_or_empty(11),
    });
    asking(run, arguments, none(), |run, channel| async move {
        if channel.is_hung() {
            return Ok(none());
        }
        Ok(Answer::Text(channel.ask(&run, |reply| Request::PlayAndGetDigits { spec, reply }).await.unwrap_or_default()))
    })
}

/// Waits; digits that come go to the input callback only, so without one they are lost. One number is the whole time;
/// of two the first is the longest time without a digit.
pub(super) fn collect_digits(run: &Arc<Run>, arguments: &Arguments) -> Step {
    let (first, second) = (arguments.unsigned(1, 0), arguments.unsigned(2, 0));
    let (digit_ms, absolute_ms) = if arguments.len() > 2 { (first, second) } else { (0, first) };
    let (digit_ms, absolute_ms) = (digit_ms.into(), absolute_ms.into());
    asking(run, arguments, Answer::Integer(-1), move |run, channel| async move {
        if channel.is_hung() {
            return Ok(Answer::Integer(0));
        }
        attend::begin(&run, &channel, Activity::Collect { digit_ms, absolute_ms }, |_| Answer::Integer(0)).await
    })
}

pub(super) fn flush_digits(run: &Arc<Run>, arguments: &Arguments) -> Step {
    asking(run, arguments, Answer::Integer(-1), |run, channel| async move {
        if !channel.is_hung() {
            let _ = channel.ask(&run, |reply| Request::FlushDigits { reply }).await;
        }
        Ok(Answer::Integer(0))
    })
}
