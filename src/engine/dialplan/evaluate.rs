//! The test of one condition: date, field and expression, or a group of them.

use super::HuntFacts;
use super::ast::Span;
use super::capture::{Captures, array_text};
use super::dates::{Dates, UnknownZone};
use super::hunt::record;
use super::program::{Break, Condition, ConditionId, Expression, Field, Group, Rule, Test};
use super::record::Decision;
use crate::words::civil::Zones;
use crate::words::expand::{Answers, Pending};
use crate::words::pattern::{Pattern, PatternError};

/// Variables of a group of expressions begin so.
const GROUP_VARIABLES: &str = "DP_REGEX_MATCH";

/// What a condition says.
#[derive(Debug)]
pub(super) struct Verdict {
    /// Actions, or anti-actions.
    pub passed: bool,
    /// The walk's result so far, where this condition changes it.
    pub proceed: Option<bool>,
    /// What `$n` means in its actions; `None`: `$n` means nothing.
    pub captures: Option<Captures>,
}

/// Where the condition stands, for the record, and its surroundings.
pub(super) struct Place<'a> {
    pub extension: &'a str,
    pub level: usize,
    pub zones: &'a Zones,
    pub breaks: Break,
}

/// A value that is worked out when it is first needed, itself perhaps absent.
type Lazily<T> = Option<T>;

/// A condition being evaluated; kept while an API call is awaited.
#[derive(Debug)]
pub(super) struct Evaluation {
    condition: ConditionId,
    /// Outcome of the condition's date attributes, once known.
    dated: Lazily<Option<bool>>,
    /// The field's value, when it had to be expanded.
    value: Option<String>,
    group: GroupState,
}

#[derive(Debug, Default)]
struct GroupState {
    started: bool,
    next: usize,
    child_dated: Lazily<Option<bool>>,
    passes: usize,
    fails: usize,
    proceed: Option<bool>,
    /// A child with a group in its expression matched and the next one was looked at.
    kept: bool,
    /// The last child with a group that was gone past (`all`, `xor`).
    saved: Option<Captures>,
    /// The last child that had a field: its groups when its expression has any.
    last: Option<Captures>,
}

/// One test of a field with an expression.
struct Matched {
    passed: bool,
    /// Groups (empty when it failed), when the expression holds a parenthesis.
    captures: Option<Captures>,
}

impl Evaluation {
    pub(super) fn new(condition: ConditionId) -> Self {
        Self { condition, dated: None, value: None, group: GroupState::default() }
    }

    pub(super) fn condition(&self) -> ConditionId {
        self.condition
    }

    /// Evaluates, or goes on with it.
    pub(super) fn run(
        &mut self,
        condition: &Condition,
        place: &Place<'_>,
        answers: &mut Answers,
        facts: &mut dyn HuntFacts,
    ) -> Result<Verdict, Pending> {
        let test = &condition.test;
        let dated = *self.dated.get_or_insert_with(|| date_outcome(test, place, facts));
        if let Some(group) = &condition.group {
            return self.run_group(group, dated, place, answers, facts, test.span);
        }
        let dated_pass = dated == Some(true);
        if test.field.is_some() {
            let Matched { passed, captures } = self.run_test(test, place, answers, facts)?;
            return Ok(Verdict { passed: passed || dated_pass, proceed: Some(passed), captures });
        }
        if dated.is_none() {
            record(facts, &Decision::Absolute { extension: place.extension, level: place.level, span: test.span });
        }
        let passed = dated.unwrap_or(true);
        Ok(Verdict { passed, proceed: Some(passed), captures: None })
    }

    fn run_test(
        &mut self,
        test: &Test,
        place: &Place<'_>,
        answers: &mut Answers,
        facts: &mut dyn HuntFacts,
    ) -> Result<Matched, Pending> {
        let Some(field) = &test.field else { return Ok(Matched { passed: false, captures: None }) };
        if self.value.is_none()
            && let Field::Template(template) = field
        {
            self.value = Some(template.expand_with(facts, answers)?.into_owned());
            answers.clear();
        }
        let expanded;
        let pattern = match &test.expression {
            Expression::Constant(pattern) => pattern,
            Expression::Template(template) => {
                expanded = Box::new(Pattern::new(&template.expand_with(facts, answers)?));
                answers.clear();
                &expanded
            }
        };
        let matched = match (self.value.take(), field) {
            (None, Field::Profile(name)) if facts.recorder().is_none() => {
                let value = facts.profile_field(name).unwrap_or_default();
                search(pattern, &value)
            }
            (None, Field::Profile(name)) => {
                let value = facts.profile_field(name).unwrap_or_default().into_owned();
                recorded_search(pattern, &value, field, test.span, place, facts)
            }
            (value, _) => recorded_search(pattern, &value.unwrap_or_default(), field, test.span, place, facts),
        };
        Ok(matched.unwrap_or_else(|error| {
            let reason = error.to_string();
            record(facts, &Decision::BadPattern { expression: pattern.text(), reason: &reason, span: test.span });
            Matched { passed: false, captures: pattern.text().contains('(').then(Captures::default) }
        }))
    }

    fn run_group(
        &mut self,
        group: &Group,
        dated: Option<bool>,
        place: &Place<'_>,
        answers: &mut Answers,
        facts: &mut dyn HuntFacts,
        span: Span,
    ) -> Result<Verdict, Pending> {
        if !self.group.started {
            facts.clear_variables_with_prefix(GROUP_VARIABLES);
            self.group.started = true;
            self.group.proceed = dated;
        }
        while let Some(test) = group.tests.get(self.group.next) {
            let dated = match self.group.child_dated {
                Some(dated) => dated,
                None => date_outcome(test, place, facts),
            };
            self.group.child_dated = Some(dated);
            let matched = if test.field.is_some() { Some(self.run_test(test, place, answers, facts)?) } else { None };
            self.group.next += 1;
            self.group.child_dated = None;
            if self.group.take(group.rule, dated, matched, facts) {
                break;
            }
        }
        let state = std::mem::take(&mut self.group);
        let holds = match group.rule {
            Rule::All => state.fails == 0,
            Rule::Any => state.passes > 0,
            Rule::Xor => state.passes == 1,
        };
        let (extension, level) = (place.extension, place.level);
        record(facts, &Decision::Group { extension, rule: group.rule.name(), passed: holds, level, span });
        Ok(Verdict {
            passed: holds || dated == Some(true),
            proceed: if state.kept { Some(true) } else { state.proceed },
            captures: if group.rule == Rule::Any { state.last } else { state.saved.or(state.last) },
        })
    }
}

impl GroupState {
    /// Counts one child; true when the others need not be looked at.
    fn take(&mut self, rule: Rule, dated: Option<bool>, matched: Option<Matched>, facts: &mut dyn HuntFacts) -> bool {
        let passed = matched.as_ref().map_or(dated.unwrap_or(true), |matched| matched.passed);
        if passed {
            self.passes += 1;
        } else {
            self.fails += 1;
        }
        if matched.is_some() || passed {
            self.proceed = Some(passed);
        }
        let stops = match rule {
            Rule::All => !passed,
            Rule::Any => passed,
            Rule::Xor => false,
        };
        let Some(matched) = matched else { return stops };
        self.last = matched.captures;
        if let (false, Some(captures)) = (stops, &self.last) {
            self.kept |= passed;
            if rule != Rule::Any {
                facts.set_variable(&format!("{GROUP_VARIABLES}_{}", self.next), &array_text(captures));
                self.saved = Some(captures.clone());
            }
        }
        stops
    }
}

/// `None` when the test has no date attributes.
fn date_outcome(test: &Test, place: &Place<'_>, facts: &mut dyn HuntFacts) -> Option<bool> {
    let dates: &Dates = test.dates.as_ref()?;
    let passed = match dates.hold(facts, place.zones) {
        Ok(passed) => passed,
        Err(UnknownZone(zone)) => {
            record(facts, &Decision::UnknownZone { zone: &zone, span: test.span });
            false
        }
    };
    record(
        facts,
        &Decision::DateTime {
            extension: place.extension,
            passed,
            breaks: place.breaks.name(),
            level: place.level,
            span: test.span,
        },
    );
    Some(passed)
}

/// Matches; groups are only taken when an action could use them.
fn search(pattern: &Pattern, value: &str) -> Result<Matched, PatternError> {
    if !pattern.text().contains('(') {
        return Ok(Matched { passed: pattern.is_match(value)?, captures: None });
    }
    if !pattern.is_match(value)? {
        return Ok(Matched { passed: false, captures: Some(Captures::default()) });
    }
    let groups = pattern.groups(value)?;
    let passed = groups.is_some();
    let captures = groups.map(|groups| Captures::new(value.to_owned(), groups)).unwrap_or_default();
    Ok(Matched { passed, captures: Some(captures) })
}

fn recorded_search(
    pattern: &Pattern,
    value: &str,
    field: &Field,
    span: Span,
    place: &Place<'_>,
    facts: &mut dyn HuntFacts,
) -> Result<Matched, PatternError> {
    let matched = search(pattern, value);
    if facts.recorder().is_some() {
        let groups: Vec<Option<String>> = match &matched {
            Ok(Matched { captures: Some(captures), .. }) => {
                captures.texts().map(|text| text.map(std::borrow::Cow::into_owned)).collect()
            }
            _ => Vec::new(),
        };
        record(
            facts,
            &Decision::Regex {
                extension: place.extension,
                field: field.text(),
                value,
                expression: pattern.text(),
                groups: &groups,
                passed: matched.as_ref().is_ok_and(|matched| matched.passed),
                breaks: place.breaks.name(),
                level: place.level,
                span,
            },
        );
    }
    matched
}
