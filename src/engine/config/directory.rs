//! Users, groups and domains of the section `directory`, merged once at load.

use std::collections::HashMap;
use std::sync::Arc;

use super::AccessLists;
use crate::engine::xml::Element;

/// Names and values in order of writing.
pub type Entries = Vec<(String, String)>;

/// A user with everything it inherits: its own entries, then its group's, then its domain's; an entry is inherited only
/// when no entry of that name (any case) is there already.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct User {
    /// Attribute `id`.
    pub id: String,
    /// Name of its domain, as written there.
    pub domain: String,
    /// Attributes of the element.
    pub attributes: Entries,
    /// `<param>` entries.
    pub params: Entries,
    /// `<variable>` entries.
    pub variables: Entries,
    /// What stands for it in a group: `group-dial-string`, else `dial-string`, of the nearest level that has either.
    pub group_dial_string: Option<String>,
}

impl User {
    /// A param by name, any case.
    pub fn param(&self, name: &str) -> Option<&str> {
        value(&self.params, name)
    }

    /// A variable by name, any case.
    pub fn variable(&self, name: &str) -> Option<&str> {
        value(&self.variables, name)
    }

    /// An attribute by name, any case.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        value(&self.attributes, name)
    }
}

fn value<'e>(entries: &'e Entries, name: &str) -> Option<&'e str> {
    entries.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

#[derive(Debug, Clone, Default)]
struct Domain {
    name: String,
    /// What it says itself.
    own: User,
    users: Vec<Arc<User>>,
    /// First user by value of `id`, then of `number-alias`, in lower case.
    by_name: HashMap<String, usize>,
    /// Ids in each group, pointers included; both in lower case.
    groups: HashMap<String, Vec<String>>,
}

/// All domains, and the access lists, which may name them.
#[derive(Debug, Clone, Default)]
pub struct Directory {
    domains: Vec<Domain>,
    access: AccessLists,
}

impl Directory {
    /// Reads the section `directory` of a document, or the section itself. Of equal domains the first counts.
    pub fn read(root: &Element) -> Self {
        let section = if root.name == "section" { Some(root) } else { root.find("section", "name", "directory") };
        let mut directory = Self::default();
        for element in section.into_iter().flat_map(|section| section.named("domain")) {
            if let Some(name) = element.attribute("name").map(|name| name.text.as_str())
                && directory.domain(name).is_none()
            {
                directory.domains.push(Domain::read(name, element));
            }
        }
        directory.access = AccessLists::read(root, &directory);
        directory
    }

    /// The access lists.
    pub fn access(&self) -> &AccessLists {
        &self.access
    }

    /// The attributes, params and variables of a domain itself, as though it were a user.
    pub fn domain_entries(&self, name: &str) -> Option<&User> {
        self.domain(name).map(|domain| &domain.own)
    }

    /// Whether there is a domain of this name, any case.
    pub fn has_domain(&self, name: &str) -> bool {
        self.domain(name).is_some()
    }

    /// The users of a domain, pointers apart.
    pub fn users(&self, domain: &str) -> &[Arc<User>] {
        self.domain(domain).map(|domain| domain.users.as_slice()).unwrap_or_default()
    }

    /// Names of the domains in order.
    pub fn domains(&self) -> impl Iterator<Item = &str> {
        self.domains.iter().map(|domain| &*domain.name)
    }

    /// The user whose `id`, else `number-alias`, is this (any case). No such domain, no such user: none.
    pub fn user(&self, user: &str, domain: &str) -> Option<&Arc<User>> {
        let domain = self.domain(domain)?;
        domain.users.get(*domain.by_name.get(&user.to_ascii_lowercase())?)
    }

    /// The first user whose attribute has this value; names and values ignore case.
    pub fn user_by(&self, attribute: &str, text: &str, domain: &str) -> Option<&Arc<User>> {
        let matches =
            |user: &&Arc<User>| user.attribute(attribute).is_some_and(|found| found.eq_ignore_ascii_case(text));
        self.domain(domain)?.users.iter().find(matches)
    }

    /// Ids of a group's members in order, pointers included; none when the domain has no such group.
    pub fn members(&self, group: &str, domain: &str) -> Option<&[String]> {
        self.domain(domain)?.groups.get(&group.to_ascii_lowercase()).map(Vec::as_slice)
    }

    /// Whether the user is a member of the group.
    pub fn in_group(&self, user: &str, group: &str, domain: &str) -> bool {
        self.members(group, domain).is_some_and(|members| members.iter().any(|id| id.eq_ignore_ascii_case(user)))
    }

    /// The first group of a domain that a user is in, in the order of names.
    pub fn group_of(&self, user: &str, domain: &str) -> Option<&str> {
        let groups = &self.domain(domain)?.groups;
        let has = |members: &Vec<String>| members.iter().any(|id| id.eq_ignore_ascii_case(user));
        groups.iter().filter(|(_, members)| has(members)).map(|(name, _)| name.as_str()).min()
    }

    /// How many users there are, pointers apart.
    pub fn user_count(&self) -> usize {
        self.domains.iter().map(|domain| domain.users.len()).sum()
    }

    fn domain(&self, name: &str) -> Option<&Domain> {
        self.domains.iter().find(|domain| domain.name.eq_ignore_ascii_case(name))
    }
}

impl Domain {
    fn read(name: &str, element: &Element) -> Self {
        let mut domain = Self { name: name.to_owned(), ..Self::default() };
        domain.own.attributes =
            element.attributes.iter().map(|one| (one.name.clone(), one.value.text.clone())).collect();
        inherit(&mut domain.own.params, element, "params", "param");
        inherit(&mut domain.own.variables, element, "variables", "variable");
        let mut grouped = false;
        for group in element.named("groups").flat_map(|groups| groups.named("group")) {
            grouped = true;
            let members = domain.add(group.named("users").flat_map(|users| users.named("user")), &[group, element]);
            if let Some(name) = group.attribute("name") {
                domain.groups.entry(name.text.to_ascii_lowercase()).or_default().extend(members);
            }
        }
        if !grouped && element.named("groups").next().is_none() {
            domain.add(element.named("users").flat_map(|users| users.named("user")), &[element]);
            domain.add(element.named("user"), &[element]);
        }
        for (at, user) in domain.users.iter().enumerate() {
            domain.by_name.entry(user.id.to_ascii_lowercase()).or_insert(at);
        }
        for (at, user) in domain.users.iter().enumerate() {
            if let Some(alias) = user.attribute("number-alias") {
                domain.by_name.entry(alias.to_ascii_lowercase()).or_insert(at);
            }
        }
        domain
    }

    /// Adds users that inherit from these elements, nearest first, and gives all ids.
    fn add<'e>(&mut self, elements: impl Iterator<Item = &'e Element>, above: &[&Element]) -> Vec<String> {
        // Once for all users: a domain may have a hundred thousand of them among its children.
        let above: Vec<Level> = above.iter().map(|element| Level::of(element)).collect();
        let mut ids = Vec::new();
        for element in elements {
            let Some(id) = element.attribute("id") else { continue };
            ids.push(id.text.clone());
            if element.attribute("type").is_some_and(|kind| kind.text.eq_ignore_ascii_case("pointer")) {
                continue;
            }
            let mut user = User {
                id: id.text.clone(),
                domain: self.name.clone(),
                attributes: element.attributes.iter().map(|one| (one.name.clone(), one.value.text.clone())).collect(),
                ..User::default()
            };
            user.attributes.push(("domain-name".to_owned(), self.name.clone()));
            let own = Level::of(element);
            for level in std::iter::once(&own).chain(&above) {
                if user.group_dial_string.is_none() {
                    user.group_dial_string.clone_from(&level.group_dial_string);
                }
                add_missing(&mut user.params, &level.params);
                add_missing(&mut user.variables, &level.variables);
            }
            self.users.push(Arc::new(user));
        }
        ids
    }
}

/// What users take from one element: themselves, their group, their domain.
struct Level {
    group_dial_string: Option<String>,
    params: Entries,
    variables: Entries,
}

impl Level {
    fn of(element: &Element) -> Self {
        let (mut params, mut variables) = (Entries::new(), Entries::new());
        inherit(&mut params, element, "params", "param");
        inherit(&mut variables, element, "variables", "variable");
        let dial = own_param(element, "group-dial-string").or_else(|| own_param(element, "dial-string"));
        Self { group_dial_string: dial, params, variables }
    }
}

fn add_missing(entries: &mut Entries, more: &Entries) {
    for (name, text) in more {
        if value(entries, name).is_none() {
            entries.push((name.clone(), text.clone()));
        }
    }
}

/// A param of this element itself.
fn own_param(element: &Element, name: &str) -> Option<String> {
    let mut params = element.named("params").flat_map(|list| list.named("param"));
    let found = params.find(|param| param.attribute("name").is_some_and(|known| known.text.eq_ignore_ascii_case(name)));
    found.and_then(|param| param.attribute("value")).map(|value| value.text.clone())
}

fn inherit(entries: &mut Entries, from: &Element, list: &str, item: &str) {
    for entry in from.named(list).flat_map(|list| list.named(item)) {
        if let (Some(name), Some(text)) = (entry.attribute("name"), entry.attribute("value"))
            && value(entries, &name.text).is_none()
        {
            entries.push((name.text.clone(), text.text.clone()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::xml::{NoFiles, load};
    use crate::words::model::Variables;

    fn directory(text: &str) -> Directory {
        let text = format!("<document><section name=\"directory\">{text}</section></document>");
        Directory::read(&load("d.xml", text.as_bytes(), Variables::new(), &NoFiles).root.unwrap())
    }

    const GROUPED: &str = r#"
        <domain name="Example.com">
          <params><param name="dial-string" value="domain"/><param name="x" value="domain"/></params>
          <variables><variable name="lang" value="en"/></variables>
          <groups>
            <group name="Sales">
              <params><param name="X" value="group"/></params>
              <users>
                <user id="1000" number-alias="2000" cidr="10.0.0.0/8">
                  <params><param name="password" value="p"/><param name="password" value="q"/></params>
                  <variables><variable name="LANG" value="de"/></variables>
                </user>
                <user id="1001" type="pointer"/>
              </users>
            </group>
            <group name="all"><users><user id="1001"/><user id="2000"/><user id="1000" type="pointer"/></users></group>
          </groups>
          <users><user id="hidden"/></users>
        </domain>
        <domain name="example.COM"><user id="dead"/></domain>
        <domain name="flat"><users><user id="a"/></users><user id="b"><variables><variable name="v" value="1"/></variables></user></domain>"#;

    #[test]
    fn users_inherit_from_group_and_domain() {
        let directory = directory(GROUPED);
        assert_eq!(directory.domains().collect::<Vec<_>>(), ["Example.com", "flat"]);
        let user = directory.user("1000", "EXAMPLE.com").unwrap();
        let params: Vec<_> = user.params.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(params, ["password=p", "X=group", "dial-string=domain"]);
        assert_eq!((user.param("PASSWORD"), user.variable("lang")), (Some("p"), Some("de")));
        assert_eq!((user.attribute("cidr"), user.attribute("domain-name")), (Some("10.0.0.0/8"), Some("Example.com")));
        let plain = directory.user("1001", "example.com").unwrap();
        assert_eq!((plain.param("x"), plain.variable("lang")), (Some("domain"), Some("en")));
    }

    #[test]
    fn lookups() {
        let directory = directory(GROUPED);
        let found = |user: &str, domain: &str| directory.user(user, domain).map(|user| user.id.as_str());
        assert_eq!(found("2000", "example.com"), Some("2000"), "an id beats an alias");
        assert_eq!(found("hidden", "example.com"), None, "a domain with groups is searched in its groups only");
        assert_eq!(found("dead", "example.com"), None, "the second domain of a name");
        assert_eq!((found("a", "flat"), found("B", "flat"), found("1000", "flat")), (Some("a"), Some("b"), None));
        assert_eq!(found("1000", "nowhere"), None);
        assert_eq!(directory.user_by("Number-Alias", "2000", "example.com").map(|user| &*user.id), Some("1000"));
        assert_eq!(directory.members("SALES", "example.com").unwrap(), ["1000", "1001"]);
        assert!(
            directory.in_group("1000", "all", "example.com") && !directory.in_group("2000", "sales", "example.com")
        );
        assert!(directory.members("none", "example.com").is_none());
        assert_eq!(directory.user_count(), 5);
    }
}
