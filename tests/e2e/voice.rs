//! What callers hear by name: `say`, phrase macros, menus, from the dialplan and from scripts.

use std::time::Duration;

use crate::support::{Switch, context, until};

/// Macros that leave traces in variables.
const LANGUAGES: &str = r#"<include>
<language name="en" say-module="en">
<phrases>
<macros>
<macro name="count" pause="10">
<input pattern="^(\d+):(\w+)$">
<match>
<action function="play-file" data="silence_stream://20"/>
<action function="execute" data="set(phrase_saw=$1-${destination_number})"/>
<action function="execute" data="sleep(10)"/>
<action function="phrase" phrase="inner" data="$2"/>
</match>
<nomatch>
<action function="execute" data="set(phrase_saw=nothing)"/>
</nomatch>
</input>
</macro>
<macro name="inner">
<input pattern="^x$" break_on_match="true">
<match><action function="execute" data="set(inner_saw=x)"/></match>
</input>
<input>
<match><action function="execute" data="set(inner_saw=${inner_saw}!)"/></match>
</input>
</macro>
<macro name="loop">
<input><match><action function="phrase" phrase="loop" data=""/></match></input>
</macro>
</macros>
</phrases>
</language>
</include>
"#;

const MENUS: &str = r#"<configuration name="ivr.conf">
<menus>
<menu name="main" greet-long="silence_stream://100" invalid-sound="silence_stream://20" timeout="1500" inter-digit-timeout="300" digit-len="4" max-failures="2">
<entry digits="1" action="menu-exec-app" param="set menu_took=one"/>
<entry digits="1" action="menu-exec-app" param="transfer other XML public"/>
<entry digits="/^(10[0-9][0-9])$/" action="menu-exec-app" param="transfer ext-$1 XML public"/>
<entry digits="2" action="menu-sub" param="sub"/>
<entry digits="9" action="menu-exit"/>
</menu>
<menu name="sub" greet-long="silence_stream://100" timeout="1500" inter-digit-timeout="300" digit-len="1">
<entry digits="8" action="menu-top"/>
<entry digits="7" action="menu-exec-app" param="transfer sub XML public"/>
</menu>
</menus>
</configuration>
"#;

const TELL: &str = "
local file = io.open(session:getVariable('base_dir') .. '/told', 'w')
file:write(table.concat(argv, ' '))
file:close()
";

const MENU_SCRIPT: &str = "
session:answer()
local silence = 'silence_stream://100'
local main = freeswitch.IVRMenu(nil, 'main', silence, silence, silence, '', '', '', '', '', '', 3, 300, 1, 1500, 2, 2)
local sub = freeswitch.IVRMenu(main, 'sub', silence, silence, silence, '', '', '', '', '', '', 3, 300, 1, 1500, 2, 2)
main:bindAction('menu-sub', 'sub', '2')
sub:bindAction('menu-exec-app', 'lua tell.lua reached', '3')
sub:bindAction('menu-exit', '', '4')
main:execute(session, 'main')
session:hangup('USER_BUSY')
";

fn switch() -> Switch {
    let tell = |what| ("lua", what);
    let dialplan = context(
        "public",
        &[
            (
                "^phrase$",
                &[
                    ("answer", ""),
                    ("playback", "phrase:count:42:x"),
                    tell("tell.lua ${phrase_saw} ${inner_saw} ${current_application_response}"),
                    ("hangup", ""),
                ],
            ),
            (
                "^unknown$",
                &[
                    ("answer", ""),
                    ("phrase", "nosuch,1"),
                    tell("tell.lua ${current_application_response}"),
                    ("hangup", ""),
                ],
            ),
            ("^loop$", &[("answer", ""), ("phrase", "loop"), tell("tell.lua ended"), ("hangup", "")]),
            (
                "^say$",
                &[
                    ("answer", ""),
                    ("say", "en number pronounced 123"),
                    tell("tell.lua ${say_string en en number pronounced 21}"),
                    ("hangup", ""),
                ],
            ),
            ("^menu$", &[("answer", ""), ("ivr", "main"), tell("tell.lua left ${ivr_menu_status}"), ("hangup", "")]),
            ("^script$", &[("lua", "menu.lua")]),
            ("^other$", &[tell("tell.lua other ${menu_took}"), ("hangup", "")]),
            ("^ext-(.*)$", &[tell("tell.lua ext $1"), ("hangup", "")]),
            ("^sub$", &[tell("tell.lua sub"), ("hangup", "")]),
        ],
    );
    Switch::start(&[
        ("dialplan/a.xml", &dialplan),
        ("lang/en.xml", LANGUAGES),
        ("autoload_configs/ivr.conf.xml", MENUS),
        ("scripts/tell.lua", TELL),
        ("scripts/menu.lua", MENU_SCRIPT),
    ])
}

async fn told(switch: &Switch, number: &str, digits: &str) -> String {
    let path = switch.folder().join("told");
    let _ = std::fs::remove_file(&path);
    let report = switch
        .call(number, |plan| {
            digits.clone_into(&mut plan.digits);
            plan.digits_after = Duration::from_millis(300);
        })
        .await;
    assert_eq!(report.status, Some(200), "{number}");
    until(&format!("{number} {digits} is told"), || path.is_file()).await;
    std::fs::read_to_string(path).expect("a text")
}

#[tokio::test(flavor = "multi_thread")]
async fn phrases_and_numbers() {
    let switch = switch();
    assert_eq!(told(&switch, "phrase", "").await, "42-phrase x FILE PLAYED", "{}", switch.log());
    assert_eq!(told(&switch, "unknown", "").await, "UNKNOWN ERROR");
    assert_eq!(told(&switch, "loop", "").await, "ended", "a phrase that contains itself ends");
    assert_eq!(told(&switch, "say", "").await, "file_string://digits/20.wav!digits/1.wav");
    assert!(switch.log().contains("digits/hundred.wav"), "the words are missing here, and the log says so");
}

#[tokio::test(flavor = "multi_thread")]
async fn menus() {
    let switch = switch();
    for (digits, expected) in [
        ("1", "other one"),
        ("1042", "ext 1042"),
        ("27", "sub"),
        ("281", "other one"),
        ("55", "left failure"),
        ("9", "left success"),
        ("", "left timeout"),
    ] {
        // Keys that belong to different menus are pressed one by one: "281" would be one number of four digits else.
        let digits: String = if expected.starts_with("ext") || digits.len() < 2 {
            digits.to_owned()
        } else {
            digits.chars().flat_map(|key| [key, '#']).collect()
        };
        assert_eq!(told(&switch, "menu", &digits).await, expected, "{digits}: {}", switch.log());
    }
    assert_eq!(told(&switch, "script", "2#3#4").await, "reached", "{}", switch.log());
}
