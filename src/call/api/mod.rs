//! API commands, one file each, and their table.
