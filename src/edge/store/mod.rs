//! Bindings, hash, db, record spool.
