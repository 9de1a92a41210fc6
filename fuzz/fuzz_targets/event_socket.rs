//! Any bytes as requests of a client of the event socket, in two pieces.
#![no_main]

use libfuzzer_sys::fuzz_target;
use switch::engine::event_socket::Requests;

fuzz_target!(|input: (&[u8], usize)| {
    let (bytes, at) = input;
    let (first, second) = bytes.split_at(at % (bytes.len() + 1));
    let mut requests = Requests::default();
    for piece in [first, second] {
        requests.feed(piece);
        while let Ok(Some(request)) = requests.take() {
            let _ = (request.header("Content-Length"), requests.is_partial());
        }
    }
});
