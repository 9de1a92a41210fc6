//! Compiles scripts without running them.

use mlua::chunk::ChunkMode;
use mlua::{Lua, LuaOptions, StdLib};

/// Why a script cannot be compiled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyntaxError {
    /// Line, from 1.
    pub line: u32,
    /// Lua's words.
    pub message: String,
}

/// Compiles a script (Lua 5.4); none: its syntax is correct.
pub fn syntax_error(text: &str) -> Option<SyntaxError> {
    let lua = match Lua::new_with(StdLib::NONE, LuaOptions::default()) {
        Ok(lua) => lua,
        Err(error) => return Some(SyntaxError { line: 1, message: error.to_string() }),
    };
    // The first line may name an interpreter; it stays a line, so that the numbers fit.
    let text = if text.starts_with('#') { format!("--{text}") } else { text.to_owned() };
    let error = lua.load(text).set_name("=script").set_mode(ChunkMode::Text).into_function().err()?;
    let message = match error {
        mlua::Error::SyntaxError { message, .. } => message,
        other => other.to_string(),
    };
    let split = message.strip_prefix("script:").and_then(|rest| rest.split_once(": "));
    let (line, words) = split.and_then(|(line, words)| Some((line.parse().ok()?, words))).unwrap_or((1, &message));
    Some(SyntaxError { line, message: words.trim_end().to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_are_found_with_their_line() {
        assert_eq!(syntax_error("local a = 1\nreturn a"), None);
        assert_eq!(syntax_error("#!/usr/bin/lua\nlocal a <const> = 1"), None);
        assert_eq!(syntax_error(""), None);
        let error = syntax_error("local a = 1\nif a then\n  a = = 2\nend\n").unwrap();
        assert_eq!(error, SyntaxError { line: 3, message: "unexpected symbol near '='".to_owned() });
        assert_eq!(syntax_error("if x then\n").unwrap().line, 2);
        assert!(syntax_error("\x1bLua").is_some(), "bytecode");
    }
}
