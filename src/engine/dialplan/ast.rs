//! What was written: the elements of the dialplan that mean something, with their places.
//!
//! Nothing is interpreted here beyond the rules of the format itself (an `<expression>` child beats the attribute, text
//! beats `data`). Lowering gives it a meaning.

pub use crate::words::text::Span;

/// A text with its place.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Text {
    /// The text.
    pub text: String,
    /// Its place.
    pub span: Span,
}

/// `<context>`.
#[derive(Debug, Clone, Default)]
pub struct Context {
    /// Attribute `name`.
    pub name: Text,
    /// Its extensions in order.
    pub extensions: Vec<Extension>,
    /// The whole element.
    pub span: Span,
}

/// `<extension>`.
#[derive(Debug, Clone, Default)]
pub struct Extension {
    /// Attribute `name`.
    pub name: Option<Text>,
    /// Attribute `continue`.
    pub continues: Option<Text>,
    /// Its conditions in order.
    pub conditions: Vec<Condition>,
    /// The whole element.
    pub span: Span,
}

/// `<condition>`.
#[derive(Debug, Clone, Default)]
pub struct Condition {
    /// What it tests.
    pub test: Test,
    /// Attribute `break`.
    pub breaks: Option<Text>,
    /// Attribute `regex`.
    pub group: Option<Text>,
    /// Attribute `require-nested`.
    pub require_nested: Option<Text>,
    /// `<regex>` children.
    pub regexes: Vec<Test>,
    /// `<action>` children.
    pub actions: Vec<ActionElement>,
    /// `<anti-action>` children.
    pub anti_actions: Vec<ActionElement>,
    /// `<condition>` children.
    pub nested: Vec<Condition>,
    /// The whole element.
    pub span: Span,
}

/// The test of a `<condition>` or `<regex>`.
#[derive(Debug, Clone, Default)]
pub struct Test {
    /// Attribute `field`.
    pub field: Option<Text>,
    /// The first `<expression>` child, else the attribute `expression`.
    pub expression: Option<Text>,
    /// Date and time attributes: name and value.
    pub dates: Vec<(&'static str, Text)>,
    /// The whole element.
    pub span: Span,
}

/// `<action>` or `<anti-action>`.
#[derive(Debug, Clone, Default)]
pub struct ActionElement {
    /// Attribute `application`.
    pub application: Option<Text>,
    /// The element's text, else the attribute `data`.
    pub data: Option<Text>,
    /// Attribute `inline`.
    pub inline: Option<Text>,
    /// Attribute `loop`.
    pub copies: Option<Text>,
    /// The whole element.
    pub span: Span,
}
