//! What all userdata of scripts have in common: methods come from the prelude's tables, assignment is refused.

use mlua::{AnyUserData, Lua, Result, Table, UserDataRegistry, Value};

/// Registry key of the prelude's `{class = {index = function, assign = function}}`.
pub(super) const CLASSES: &str = "switch.classes";

/// Metatable of a class.
pub(super) fn register<T: 'static>(registry: &mut UserDataRegistry<T>, class: &'static str) {
    use mlua::UserDataFields as _;
    use mlua::UserDataMethods as _;

    registry.add_meta_field_with("__index", move |lua| entry(lua, class, "index"));
    registry.add_meta_field_with("__newindex", move |lua| entry(lua, class, "assign"));
    registry.add_meta_function("__tostring", move |_, object: AnyUserData| {
        Ok(format!("<userdata of type '{}' at {:p}>", type_name(class), object.to_pointer()))
    });
}

fn entry(lua: &Lua, class: &str, name: &str) -> Result<Value> {
    lua.named_registry_value::<Table>(CLASSES)?.get::<Table>(class)?.get(name)
}

/// What `swig_type` answers.
pub(super) fn type_name(class: &str) -> String {
    if class == "Session" { "LUA::Session *".to_owned() } else { format!("{class} *") }
}
