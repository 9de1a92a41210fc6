//! Commands of the control socket.

use super::{Server, Summary};

/// One command: its name, what it does, and its code.
struct Command {
    name: &'static str,
    doc: &'static str,
    run: fn(&Server) -> String,
}

const COMMANDS: &[Command] = &[
    Command { name: "help", doc: "names the commands", run: help },
    Command { name: "reload", doc: "loads the configuration anew", run: reload },
];

impl Server {
    /// Carries out a command of the control socket; the answer begins with `+OK` or `-ERR`. Blocks while it works.
    pub fn command(&self, line: &str) -> String {
        match COMMANDS.iter().find(|command| command.name == line.trim()) {
            Some(command) => (command.run)(self),
            None => format!("-ERR there is no command {}; help names them\n", line.trim()),
        }
    }
}

fn help(_: &Server) -> String {
    let lines = COMMANDS.iter().map(|command| format!("{}  {}\n", command.name, command.doc));
    format!("+OK\n{}", lines.collect::<String>())
}

fn reload(server: &Server) -> String {
    match server.reload() {
        Ok(Summary { contexts, extensions, users, mistakes, .. }) => {
            let hint =
                if mistakes > 0 { format!("; {mistakes} mistakes, switch check shows them") } else { String::new() };
            format!("+OK {contexts} contexts, {extensions} extensions, {users} users{hint}\n")
        }
        Err(error) => format!("-ERR the present configuration stays in force: {error}\n"),
    }
}
