//! Events, consumers, digits as objects.

use super::fixture::{Call, host, values_of};

#[tokio::test(flavor = "multi_thread")]
async fn events() {
    let host = host();
    for (body, expected) in [
        (
            "local e=freeswitch.Event('custom','a::b') return e:getType(),e:getHeader('event-subclass'),e:getHeader('x'),\
          e:getBody(),e.nosuch",
            "\"CUSTOM\",\"a::b\",nil,nil,nil",
        ),
        (
            "return freeswitch.Event('MESSAGE','a'):getType(),freeswitch.Event('NOSUCH'):getType()",
            "\"CUSTOM\",\"MESSAGE\"",
        ),
        (
            "local e=freeswitch.Event('NOTIFY') return e:addHeader('A',1),e:addHeader('A',2),e:getHeader('a'),\
          e:delHeader('A'),e:getHeader('A'),e:delHeader('A'),e:addHeader('B',nil),e:addHeader('E',''),e:getHeader('E')",
            "true,true,\"1\",true,nil,false,false,true,nil",
        ),
        (
            "local e=freeswitch.Event('NOTIFY') e:addHeader('X','p q') e:addBody('bb') local s=e.serialized_string \
          return s:match('X: ([^\\n]*)'),s:match('\\n\\n(.*)$'),e:serialize('json'):match('\"_body\":\"(.-)\"')",
            "\"p%20q\",\"bb\",\"bb\"",
        ),
        (
            "local e=freeswitch.Event('NOTIFY') e:addHeader('A','1') local c=freeswitch.Event('json',e:serialize('json')) \
          return c:getType(),c:getHeader('a'),freeswitch.Event('json','[')",
            "\"NOTIFY\",\"1\",nil",
        ),
        (
            "local e,f=freeswitch.Event('NOTIFY'),freeswitch.Event('NOTIFY') f:addHeader('Q','7') return e:merge(f),\
          e:getHeader('Q'),e:setPriority(1),e:setPriority()",
            "true,\"7\",true,true",
        ),
        (
            "local c=freeswitch.EventConsumer('CUSTOM','lua::error') freeswitch.API():execute('lua','~error(\"boom\")') \
          local e=c:pop(1,2000) return e:getHeader('Lua-Error'),e:getHeader('Lua-Status'),e:getHeader('Lua-Script'),\
          e:getHeader('Caller-Context'),e:getHeader('Lua-Traceback') ~= nil",
            "\"[string \"line\"]:1: boom\",\"error\",\"inline code\",\"default\",true",
        ),
        ("return env:getHeader('x'),env:fire(),tostring(env):match('Event')", "nil,false,\"Event\""),
        (
            "local d=freeswitch.DTMF('57',800) return d.digit,d.duration,freeswitch.DTMF(5).duration,d.x",
            "\"5\",800,2000,nil",
        ),
    ] {
        assert_eq!(values_of(&host, body, Call::default()).await.0, expected, "{body}");
    }
    for (body, expected) in [
        ("freeswitch.Event()", "Wrong arguments for overloaded function 'new_Event'"),
        (
            "freeswitch.Event('CUSTOM'):addHeader('A',true)",
            "Error in Event::addHeader (arg 3), expected 'char *' got 'boolean'",
        ),
        ("freeswitch.Event('CUSTOM'):chat_send()", "is not available yet"),
    ] {
        let text = values_of(&host, body, Call::default()).await.0;
        assert!(text.starts_with("error: ") && text.contains(expected), "{body}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn consumers() {
    let host = host();
    for (body, expected) in [
        (
            "local c=freeswitch.EventConsumer('CUSTOM','my::sub') local a=c:pop() local e=freeswitch.Event('CUSTOM','my::sub') \
          e:addHeader('N',7) freeswitch.Event('CUSTOM','other'):fire() local r=e:fire() e:fire() local b,d=c:pop(1),c:pop() \
          return a,r,b:getHeader('N'),b:fire(),d:getHeader('N'),c:pop(1,20)",
            "nil,true,\"7\",false,\"7\",nil",
        ),
        (
            "local c=freeswitch.EventConsumer() return c:bind('NOSUCH'),c:bind('HEARTBEAT'),c:bind('CUSTOM','a')",
            "0,1,1",
        ),
        (
            "local c=freeswitch.EventConsumer('all','',1) freeswitch.Event('NOTIFY'):fire() freeswitch.Event('NOTIFY'):fire() \
          local a,b=c:pop(),c:pop() c:cleanup() return a:getType(),b,c:pop(),c:bind('NOTIFY'),c:cleanup()",
            "\"NOTIFY\",nil,nil,0",
        ),
        (
            "local c=freeswitch.EventConsumer('NOTIFY') local co=coroutine.wrap(function() return c:pop(1,5) end) return co()",
            "nil",
        ),
    ] {
        assert_eq!(values_of(&host, body, Call::default()).await.0, expected, "{body}");
    }
}
