//! One call's walk as a resumable machine.
//!
//! | state | leaves to |
//! |---|---|
//! | Begin: the dialplan string | NextDialplan |
//! | NextDialplan: the next name of the string | NextExtension, Document, Done |
//! | Document: a file is awaited | NextExtension, NextDialplan |
//! | NextExtension | NextCondition, or the end of this dialplan |
//! | NextCondition: the innermost list | Evaluate, or one list up, or NextExtension |
//! | Evaluate: date, field and expression, or group | itself (API call awaited), Collect |
//! | Collect: actions or anti-actions | itself (inline action runs), NextCondition |
//! | Done: the outcome is handed out | Over |
//! | Over | itself |

use std::borrow::Cow;
use std::sync::Arc;

use super::capture::{Captures, array_text};
use super::evaluate::{Evaluation, Verdict};
use super::program::{ActionCode, Break, ConditionId, Dialplan};
use super::record::Decision;
use super::{Action, HuntFacts, HuntRequest, InlineAction, Outcome, Plan};
use crate::words::expand::{Answers, Pending, Template, expand_with, split};
use crate::words::model::truthy;

/// Deepest nesting of conditions.
const MAX_LEVEL: usize = 100;
/// Names in a dialplan string.
const MAX_DIALPLANS: usize = 25;
/// Items of an `inline` dialplan.
const MAX_INLINE: usize = 128;
/// Actions one hunt may collect.
const MAX_ACTIONS: usize = 50_000;

/// What a hunt needs next, or its end.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Run this action now, with expansion, then step again.
    Inline(InlineAction),
    /// The value of this API call is needed: [`Hunt::resume`].
    Api {
        /// Name of the function.
        name: String,
        /// Its arguments.
        args: String,
    },
    /// The dialplan of this file is needed (`XML:/path`): [`Hunt::provide`].
    Document {
        /// Path as written.
        path: String,
    },
    /// The end.
    Done(Outcome),
}

/// One call's walk.
#[derive(Debug)]
pub struct Hunt {
    server: Arc<Dialplan>,
    request: HuntRequest,
    state: State,
    /// Values of API calls for the text being expanded.
    answers: Answers,
    /// Names of the dialplan string that are still to be asked, last first.
    dialplans: Vec<(String, Option<String>)>,
    /// One of them exists.
    usable: bool,
    walk: Option<Walk>,
    /// The condition at hand, while the state is Evaluate.
    evaluation: Evaluation,
    plan: Option<Plan>,
}

#[derive(Debug)]
enum State {
    Begin,
    NextDialplan,
    Document(Option<Arc<Dialplan>>),
    NextExtension,
    NextCondition,
    Evaluate,
    Collect(Collection),
    Done(Outcome),
    Over,
}

/// Where the walk of a context stands.
#[derive(Debug)]
struct Walk {
    program: Arc<Dialplan>,
    context: usize,
    extension: usize,
    frames: Frames,
}

/// Lists of conditions within lists. Most extensions nest none, so the innermost has its place without an allocation.
#[derive(Debug, Default)]
struct Frames {
    innermost: Option<Frame>,
    around: Vec<Frame>,
}

/// One list of conditions being walked: those of the extension, or those nested in a condition.
#[derive(Debug)]
struct Frame {
    parent: Option<ConditionId>,
    position: usize,
    proceed: bool,
    leaving: bool,
}

/// Actions being collected.
#[derive(Debug)]
struct Collection {
    condition: ConditionId,
    passed: bool,
    captures: Option<Captures>,
    next: usize,
    copies: Option<u32>,
}

impl Frames {
    fn push(&mut self, frame: Frame) {
        self.around.extend(self.innermost.replace(frame));
    }

    fn pop(&mut self) -> Option<Frame> {
        let popped = self.innermost.take();
        self.innermost = self.around.pop();
        popped
    }

    fn last(&self) -> Option<&Frame> {
        self.innermost.as_ref()
    }

    fn last_mut(&mut self) -> Option<&mut Frame> {
        self.innermost.as_mut()
    }

    fn len(&self) -> usize {
        self.around.len() + usize::from(self.innermost.is_some())
    }
}

impl Walk {
    fn conditions(&self, frame: &Frame) -> &[ConditionId] {
        let list = match frame.parent {
            Some(parent) => self.program.condition(parent).map(|condition| &condition.nested),
            None => self.extension().map(|extension| &extension.conditions),
        };
        list.map_or(&[], Vec::as_slice)
    }

    fn extension(&self) -> Option<&super::program::Extension> {
        self.context()?.extensions.get(self.extension)
    }

    fn context(&self) -> Option<&super::program::Context> {
        self.program.contexts.get(self.context)
    }

    fn extension_name(&self) -> &str {
        self.extension().map_or("", |extension| &extension.name)
    }

    fn level(&self) -> usize {
        self.frames.len().saturating_sub(1)
    }
}

impl Hunt {
    /// A hunt that has not begun.
    pub fn new(program: Arc<Dialplan>, request: HuntRequest) -> Self {
        Self {
            server: program,
            request,
            state: State::Begin,
            answers: Answers::new(),
            dialplans: Vec::new(),
            usable: false,
            walk: None,
            evaluation: Evaluation::new(ConditionId::default()),
            plan: None,
        }
    }

    /// Walks on until something outside has to happen. The outcome is told once; a hunt that is asked again has no more.
    pub fn step(&mut self, facts: &mut dyn HuntFacts) -> Step {
        loop {
            match self.advance(facts) {
                Ok(None) => {}
                Ok(Some(step)) => return step,
                Err(Pending { name, args }) => return Step::Api { name, args },
            }
        }
    }

    /// The value of the API call that was asked for; `None`: no such function.
    pub fn resume(&mut self, value: Option<String>) {
        self.answers.push(value);
    }

    /// The dialplan of the file that was asked for; `None`: it cannot be read.
    pub fn provide(&mut self, dialplan: Option<Arc<Dialplan>>) {
        if let State::Document(provided) = &mut self.state {
            *provided = dialplan;
        }
    }

    /// One transition. An error leaves the state as it is: it is entered again when the value is there.
    fn advance(&mut self, facts: &mut dyn HuntFacts) -> Result<Option<Step>, Pending> {
        match &mut self.state {
            State::Begin => self.begin(facts)?,
            State::NextDialplan => return Ok(self.next_dialplan(facts)),
            State::Document(provided) => {
                // stepped on without an answer: the file cannot be had
                let provided = provided.take();
                self.state = State::NextDialplan;
                if let Some(program) = provided {
                    self.enter_context(program, facts);
                }
            }
            State::NextExtension => self.next_extension(facts),
            State::NextCondition => self.next_condition(facts),
            State::Evaluate => self.evaluate(facts)?,
            State::Collect(_) => return Ok(self.collect(facts)),
            State::Done(outcome) => {
                let outcome = std::mem::replace(outcome, Outcome::NoRoute);
                self.state = State::Over;
                return Ok(Some(Step::Done(outcome)));
            }
            State::Over => return Ok(Some(Step::Done(Outcome::NoRoute))),
        }
        Ok(None)
    }

    // --- the dialplan string ---

    fn begin(&mut self, facts: &mut dyn HuntFacts) -> Result<(), Pending> {
        let names = if self.request.nested {
            Cow::Borrowed(self.request.dialplan.as_str())
        } else {
            expand_with(&self.request.dialplan, facts, &mut self.answers)?
        };
        if names.eq_ignore_ascii_case("XML") {
            // What nearly every call says needs no list.
            self.answers.clear();
            self.usable = true;
            self.state = State::NextDialplan;
            self.enter_context(self.server.clone(), facts);
            return Ok(());
        }
        self.dialplans = split(&names, ',', MAX_DIALPLANS)
            .into_iter()
            .map(|item| match item.split_once(':') {
                Some((name, argument)) => (name.to_owned(), Some(argument.to_owned())),
                None => (item, None),
            })
            .rev()
            .collect();
        self.answers.clear();
        self.state = State::NextDialplan;
        Ok(())
    }

    fn next_dialplan(&mut self, facts: &mut dyn HuntFacts) -> Option<Step> {
        let Some((name, argument)) = self.dialplans.pop() else {
            let outcome = if self.usable { Outcome::NoRoute } else { Outcome::NoDialplan };
            record(facts, &Decision::NoRoute { context: &self.request.context });
            self.state = State::Done(outcome);
            return None;
        };
        if name.eq_ignore_ascii_case("XML") {
            self.usable = true;
            match argument.filter(|path| !path.is_empty()) {
                Some(path) => {
                    self.state = State::Document(None);
                    return Some(Step::Document { path });
                }
                None => self.enter_context(self.server.clone(), facts),
            }
        } else if name.eq_ignore_ascii_case("inline") {
            self.usable = true;
            let list = argument.filter(|list| !list.is_empty()).unwrap_or_else(|| self.request.destination.clone());
            if let Some(plan) = inline_plan(&list) {
                self.state = State::Done(Outcome::Plan(plan));
            }
        } else if !self.request.nested {
            record(facts, &Decision::UnknownDialplan { name: &name });
        }
        None
    }

    // --- contexts and extensions ---

    fn enter_context(&mut self, program: Arc<Dialplan>, facts: &mut dyn HuntFacts) {
        let wanted = if self.request.context.is_empty() { "default" } else { &self.request.context };
        record_processing(facts, wanted, &self.request.destination);
        let Some(context) = program.context_named(wanted).or_else(|| program.context_named("global")) else {
            record(facts, &Decision::NoContext { context: wanted });
            return;
        };
        let mut start = 0;
        if facts.variable("auto_hunt", None).is_some_and(|value| truthy(&value)) {
            let name = self.request.destination.to_ascii_lowercase();
            let named = program.contexts.get(context).and_then(|context| context.names.get(name.as_str()));
            start = named.copied().unwrap_or(0);
        }
        self.walk = Some(Walk { program, context, extension: start, frames: Frames::default() });
        self.state = State::NextExtension;
    }

    /// Enters the extension at hand, or the next one that can match.
    fn next_extension(&mut self, facts: &mut dyn HuntFacts) {
        let Some(walk) = &mut self.walk else {
            self.state = State::NextDialplan;
            return;
        };
        let next = match walk.program.contexts.get(walk.context) {
            None => None,
            Some(context) if self.request.exhaustive => {
                (walk.extension < context.extensions.len()).then_some(walk.extension)
            }
            Some(context) => context.index.next(walk.extension, |field| facts.profile_field(field)),
        };
        let Some(next) = next else {
            self.leave_context();
            return;
        };
        walk.extension = next;
        walk.frames.push(Frame { parent: None, position: 0, proceed: false, leaving: false });
        if let (Some(context), Some(extension)) = (walk.context(), walk.extension()) {
            record(
                facts,
                &Decision::Extension {
                    context: &context.name,
                    extension: &extension.name,
                    continues: extension.continues,
                    span: extension.span,
                },
            );
        }
        self.state = State::NextCondition;
    }

    /// The walk of this dialplan is over: what was collected is the plan, even when it is empty.
    fn leave_context(&mut self) {
        self.walk = None;
        self.state = match self.plan.take() {
            Some(plan) => State::Done(Outcome::Plan(plan)),
            None => State::NextDialplan,
        };
    }

    // --- conditions ---

    fn next_condition(&mut self, facts: &mut dyn HuntFacts) {
        let Some(walk) = &mut self.walk else { return self.leave_context() };
        let Some(frame) = walk.frames.last() else { return self.leave_context() };
        let condition = if frame.leaving { None } else { walk.conditions(frame).get(frame.position).copied() };
        match condition {
            Some(id) => {
                self.evaluation = Evaluation::new(id);
                self.state = State::Evaluate;
            }
            None => self.leave_list(facts),
        }
    }

    /// The innermost list is at its end: its result decides the list around it, or the extension.
    fn leave_list(&mut self, facts: &mut dyn HuntFacts) {
        let Some(walk) = &mut self.walk else { return self.leave_context() };
        let Some(frame) = walk.frames.pop() else { return self.leave_context() };
        let parent = frame.parent.and_then(|id| walk.program.condition(id));
        let Some(parent) = parent else {
            self.leave_extension(frame.proceed, facts);
            return;
        };
        let result = frame.proceed || !parent.require_nested;
        let forgives = parent.breaks == Break::Never;
        if let Some(outer) = walk.frames.last_mut() {
            outer.proceed = result;
            outer.leaving = !result && !forgives;
        }
    }

    fn leave_extension(&mut self, matched: bool, facts: &mut dyn HuntFacts) {
        let Some(walk) = &mut self.walk else { return self.leave_context() };
        let stops = matched && !walk.extension().is_some_and(|extension| extension.continues);
        record(facts, &Decision::Ended { extension: walk.extension_name(), matched, stops });
        if stops {
            self.leave_context();
        } else {
            walk.extension += 1;
            self.state = State::NextExtension;
        }
    }

    fn evaluate(&mut self, facts: &mut dyn HuntFacts) -> Result<(), Pending> {
        let (evaluation, Some(walk)) = (&mut self.evaluation, &mut self.walk) else { return Ok(()) };
        let id = evaluation.condition();
        let level = walk.level();
        let program = walk.program.clone();
        let Some(condition) = program.condition(id) else {
            self.state = State::NextCondition;
            return Ok(());
        };
        let place = super::evaluate::Place {
            extension: walk.extension_name(),
            level,
            zones: &self.request.zones,
            breaks: condition.breaks,
        };
        let Verdict { passed, proceed, captures } = evaluation.run(condition, &place, &mut self.answers, facts)?;
        if let (Some(frame), Some(proceed)) = (walk.frames.last_mut(), proceed) {
            frame.proceed = proceed;
        }
        if let (true, Some(captures)) = (passed, &captures) {
            facts.set_variable("DP_MATCH", &array_text(captures));
        }
        self.answers.clear();
        self.state = State::Collect(Collection { condition: id, passed, captures, next: 0, copies: None });
        Ok(())
    }

    // --- actions ---

    fn collect(&mut self, facts: &mut dyn HuntFacts) -> Option<Step> {
        let (State::Collect(collection), Some(walk)) = (&mut self.state, &mut self.walk) else {
            self.leave_context();
            return None;
        };
        let program = walk.program.clone();
        let Some(condition) = program.condition(collection.condition) else {
            self.state = State::NextCondition;
            return None;
        };
        let list = if collection.passed { &condition.actions } else { &condition.anti_actions };
        let Some(code) = list.get(collection.next) else {
            self.after_actions(facts);
            return None;
        };
        let copies = collection.copies.unwrap_or(code.copies);
        if !collection.passed
            && let Some(frame) = walk.frames.last_mut()
        {
            frame.proceed = true;
        }
        if copies == 0 {
            collection.next += 1;
            collection.copies = None;
            ensure_plan(&mut self.plan, walk);
            return None;
        }
        collection.copies = Some(copies - 1);
        let data = match &collection.captures {
            Some(captures) if collection.passed && code.dollar => {
                Template::parse(captures.substitute(code.data.text()))
            }
            _ => code.data.clone(),
        };
        let anti = !collection.passed;
        let plan = ensure_plan(&mut self.plan, walk);
        take_action(code, data, anti, walk, plan, facts)
    }

    /// All actions are collected: nested conditions, the next condition, or the end of the list.
    fn after_actions(&mut self, facts: &mut dyn HuntFacts) {
        let (State::Collect(collection), Some(walk)) = (&self.state, &mut self.walk) else {
            self.leave_context();
            return;
        };
        let (id, passed) = (collection.condition, collection.passed);
        self.state = State::NextCondition;
        let program = walk.program.clone();
        let Some(condition) = program.condition(id) else { return };
        let level = walk.frames.len();
        let Some(frame) = walk.frames.last_mut() else { return };
        frame.position += 1;
        if condition.breaks.leaves(passed) {
            frame.leaving = true;
            return;
        }
        if !frame.proceed || condition.nested.is_empty() {
            return;
        }
        if level > MAX_LEVEL {
            frame.proceed = false;
            frame.leaving = condition.breaks != Break::Never;
            record(facts, &Decision::TooDeep { extension: walk.extension_name() });
            return;
        }
        record(
            facts,
            &Decision::Nested { extension: walk.extension_name(), level, required: condition.require_nested },
        );
        walk.frames.push(Frame { parent: Some(id), position: 0, proceed: false, leaving: false });
    }
}

/// The extension object of this hunt; it is made by the first action met.
fn ensure_plan<'p>(plan: &'p mut Option<Plan>, walk: &Walk) -> &'p mut Plan {
    plan.get_or_insert_with(|| Plan {
        extension: walk.extension().map_or_else(|| "".into(), |extension| extension.name.clone()),
        context: walk.context().map_or_else(|| "".into(), |context| context.name.clone()),
        actions: Vec::new(),
        inline_dialplan: false,
    })
}

/// Collects an action, or hands it out to run when it is inline.
fn take_action(
    code: &ActionCode,
    data: Template,
    anti: bool,
    walk: &Walk,
    plan: &mut Plan,
    facts: &mut dyn HuntFacts,
) -> Option<Step> {
    let refused = code.inline && code.facts.is_some_and(|facts| !facts.inline);
    if refused {
        record(facts, &Decision::InlineRefused { application: &code.application, span: code.span });
        return None;
    }
    record(
        facts,
        &Decision::Action {
            extension: walk.extension_name(),
            application: &code.application,
            data: data.text(),
            inline: code.inline,
            anti,
            level: walk.level(),
            span: code.span,
        },
    );
    if code.drops(data.text()) {
        record(facts, &Decision::DataRefused { application: &code.application, data: data.text(), span: code.span });
        return None;
    }
    let action = Action {
        application: code.application.clone(),
        registered: code.facts.map(|facts| facts.name),
        data,
        span: Some(code.span),
    };
    if code.inline {
        return Some(Step::Inline(InlineAction { known: code.facts.is_some(), action }));
    }
    if plan.actions.len() < MAX_ACTIONS {
        plan.actions.push(action);
    }
    None
}

/// The list of an `inline` dialplan: `app:data,app:data`, or with another delimiter `m:X:app:dataXapp:data`.
fn inline_plan(list: &str) -> Option<Plan> {
    if list.is_empty() {
        return None;
    }
    let mut delimiter = ',';
    let mut items = list;
    if let Some(after) = list.strip_prefix("m:") {
        let mut chars = after.chars();
        if let (Some(picked), Some(rest)) = (chars.next(), chars.as_str().strip_prefix(':')) {
            delimiter = picked;
            items = rest;
        }
    }
    let actions = split(items, delimiter, MAX_INLINE)
        .into_iter()
        .map(|item| {
            let (application, data) = item.split_once(':').unwrap_or((&item, ""));
            Action {
                application: application.trim_start_matches(' ').into(),
                registered: None,
                data: Template::parse(data),
                span: None,
            }
        })
        .collect();
    Some(Plan { extension: "inline".into(), context: "".into(), actions, inline_dialplan: true })
}

pub(super) fn record(facts: &mut dyn HuntFacts, decision: &Decision<'_>) {
    if let Some(recorder) = facts.recorder() {
        recorder.record(decision);
    }
}

fn record_processing(facts: &mut dyn HuntFacts, context: &str, destination: &str) {
    if facts.recorder().is_none() {
        return;
    }
    let field = |facts: &dyn HuntFacts, name| facts.profile_field(name).unwrap_or_default().into_owned();
    let caller_name = field(facts, "caller_id_name");
    let caller_number = field(facts, "caller_id_number");
    record(
        facts,
        &Decision::Processing { caller_name: &caller_name, caller_number: &caller_number, destination, context },
    );
}
