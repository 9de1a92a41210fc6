//! A literal of a type that a parameter does not take.

use crate::call::lua::Parameter;
use crate::program::check::lua_calls::Given;
use crate::program::check::rule::{Example, Findings, Rule};
use crate::program::check::scripts::{known_calls, span};
use crate::program::check::view::View;
use crate::words::text::Severity;

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "L106",
    name: "lua-type",
    severity: Severity::Error,
    summary: "An argument is of a type that is refused",
    why: "The script fails at this line with an error. A string parameter takes strings, numbers and nil; a number parameter \
          numbers and strings that hold one; a boolean parameter true and false alone.",
    bad: Example::Script(
        r#"session:sleep("1s")
session:setAutoHangup(0)
"#,
    ),
    good: Example::Script(
        r"session:sleep(1000)
session:setAutoHangup(false)
",
    ),
    check: Some(check),
};

fn check(view: &View<'_>, findings: &mut Findings<'_>) {
    for script in view.scripts {
        for call in known_calls(script) {
            let Some(signature) = call.signature() else { continue };
            for (number, (argument, parameter)) in call.arguments.iter().zip(&signature.parameters).enumerate() {
                if takes(*parameter, argument.value) {
                    continue;
                }
                let message = format!(
                    "argument {} of {} is {}, not {}",
                    number + 1,
                    call.full_name(),
                    wanted(*parameter),
                    given(argument.value)
                );
                findings.add(span(script, argument.at.clone()), message, "pass the right type");
            }
        }
    }
}

/// Whether a parameter may be given this.
fn takes(parameter: Parameter, value: Given<'_>) -> bool {
    if value == Given::Unknown {
        return true;
    }
    match parameter {
        Parameter::Any => true,
        Parameter::Text => !matches!(value, Given::Boolean | Given::Table | Given::Function),
        Parameter::Integer => match value {
            Given::Number | Given::Start(_) => true,
            Given::Text(text) => text.contains('\\') || text.trim().parse::<f64>().is_ok(),
            _ => false,
        },
        Parameter::Boolean => value == Given::Boolean,
        Parameter::Object(class) => matches!(class, "Session" | "IVRMenu") && value == Given::Nil,
        Parameter::Function => matches!(value, Given::Function | Given::Nil),
        Parameter::Table => value == Given::Table,
        Parameter::Callback => !matches!(value, Given::Boolean | Given::Table),
    }
}

fn wanted(parameter: Parameter) -> String {
    match parameter {
        Parameter::Text => "a string".to_owned(),
        Parameter::Integer => "a number".to_owned(),
        Parameter::Boolean => "a boolean".to_owned(),
        Parameter::Object(class) => format!("an object of freeswitch.{class}"),
        Parameter::Function => "a function".to_owned(),
        Parameter::Table => "a table".to_owned(),
        Parameter::Callback => "a function or the name of one".to_owned(),
        Parameter::Any => "a value".to_owned(),
    }
}

fn given(value: Given<'_>) -> &'static str {
    match value {
        Given::Text(_) | Given::Start(_) => "a string",
        Given::Number => "a number",
        Given::Boolean => "a boolean",
        Given::Nil => "nil",
        Given::Table => "a table",
        Given::Function => "a function",
        Given::Unknown => "a value",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_take_what_the_runtime_takes() {
        let all = [
            Given::Text("x"),
            Given::Text("5"),
            Given::Number,
            Given::Boolean,
            Given::Nil,
            Given::Table,
            Given::Function,
        ];
        for (parameter, expected) in [
            (Parameter::Text, "yyynynn"),
            (Parameter::Integer, "nyynnnn"),
            (Parameter::Boolean, "nnnynnn"),
            (Parameter::Object("Session"), "nnnnynn"),
            (Parameter::Object("Event"), "nnnnnnn"),
            (Parameter::Function, "nnnnyny"),
            (Parameter::Table, "nnnnnyn"),
            (Parameter::Callback, "yyynyny"),
            (Parameter::Any, "yyyyyyy"),
        ] {
            let found: String = all.iter().map(|value| if takes(parameter, *value) { 'y' } else { 'n' }).collect();
            assert_eq!(found, expected, "{parameter:?}");
        }
    }
}
