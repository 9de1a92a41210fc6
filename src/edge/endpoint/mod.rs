//! Dial-string prefixes, one file each.
