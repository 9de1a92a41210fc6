//! Modules that are C elsewhere.

use super::fixture::*;

async fn answers(cases: &[(&str, &str)]) {
    let host = host();
    for (body, expected) in cases {
        let answer = values_of(&host, body, Call::default()).await.0;
        assert!(answer.contains(expected), "{body}: {answer}");
    }
}

#[tokio::test]
async fn cjson() {
    answers(&[
        ("local c=require('cjson') local t=c.decode('{\"a\":[1,null,\"x\"],\"b\":null}') return t.a[1],t.a[2]==c.null,t.b==c.null,#t.a", "1,true,true,3"),
        ("local c=require('cjson') return c.encode({1,c.null,{a=true}})", "[1,null,{\"a\":true}]"),
        ("local c=require('cjson') return c.encode(c.null),c.encode('x'),tostring(c.null)", "\"null\",\"\"x\"\",\"null\""),
        ("return require('cjson').decode('{bad')", "error: "),
        ("return require('cjson.safe').decode('{bad')", "nil,\""),
        ("local t={} t.t=t return require('cjson.safe').encode(t)", "nested deeper"),
    ])
    .await;
}

#[tokio::test]
async fn lfs() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().display().to_string();
    std::fs::write(folder.path().join("f.txt"), "12345").unwrap();
    answers(&[
        (&format!("local l=require('lfs') return l.attributes('{path}','mode'),l.attributes('{path}/f.txt','size'),l.attributes('{path}/none')"), "\"directory\",5,nil,\"cannot obtain"),
        (&format!("local l=require('lfs') local n={{}} for name in l.dir('{path}') do n[#n+1]=name end table.sort(n) return table.concat(n,' ')"), "\". .. f.txt\""),
        (&format!("local l=require('lfs') return l.mkdir('{path}/new'),l.mkdir('{path}/new')"), "true,nil,\""),
        (&format!("local l=require('lfs') return l.rmdir('{path}/new'),type(l.currentdir()),l.chdir('/')"), "true,\"string\",nil,\""),
        ("return require('lfs').dir('/nosuch')", "error: "),
    ])
    .await;
}

#[tokio::test]
async fn socket() {
    answers(&[
        ("local s=require('socket') return s.gettime()", "1700000000.123"),
        ("local s=require('socket') s.sleep(0.02) return 'slept'", "slept"),
        ("return require('socket').tcp()", "socket.tcp is not available"),
    ])
    .await;
}
