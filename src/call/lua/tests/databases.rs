//! `freeswitch.Dbh` over a database of two rows.

use std::path::Path;
use std::sync::{Arc, Mutex};

use super::super::{Database, Databases, LuaConfig, LuaHost, Row, Rows};
use super::fixture::{Call, config, values_of};

/// Answers `select`, refuses `selekt`, keeps the rest.
#[derive(Default)]
struct Two(Arc<Mutex<Vec<String>>>);

impl Databases for Two {
    fn open(&self, dsn: &str) -> Result<Arc<dyn Database>, String> {
        if dsn.contains("nosuch") {
            return Err("unable to open database file".to_owned());
        }
        self.0.lock().unwrap().push(dsn.to_owned());
        Ok(Arc::new(Self(Arc::clone(&self.0))))
    }
}

impl Database for Two {
    fn run(&self, sql: &str) -> Result<Rows, String> {
        self.0.lock().unwrap().push(sql.to_owned());
        let columns: Arc<[String]> = ["a".to_owned(), "b".to_owned()].into();
        let row = |a: &str, b: Option<&str>| Row {
            columns: Arc::clone(&columns),
            values: vec![Some(a.into()), b.map(Into::into)],
        };
        match sql {
            "selekt" => Err("near \"selekt\": syntax error".to_owned()),
            _ if sql.starts_with("select") => Ok(Rows { rows: vec![row("x", Some("1")), row("y", None)], affected: 0 }),
            _ => Ok(Rows { rows: Vec::new(), affected: 3 }),
        }
    }

    fn interrupt(&self) {}
}

#[tokio::test(flavor = "multi_thread")]
async fn handles() {
    let log = Arc::new(Mutex::new(Vec::new()));
    let databases: Arc<dyn Databases> = Arc::new(Two(Arc::clone(&log)));
    let host = LuaHost::new(LuaConfig { databases: Some(databases), ..config(Path::new("scripts")) }).unwrap();
    for (body, expected) in [
        (
            "local o={} local r=d:query('select',function(row) o[#o+1]=row end) return r,#o,o[1].a,o[1].b,o[2].b",
            "true,2,\"x\",\"1\",\"\"",
        ),
        ("local n=0 local r=d:query('select',function() n=n+1 return 1 end) return r,n", "true,1"),
        (
            "local n=0 d:query('select',function() n=n+1 return 0 end) d:query('select',function() n=n+1 return true end) return n",
            "4",
        ),
        ("local n=0 local r=d:query('select',function() n=n+1 error('x') end) return r,n", "true,1"),
        ("local n=0 d:query('select',function() n=n+session:sleep(1) end) return n", "2"),
        (
            "return d:query('selekt'),d:last_error(),d:clear_error(),d:last_error(),select('#',d:clear_error())",
            "false,\"near \"selekt\": syntax error\",nil,nil,0",
        ),
        ("d:query('selekt') return d:query('select',nil),d:last_error()", "true,nil"),
        ("local ok,rows,e=d:query_rows('select') return ok,#rows,rows[1].b,rows[2].b,e", "true,2,\"1\",nil,nil"),
        ("local ok,rows,e=d:query_rows('selekt') return ok,#rows,e", "false,0,\"Failed to execute sql query\""),
        ("return d:affected_rows(),d:query('update'),d:affected_rows()", "0,true,3"),
        (
            "return d:test_reactive('select'),d:test_reactive('selekt'),d:test_reactive('selekt','drop','create'),\
          d:test_reactive('selekt','selekt','selekt')",
            "true,false,true,false",
        ),
        (
            "return d:load_extension('x'),d:connected(),d:release(),d:connected(),d:release(),d:query('select'),d:affected_rows()",
            "1,true,true,false,false,false,0",
        ),
        ("local n=freeswitch.Dbh('nosuch') return n:connected(),n:query('select'),n:release()", "false,false,false"),
    ] {
        let body = format!("local d=freeswitch.Dbh('calls','u','p') {body}");
        assert_eq!(values_of(&host, &body, Call::default()).await.0, expected, "{body}");
    }
    assert_eq!(log.lock().unwrap()[0], "calls:u:p");
}
