//! Input callbacks: what they are called with, and what their answers do.

use super::fixture::{Call, host, values_of};

fn pressing(digits: &str) -> Call {
    Call { presses: digits.chars().collect(), ..Call::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_of_callbacks() {
    let host = host();
    for (body, digits, expected, told) in [
        (
            "function cb(s,t,d,...) R=s==session,t T={t,d.digit,d.duration,select('#',...)} end \
          session:setInputCallback('cb') return session:streamFile('a.wav'),table.unpack(T)",
            "5",
            "1,\"dtmf\",\"5\",2000,0",
            "continue Continue",
        ),
        (
            "A={7} function cb(s,t,d,a) T=a end session:setInputCallback('cb','A') session:sleep(1) return T==A",
            "5",
            "true",
            "continue Continue",
        ),
        (
            "session:setInputCallback(function(s,t,d) D=(D or '')..d.digit end) return session:sleep(1),D",
            "12#",
            "1,\"12#\"",
            "continue Continue",
        ),
        (
            "function cb() return 'break' end session:setInputCallback('cb') return session:streamFile('a.wav')",
            "1",
            "0",
            "continue Stop",
        ),
        (
            "function cb() return 2 end session:setInputCallback('cb') return session:sleep(9)",
            "1",
            "0",
            "continue Stop",
        ),
        (
            "function cb() return true end session:setInputCallback('cb') return session:sleep(9)",
            "1",
            "1",
            "continue Continue",
        ),
        (
            "function cb() error('x') end session:setInputCallback('cb') return session:streamFile('a.wav')",
            "1",
            "0",
            "continue Stop",
        ),
        ("session:setInputCallback('nosuch') return session:streamFile('a.wav')", "1", "0", "continue Stop"),
        (
            "function cb() return 'seek:+5' end session:setInputCallback('cb') session:streamFile('a.wav')",
            "1",
            "",
            "continue SeekBy(5)",
        ),
        (
            "function cb(s) s:unsetInputCallback() Q=s:streamFile('b.wav') return 'stop' end \
          session:setInputCallback('cb') return session:streamFile('a.wav'),Q",
            "12",
            "0,1",
            "stream b.wav 0",
        ),
        (
            "function cb() return 'x' end session:setInputCallback('cb') \
          return session:collectDigits(100),session:collectDigits(10,100)",
            "1",
            "0,0",
            "collect 0 100",
        ),
    ] {
        let (values, call) = values_of(&host, body, pressing(digits)).await;
        assert_eq!(values, expected, "{body}");
        let log = &call.lock().unwrap().log;
        assert!(log.iter().any(|line| line == told), "{body}: {log:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callback_works_inside_coroutines_and_after_an_error() {
    let body = "function cb(s,t,d) D=(D or '')..d.digit s:sleep(1) if d.digit=='1' then error('x') end end \
                session:setInputCallback('cb') local co=coroutine.wrap(function() coroutine.yield(session:sleep(5)) \
                coroutine.yield(session:streamFile('a.wav')) end) return co(),co(),D";
    let (values, _) = values_of(&host(), body, pressing("1")).await;
    assert_eq!(values, "0,1,\"1\"");
}
