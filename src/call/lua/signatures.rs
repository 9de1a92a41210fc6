//! What scripts may call, as tools ask: the checker, the editor's stubs and the manual read the same table as the runtime.

use super::arguments::Kind;
use super::table::{Method, all};

/// Type of a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parameter {
    /// A string or number; nil is "not given".
    Text,
    /// A number or numeric string.
    Integer,
    /// A real boolean.
    Boolean,
    /// An object of this class.
    Object(&'static str),
    /// A function, or nil.
    Function,
    /// A table.
    Table,
    /// A function or the name of one.
    Callback,
    /// Anything.
    Any,
}

/// One method, function or constructor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// Class in which scripts find it; empty: a function of `freeswitch`.
    pub class: &'static str,
    /// Name; of a constructor that of its class.
    pub name: &'static str,
    /// Types of the parameters, the object itself not counted.
    pub parameters: Vec<Parameter>,
    /// How many must be given, the object not counted.
    pub required: usize,
    /// Whether it waits in real time and lets a due hang-up hook run.
    pub waits: bool,
}

impl Signature {
    /// Whether it makes an object of its class.
    pub fn is_constructor(&self) -> bool {
        self.class == self.name
    }

    fn of(method: &Method) -> Self {
        let own = usize::from(method.is_method());
        Self {
            class: method.class(),
            name: method.name,
            parameters: method.parameters.iter().skip(own).map(|kind| parameter(*kind)).collect(),
            required: method.required.saturating_sub(own),
            waits: method.checkpoint,
        }
    }
}

#[allow(clippy::match_wildcard_for_single_variants, reason = "a new kind is taken as anything until it has its row")]
fn parameter(kind: Kind) -> Parameter {
    match kind {
        Kind::Text => Parameter::Text,
        Kind::Int => Parameter::Integer,
        Kind::Bool => Parameter::Boolean,
        Kind::Session => Parameter::Object("Session"),
        Kind::Api => Parameter::Object("API"),
        Kind::Stream => Parameter::Object("Stream"),
        Kind::Json => Parameter::Object("JSON"),
        Kind::Event => Parameter::Object("Event"),
        Kind::Consumer => Parameter::Object("EventConsumer"),
        Kind::Dtmf => Parameter::Object("DTMF"),
        Kind::Dbh => Parameter::Object("Dbh"),
        Kind::Menu => Parameter::Object("IVRMenu"),
        Kind::Function => Parameter::Function,
        Kind::Table => Parameter::Table,
        Kind::Callback => Parameter::Callback,
        _ => Parameter::Any,
    }
}

/// Everything that scripts may call, in the order of the table; what only the prelude calls is left out.
pub fn signatures() -> impl Iterator<Item = Signature> {
    all().iter().filter(|method| method.owner != "@").map(|method| Signature::of(method))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_signatures() {
        let find = |class, name| signatures().find(|found| (found.class, found.name) == (class, name));
        let set = find("Session", "setVariable").expect("a method");
        assert_eq!((set.parameters, set.required), (vec![Parameter::Text; 2], 2));
        let new = find("Session", "Session").expect("a constructor");
        assert!(new.is_constructor() && new.parameters == [Parameter::Text, Parameter::Object("Session")]);
        assert_eq!(find("", "consoleLog").map(|found| found.required), Some(2));
        assert_eq!(find("Session", "nosuch"), None);
        assert!(signatures().all(|found| found.class != "@" && found.required <= found.parameters.len()));
    }
}
