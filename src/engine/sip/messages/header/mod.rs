//! Typed views of header values. They borrow the bytes and are made on demand; printing is the builder's.

mod cseq;
mod name_addr;
mod via;

pub use cseq::{CSeq, RAck};
pub use name_addr::{NameAddr, name_addr};
pub use via::Via;
