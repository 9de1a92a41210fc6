//! `lua.conf`: scripts that start by themselves, limits and what a call makes of them.

use crate::support::{Switch, context, until};

fn conf(settings: &str) -> String {
    format!("<configuration name=\"lua.conf\">\n<settings>\n{settings}\n</settings>\n</configuration>\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn startup_scripts_and_hooks_run() {
    let startup = "
        local consumer = freeswitch.EventConsumer('CUSTOM', 'test::ask')
        local file = io.open(freeswitch.getGlobalVariable('base_dir') .. '/started', 'w')
        file:write(argv[1]) file:close()
        while true do
          local event = consumer:pop(1)
          local file = io.open(freeswitch.getGlobalVariable('base_dir') .. '/consumed', 'w')
          file:write(event:getHeader('X')) file:close()
        end
    ";
    let hook = "
        local file = io.open(freeswitch.getGlobalVariable('base_dir') .. '/hooked', 'a')
        file:write(event:getHeader('X'), tostring(session), tostring(stream), '.') file:close()
    ";
    let asks = "
        for at = 1, 3 do
          local e = freeswitch.Event('CUSTOM', 'test::ask')
          e:addHeader('X', 'n' .. at)
          e:fire()
        end
    ";
    let settings = "<param name=\"startup-script\" value=\"start.lua one\"/>\n\
                    <hook event=\"CUSTOM\" subclass=\"test::ask\" script=\"hook.lua\"/>";
    let extensions: &[(&str, &[(&str, &str)])] = &[("^ask$", &[("lua", "ask.lua"), ("respond", "486")])];
    let switch = Switch::start(&[
        ("dialplan/a.xml", &context("public", extensions)),
        ("autoload_configs/lua.conf.xml", &conf(settings)),
        ("scripts/start.lua", startup),
        ("scripts/hook.lua", hook),
        ("scripts/ask.lua", asks),
    ]);
    let read = |name: &str| std::fs::read_to_string(switch.folder().join(name)).unwrap_or_default();
    until("the startup script runs", || read("started") == "one").await;
    assert_eq!(switch.call("ask", |_| ()).await.status, Some(486));
    let all = "n1nilnil.n2nilnil.n3nilnil.";
    until("the hook ran three times, in order", || read("hooked") == all).await;
    until("the startup script hears it", || read("consumed") == "n3").await;
    assert_eq!(switch.interrupt().await, Some(0), "a script that waits for ever keeps nobody");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_ends_the_script_and_the_call_goes_on_as_it_says() {
    let settings = "<param name=\"lua-max-seconds\" value=\"1\"/>\n<param name=\"lua-strict\" value=\"true\"/>";
    let after = [("lua", "tell.lua ${lua_status}"), ("respond", "488")];
    let extensions: &[(&str, &[(&str, &str)])] = &[
        ("^waits$", &[("lua", "~freeswitch.msleep(30000)"), after[0], after[1]]),
        ("^fails$", &[("lua", "~error('x')"), after[0], after[1]]),
        ("^hangs$", &[("set", "lua_on_error=hangup:USER_BUSY"), ("lua", "~error('x')"), after[1]]),
        ("^moves$", &[("set", "lua_on_error=transfer:other XML public"), ("lua", "~error('x')"), after[1]]),
        ("^other$", &[("respond", "480")]),
        ("^typo$", &[("lua", "~local x = sesion"), after[1]]),
    ];
    let tell = "
        local file = io.open(session:getVariable('base_dir') .. '/told', 'w')
        file:write(argv[1]) file:close()
    ";
    let switch = Switch::start(&[
        ("dialplan/a.xml", &context("public", extensions)),
        ("autoload_configs/lua.conf.xml", &conf(settings)),
        ("scripts/tell.lua", tell),
    ]);
    let told = || std::fs::read_to_string(switch.folder().join("told")).unwrap_or_default();
    for (number, status, lua_status) in [
        ("waits", 488, "timeout"),
        ("fails", 488, "error"),
        ("hangs", 486, "error"),
        ("moves", 480, "error"),
        ("typo", 488, "error"),
    ] {
        let report = switch.call(number, |_| ()).await;
        assert_eq!((report.status, &*told()), (Some(status), lua_status), "{number}: {}", switch.log());
    }
    until("the log tells of the name", || switch.log().contains("the global sesion was never set")).await;
}

/// A handler as dialplans in databases have them: the extension is made for the call.
const HANDLER: &str = r#"
if XML_REQUEST["section"] ~= "dialplan" then error("asked for " .. XML_REQUEST["section"]) end
local number = params:getHeader("Caller-Destination-Number")
local file = io.open(freeswitch.getGlobalVariable("base_dir") .. "/asked", "a")
file:write(number, " ", params:getHeader("Hunt-Context") or "-", " ", tostring(session), ".")
file:close()
if number == "none" then return end
if number == "empty" then XML_STRING = "" return end
if number == "broken" then XML_STRING = "<document><section" return end
if number == "error" then error("no database") end
XML_STRING = [[<?xml version="1.0" encoding="UTF-8" standalone="no"?>
<document type="freeswitch/xml">
<section name="dialplan" description="">
<context name="]] .. (number == "elsewhere" and "other" or "public") .. [[">
<extension name="made">
<condition field="destination_number" expression="^(made|elsewhere)$">
<action application="set" data="made=yes"/>
<action application="respond" data="486"/>
</condition>
</extension>
</context>
</section>
</document>]]
"#;

#[tokio::test(flavor = "multi_thread")]
async fn an_xml_handler_makes_the_dialplan() {
    let settings = "<param name=\"xml-handler-script\" value=\"handler.lua\"/>\n\
                    <param name=\"xml-handler-bindings\" value=\"dialplan\"/>";
    let extensions: &[(&str, &[(&str, &str)])] = &[("^.*$", &[("respond", "480")])];
    let switch = Switch::start(&[
        ("dialplan/a.xml", &context("public", extensions)),
        ("autoload_configs/lua.conf.xml", &conf(settings)),
        ("scripts/handler.lua", HANDLER),
    ]);
    for (number, status) in [
        ("made", 486),
        // The document has the context, and no extension for this number: that is an answer.
        ("unknown", 404),
        // No answer: the files count.
        ("elsewhere", 480),
        ("none", 480),
        ("empty", 480),
        ("broken", 480),
        ("error", 480),
        ("made", 486),
    ] {
        let report = switch.call(number, |_| ()).await;
        assert_eq!(report.status, Some(status), "{number}: {}", switch.log());
    }
    let asked = std::fs::read_to_string(switch.folder().join("asked")).expect("what it was asked");
    assert!(asked.starts_with("made public nil.unknown public nil."), "{asked}");
    until("the log tells of the empty answer", || switch.log().contains("No Result")).await;
    until("the log tells of the broken document", || switch.log().contains("XML_STRING:")).await;
}
