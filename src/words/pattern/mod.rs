//! One pattern with PCRE's meaning.
