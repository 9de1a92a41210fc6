use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::words::text::render;

/// Files in memory.
struct Files(BTreeMap<&'static str, &'static str>);

impl Loader for Files {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        self.0.get(path).map(|text| text.as_bytes().to_vec()).ok_or_else(|| "no such file".to_owned())
    }

    /// Knows `*` at the end of a folder only.
    fn glob(&self, pattern: &str) -> Result<Vec<String>, String> {
        let matches = |path: &&&str| match pattern.strip_suffix("*.xml") {
            Some(folder) => path.starts_with(folder),
            None => **path == pattern,
        };
        Ok(self.0.keys().filter(matches).map(|path| (*path).to_owned()).collect())
    }

    fn run(&self, command: &str) -> Result<String, String> {
        command.strip_prefix("echo ").map(|text| format!("{text}\n")).ok_or_else(|| "unknown command".to_owned())
    }

    fn environment(&self, name: &str) -> Option<String> {
        (name == "HOME").then(|| "/home/x".to_owned())
    }
}

fn load_text(text: &str, files: &[(&'static str, &'static str)]) -> Loaded {
    load("conf/root.xml", text.as_bytes(), Variables::new(), &Files(files.iter().copied().collect()))
}

fn codes(loaded: &Loaded) -> Vec<&'static str> {
    loaded.diagnostics.iter().map(|found| found.code).collect()
}

/// Line and column of the only mistake.
fn refused(text: &str) -> (usize, usize, String) {
    let loaded = load_text(text, &[]);
    assert!(loaded.root.is_none(), "{text} is taken");
    let found = loaded.diagnostics.last().unwrap();
    let place = loaded.sources.locate(found.span.unwrap()).unwrap();
    (place.line, place.column, found.message.clone())
}

#[test]
fn leniencies_of_the_parser() {
    let loaded = load_text(
        "junk <a x='1<2>&3' y = = \"a&#10;b\tc\" x=\"second\" app=eval>t&amp;lt;<!-- c -->u & v<![CDATA[&lt;]]>\n<b/><B/></a>",
        &[],
    );
    let root = loaded.root.unwrap();
    let value = |name: &str| root.attribute(name).unwrap().text.as_str();
    assert_eq!((value("x"), value("y"), value("app"), value("eval")), ("1<2>&3", "a\nb c", "", ""));
    assert_eq!(root.text.as_ref().unwrap().text, "t&lt;u & v&lt;\n");
    assert_eq!(root.children.iter().map(|child| &*child.name).collect::<Vec<_>>(), ["b", "B"]);
}

#[test]
fn what_refuses_the_load() {
    assert_eq!(refused("<a>\n  <b/>\n").0, 1);
    assert_eq!(refused("<a>\n< b/></a>").0, 2);
    assert_eq!(refused("<a/>\n<b/>"), (2, 1, "unexpected tag: there is a root element already".to_owned()));
    assert_eq!(refused("<a>\n<!-- a -- b --></a>").0, 2);
    assert!(load_text("", &[]).root.is_none());
    assert!(load_text("nothing here", &[]).root.is_none());
}

#[test]
fn the_mistake_is_shown_where_it_was_made() {
    for (text, place, words) in [
        ("<a>\n  <b>\n</a>", (2, 3), "<b> is never closed: </a> comes first"),
        ("<a>\n <c>\n  <b x=\"1\">\n  <b x=\"2\"/>\n </c>\n</a>", (3, 3), "<b> is never closed"),
        ("<a>\n <b/>\n </c>\n</a>", (3, 2), "</c> closes nothing: <a> is open"),
        (
            "<a>\n <b x=\"1 y=\"2\"/>\n <b x=\"3\"/>\n</a>",
            (2, 7),
            "the value of x that begins here has no closing quote",
        ),
        ("<a>\n <b x=\"1/>\n <b x=\"3\"/>\n</a>", (2, 7), "the value of x that begins here has no closing quote"),
        ("<a>\n <b x='1'/>\n <b x='3/>\n</a>", (3, 7), "missing '"),
        ("<a>\n <b x=\"1\"/\n <b x=\"3\"/>\n</a>", (3, 2), "unexpected <: the tag before it has no >"),
        ("<a>\n <!-- x\n</a>", (2, 2), ""),
        ("<a>\n <b>\n", (2, 2), "<b> is never closed: the text ends first"),
    ] {
        let (line, column, message) = refused(text);
        assert_eq!((line, column), place, "{text}: {message}");
        assert!(message.contains(words), "{text}: {message}");
    }
}

#[test]
fn globals() {
    let loaded = load_text(
        "<a>\n<X-PRE-PROCESS cmd=\"set\" data=\"Name = v \"/>\n<X-PRE-PROCESS cmd=\"set\" data=\"lit=a${b}c\"/>\n\
         <X-PRE-PROCESS cmd=\"env-set\" data=\"home=$HOME\"/>\n<X-PRE-PROCESS cmd=\"exec-set\" data=\"out=echo hi\"/>\n\
         <b x=\"$${name}|$${LIT}|$${home}|$${out}|$${none}|$${a$${b}}\" y=\"$${open\"/>\n</a>",
        &[],
    );
    let root = loaded.root.as_ref().unwrap();
    let b = root.children.first().unwrap();
    assert_eq!(b.attribute("x").unwrap().text, "v |a%{b}c|/home/x|hi||}");
    assert_eq!(b.attribute("y").unwrap().text, "$${open");
    assert_eq!(codes(&loaded), ["global-reference", "undefined-global", "undefined-global", "unterminated-global"]);
    assert_eq!(loaded.globals.get("LIT"), Some("a%{b}c"));
}

#[test]
fn places_are_those_of_the_original_files() {
    let loaded = load_text(
        "<?xml version=\"1.0\"?>\n<a>\n  <X-PRE-PROCESS cmd=\"include\" data=\"d/*.xml\"/>\n  <last/>\n</a>\n",
        &[("conf/d/1.xml", "<include>\n <b x=\"1\"/>\n</include>\n"), ("conf/d/2.xml", "<c/>\n<c y='&gt;'/>\n")],
    );
    let root = loaded.root.as_ref().unwrap();
    let places: Vec<String> = root
        .children
        .iter()
        .map(|child| {
            let place = loaded.sources.locate(child.span).unwrap();
            format!("{} {}:{}:{}", child.name, place.file, place.line, place.column)
        })
        .collect();
    assert_eq!(places, ["b conf/d/1.xml:2:2", "c conf/d/2.xml:1:1", "c conf/d/2.xml:2:1", "last conf/root.xml:4:3"]);
    assert!(loaded.diagnostics.is_empty(), "{}", render(&loaded.sources, &loaded.diagnostics));
}

#[test]
fn warts_of_the_preprocessor() {
    for (text, found) in [
        ("<a>\n<include><b/></include>\n</a>", "include-line"),
        ("<a>\n<!-- <X-PRE-PROCESS cmd=\"set\" data=\"x=1\"/> -->\n</a>", "directive-in-comment"),
        ("<a>\n<!--\n<X-PRE-PROCESS cmd=\"set\" data=\"x=1\"/>\n-->\n</a>", "directive-in-comment"),
        ("<a>\n<c><X-PRE-PROCESS cmd=\"set\" data=\"x=1\"/></c>\n</a>", "directive-line"),
        ("<a>\n<X-PRE-PROCESS data=\"x=1\" cmd=\"set\"/>\n</a>", "directive-ignored"),
        ("<a>\n<X-PRE-PROCESS cmd='set' data='x=1'/>\n</a>", "directive-ignored"),
        ("<a>\n<X-PRE-PROCESS cmd=\"include\" data=\"none.xml\"/>\n</a>", "include-missing"),
        ("<a>\n<X-PRE-PROCESS cmd=\"include\" data=\"root.xml\"/>\n</a>", "include-missing"),
        ("<a>\n<X-PRE-PROCESS cmd=\"stun-set\" data=\"x=stun:h\"/>\n</a>", "stun-set"),
        ("<a>\n<X-PRE-PROCESS cmd=\"exec\" data=\"nosuch\"/>\n</a>", "exec-failed"),
    ] {
        let loaded = load_text(text, &[]);
        assert_eq!(codes(&loaded), [found], "{text}");
        assert!(loaded.root.unwrap().children.is_empty(), "{text}");
    }
    // no directive at all, and no complaint
    for text in ["<XX-PRE-PROCESS cmd=\"set\" data=\"x=1\"/>", "<!--X-PRE-PROCESS cmd=\"set\" data=\"x=1\"/>-->"] {
        let loaded = load_text(&format!("<a>\n{text}\n</a>"), &[]);
        assert_eq!((loaded.globals.get("x"), loaded.diagnostics.len()), (None, 0), "{text}");
    }
}

#[test]
fn the_old_form_of_directives() {
    let loaded = load_text(
        "<a>\n<b/><!--#set \"x=1\"--><c y=\"$${x}\"/>\n<!--#comment\n<X-PRE-PROCESS cmd=\"set\" data=\"x=2\"/>\n--><d z=\"$${x}\"/>\n\
         <!--#exec echo <e/>-->\n</a>",
        &[],
    );
    let root = loaded.root.unwrap();
    assert_eq!(root.children.iter().map(|child| &*child.name).collect::<Vec<_>>(), ["b", "c", "d", "e"]);
    // the whole line is expanded before its directive runs
    assert_eq!(root.children.get(1).unwrap().attribute("y").unwrap().text, "");
    assert_eq!(root.children.get(2).unwrap().attribute("z").unwrap().text, "1");
}

#[test]
fn a_file_that_includes_itself_ends() {
    let text = "<X-PRE-PROCESS cmd=\"include\" data=\"self.xml\"/>\n<b/>\n";
    let loaded = load_text(&format!("<a>\n{text}</a>"), &[("conf/self.xml", text)]);
    assert_eq!(codes(&loaded), ["include-limit"]);
    assert_eq!(loaded.root.unwrap().children.len(), 100);
}

#[test]
fn encodings() {
    let wide: Vec<u8> = "\u{feff}<a x='ü'/>".encode_utf16().flat_map(u16::to_le_bytes).collect();
    for (bytes, warnings) in [(wide.as_slice(), 0), (b"\xef\xbb\xbf<a x='\xc3\xbc'/>", 0), (b"<a x='\xfc'/>", 1)] {
        let loaded = load("r", bytes, Variables::new(), &Files(BTreeMap::new()));
        assert_eq!(loaded.root.unwrap().attribute("x").unwrap().text, "ü");
        assert_eq!(loaded.diagnostics.len(), warnings);
    }
}

/// A loader whose folder may not be read.
struct Forbidden;

impl Loader for Forbidden {
    fn read(&self, _path: &str) -> Result<Vec<u8>, String> {
        Err("Permission denied (os error 13)".to_owned())
    }

    fn glob(&self, pattern: &str) -> Result<Vec<String>, String> {
        if pattern.ends_with("folder/*.xml") {
            return Err("Permission denied (os error 13)".to_owned());
        }
        Ok(vec![pattern.to_owned()])
    }

    fn run(&self, _command: &str) -> Result<String, String> {
        Err("no".to_owned())
    }

    fn environment(&self, _name: &str) -> Option<String> {
        None
    }
}

#[test]
fn what_may_not_be_read_is_reported_and_left_out() {
    let text = "<a>\n<X-PRE-PROCESS cmd=\"include\" data=\"folder/*.xml\"/>\n<X-PRE-PROCESS cmd=\"include\" data=\"x.xml\"/>\n<b/>\n</a>";
    let loaded = load("conf/root.xml", text.as_bytes(), Variables::new(), &Forbidden);
    let lines: Vec<_> = loaded
        .diagnostics
        .iter()
        .map(|found| (found.code, loaded.sources.locate(found.span.unwrap()).unwrap().line))
        .collect();
    assert_eq!(lines, [("include-failed", 2), ("include-failed", 3)]);
    assert!(loaded.diagnostics.iter().all(|found| found.message.contains("Permission denied")));
    assert_eq!(loaded.root.unwrap().children.len(), 1);
}

#[test]
fn globals_that_double_are_bounded() {
    let mut text = String::from("<a>\n<X-PRE-PROCESS cmd=\"set\" data=\"x=0123456789\"/>\n");
    for _ in 0..60 {
        text.push_str("<X-PRE-PROCESS cmd=\"set\" data=\"x=$${x}$${x}\"/>\n");
    }
    let loaded = load_text(&(text + "</a>"), &[]);
    assert!(codes(&loaded).contains(&"too-large"));
    assert_eq!(codes(&loaded).iter().filter(|code| **code == "too-large").count(), 1);
    assert!(loaded.flat.len() < 64 << 20);
}

#[test]
fn files_that_include_themselves_twice_are_bounded() {
    let text =
        "<X-PRE-PROCESS cmd=\"include\" data=\"self.xml\"/>\n<X-PRE-PROCESS cmd=\"include\" data=\"self.xml\"/>\n";
    let loaded = load_text(&format!("<a>\n{text}</a>"), &[("conf/self.xml", text)]);
    assert!(codes(&loaded).iter().all(|code| *code == "include-limit"));
    assert!(loaded.sources.names().count() <= 10_000);
}

#[test]
fn large_and_deep_documents_are_taken_or_refused() {
    let value = "x".repeat(900_000);
    let loaded = load_text(&format!("<a>\n<b c=\"{value}\"/>\n</a>"), &[]);
    assert_eq!(loaded.root.unwrap().children.first().unwrap().attribute("c").unwrap().text.len(), 900_000);
    let deep = load_text(&("<a>\n".repeat(5_000) + &"</a>\n".repeat(5_000)), &[]);
    assert!(deep.root.is_none());
    let message = &deep.diagnostics.last().unwrap().message;
    assert!(message.contains("nested more than 1000 deep"), "{message}");
    let marks = load_text(&format!("<a>\n{}\n</a>", "<?x?>".repeat(150_000)), &[]);
    assert!(marks.root.is_some());
    let open = load_text(&format!("<a>\n{}\n</a>", "$${x".repeat(200_000)), &[]);
    assert_eq!(codes(&open), ["unterminated-global"]);
}

proptest! {
    #[test]
    fn never_panics(text in "(<|>|/|=|\"|'|&|a|b|é| |\n|\r|<a>|</a>|<!--|-->|<!--#set |<X-PRE-PROCESS |cmd=\"set\" |data=\"a=b\"|\\$\\$\\{|\\}|<!\\[CDATA\\[|\\]\\]>|<include>|<\\?){0,40}") {
        let loaded = load_text(&text, &[]);
        render(&loaded.sources, &loaded.diagnostics);
    }

    #[test]
    fn what_is_written_is_read(value in "[^<&\"\r\n\t\\$]{0,30}", text in "[^<&\r\\$]{1,30}") {
        prop_assume!(!text.to_ascii_lowercase().contains("x-pre-process"));
        let loaded = load_text(&format!("<a x=\"{value}\">{text}</a>"), &[]);
        let root = loaded.root.unwrap();
        prop_assert_eq!(&root.attribute("x").unwrap().text, &value.replace(['\x0b', '\x0c'], " "));
        prop_assert_eq!(&root.text.unwrap().text, &text);
    }
}
