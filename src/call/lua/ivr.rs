//! `freeswitch.IVRMenu`: a menu that a script puts together.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mlua::{UserData, UserDataRegistry};

use super::arguments::{Arguments, Kind};
use super::log::{self, Level};
use super::objects;
use super::run::Run;
use super::session::Session;
use super::table::{Answer, Method, Step};
use crate::call::control::Request;
use crate::engine::config::{Menu, MenuAction, MenuDigits, MenuEntry};

use Kind::{Int, Menu as Object, Session as Channel, Text};

/// Menus of one tree, and entries of one menu.
const MOST_MENUS: usize = 64;
const MOST_ENTRIES: usize = 256;

/// Arguments of the constructor; the bundled demo script of FreeSWITCH leaves out the sound before a transfer.
const ALL: usize = 17;

/// A menu, and the tree it belongs to.
#[derive(Clone)]
pub(super) struct IvrMenu {
    tree: Arc<Mutex<Vec<Menu>>>,
    /// Its place in the tree.
    at: usize,
}

impl IvrMenu {
    fn menus(&self) -> MutexGuard<'_, Vec<Menu>> {
        self.tree.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl UserData for IvrMenu {
    fn register(registry: &mut UserDataRegistry<Self>) {
        objects::register(registry, "IVRMenu");
    }
}

pub(super) const METHODS: &[Method] = &[
    Method::constructor(
        "IVRMenu",
        &[Object, Text, Text, Text, Text, Text, Text, Text, Text, Text, Text, Int, Int, Int, Int, Int, Int],
        ALL - 1,
        new,
    ),
    Method::of("IVRMenu", "bindAction", &[Object, Text, Text, Text], 4, bind_action),
    Method::of("IVRMenu", "execute", &[Object, Channel, Text], 3, execute).checkpoint(),
];

fn new(_: &Arc<Run>, arguments: &Arguments) -> Step {
    let parent = arguments.with(0, IvrMenu::clone);
    let tree = parent.map_or_else(Arc::default, |parent| parent.tree);
    // Without the sound before a transfer all that follows is one place further ahead.
    let short = usize::from(arguments.len() < ALL);
    let number = |at: usize, usual: u32| match arguments.unsigned(at - short, 0) {
        0 => usual,
        number => number,
    };
    let text = |at: usize| arguments.text_or_empty(if at > 5 { at - short } else { at });
    let usual = Menu::default();
    let timeout_ms = number(14, usual.timeout_ms);
    let max_failures = number(15, usual.max_failures);
    let menu = Menu {
        name: text(1),
        greet_long: text(2),
        greet_short: text(3),
        invalid_sound: text(4),
        exit_sound: text(5),
        transfer_sound: if short == 0 { text(6) } else { String::new() },
        confirm_macro: text(7),
        confirm_key: text(8),
        confirm_attempts: number(11, usual.confirm_attempts),
        inter_digit_ms: number(12, timeout_ms / 2),
        digit_len: number(13, 1),
        timeout_ms,
        max_failures,
        max_timeouts: number(16, max_failures),
        ..usual
    };
    let mut menus = tree.lock().unwrap_or_else(PoisonError::into_inner);
    if menus.len() >= MOST_MENUS {
        return Step::Fail(format!("IVRMenu: more than {MOST_MENUS} menus in one tree"));
    }
    let at = menus.len();
    menus.push(menu);
    drop(menus);
    Step::Now(Answer::Menu(IvrMenu { tree, at }))
}

fn bind_action(run: &Arc<Run>, arguments: &Arguments) -> Step {
    let (action, param, digits) = (arguments.text_or_empty(1), arguments.text_or_empty(2), arguments.text_or_empty(3));
    let Some(action) = MenuAction::parse(&action) else {
        log::write(run, Level::Err, &format!("IVRMenu: there is no action {action}"));
        return Step::Now(Answer::Nothing);
    };
    let digits = MenuDigits::parse(&digits);
    let bound = arguments.with(0, |object: &IvrMenu| {
        let mut menus = object.menus();
        let menu = menus.get_mut(object.at).filter(|menu| menu.entries.len() < MOST_ENTRIES)?;
        menu.entries.push(MenuEntry { digits, action, param });
        Some(())
    });
    if bound.flatten().is_none() {
        return Step::Fail(format!("IVRMenu: more than {MOST_ENTRIES} actions of one menu"));
    }
    Step::Now(Answer::Nothing)
}

fn execute(run: &Arc<Run>, arguments: &Arguments) -> Step {
    let Some(menus) = arguments.with(0, |object: &IvrMenu| object.menus().clone()) else {
        return Step::Now(Answer::Nothing);
    };
    let channel = arguments.with(1, Session::channel).filter(|channel| channel.is_live());
    let Some(channel) = channel else {
        log::write(run, Level::Err, "IVRMenu: the session is not up");
        return Step::Now(Answer::Nothing);
    };
    let name = arguments.text_or_empty(2);
    let run = Arc::clone(run);
    Step::wait(async move {
        let _ = channel.ask(&run, |reply| Request::Menu { menus, name, reply }).await;
        channel.state(&run).await;
        Ok(Answer::Nothing)
    })
}
