//! Dialplan applications, one file each, and their table.
