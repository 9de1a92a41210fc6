//! The root document that is used when there is no configuration directory.

use std::fmt::Write as _;

/// Folders of a configuration without a `freeswitch.xml`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folders {
    /// `autoload_configs/*.xml` and `sip_profiles/*.xml` are looked for here.
    pub base: String,
    /// XML dialplans.
    pub dialplan: String,
    /// Users.
    pub directory: String,
}

impl Folders {
    /// The usual folders below `base`.
    pub fn below(base: &str) -> Self {
        let base = base.trim_end_matches('/');
        let base = if base.is_empty() { "." } else { base };
        Self { base: base.to_owned(), dialplan: format!("{base}/dialplan"), directory: format!("{base}/directory") }
    }
}

/// The root document, equal in structure to vanilla's `freeswitch.xml`. Its includes are relative to the folder of the
/// name it is loaded under: load it under a name without a folder.
pub fn root_document(folders: &Folders) -> String {
    let mut text = String::from("<document type=\"freeswitch/xml\">\n");
    // Behind the user's own files: of two configurations of one name the first counts.
    let _ = write!(
        text,
        "<section name=\"configuration\">\n<X-PRE-PROCESS cmd=\"include\" data=\"{0}/autoload_configs/*.xml\"/>\n\
         <configuration name=\"sofia.conf\">\n<profiles>\n\
         <X-PRE-PROCESS cmd=\"include\" data=\"{0}/sip_profiles/*.xml\"/>\n</profiles>\n</configuration>\n</section>\n",
        folders.base
    );
    let mut section = |name: &str, pattern: &str| {
        let _ = write!(
            text,
            "<section name=\"{name}\">\n<X-PRE-PROCESS cmd=\"include\" data=\"{pattern}\"/>\n</section>\n"
        );
    };
    section("dialplan", &format!("{}/*.xml", folders.dialplan));
    section("directory", &format!("{}/*.xml", folders.directory));
    let _ = write!(
        text,
        "<section name=\"languages\">\n<X-PRE-PROCESS cmd=\"include\" data=\"{0}/lang/*.xml\"/>\n\
         <X-PRE-PROCESS cmd=\"include\" data=\"{0}/lang/*/*.xml\"/>\n</section>\n",
        folders.base
    );
    text.push_str("</document>\n");
    text
}
