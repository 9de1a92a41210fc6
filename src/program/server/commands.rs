//! Commands of the control socket.

use super::{Reach, Server, Summary};

/// One command: its name, what it does, and its code.
struct Command {
    name: &'static str,
    doc: &'static str,
    run: fn(&Server, &str) -> String,
}

const COMMANDS: &[Command] = &[
    Command { name: "explain", doc: "tells what a call did: explain [json] UUID|CALL-ID", run: explain },
    Command { name: "help", doc: "names the commands", run: help },
    Command { name: "reload", doc: "loads the configuration anew", run: reload },
];

impl Server {
    /// Carries out a command of the control socket; the answer begins with `+OK` or `-ERR`. Blocks while it works.
    pub fn command(&self, line: &str) -> String {
        let (name, arguments) = line.trim().split_once(' ').unwrap_or((line.trim(), ""));
        match COMMANDS.iter().find(|command| command.name == name) {
            Some(command) => (command.run)(self, arguments.trim()),
            None => format!("-ERR there is no command {name}; help names them\n"),
        }
    }
}

fn help(_: &Server, _: &str) -> String {
    let lines = COMMANDS.iter().map(|command| format!("{}  {}\n", command.name, command.doc));
    format!("+OK\n{}", lines.collect::<String>())
}

fn reload(server: &Server, _: &str) -> String {
    match server.reload(Reach::AllProfiles) {
        Ok((Summary { contexts, extensions, users, mistakes, .. }, unmet)) => {
            let hint =
                if mistakes > 0 { format!("; {mistakes} mistakes, switch check shows them") } else { String::new() };
            let mut lines = vec![format!("+OK {contexts} contexts, {extensions} extensions, {users} users{hint}")];
            lines.extend(unmet.iter().map(ToString::to_string));
            lines.join("\n") + "\n"
        }
        Err(error) => format!("-ERR the present configuration stays in force: {error}\n"),
    }
}

fn explain(server: &Server, arguments: &str) -> String {
    let (json, name) = arguments.strip_prefix("json ").map_or((false, arguments), |name| (true, name));
    if !server.stories.is_on() {
        return "-ERR no stories are kept: start the switch with --stories N\n".to_owned();
    }
    match server.stories.tell(name.trim(), json) {
        Some(story) => format!("+OK\n{story}"),
        None => format!("-ERR no story of {name} is kept\n"),
    }
}
