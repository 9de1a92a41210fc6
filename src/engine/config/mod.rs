//! Typed settings read from the XML tree.
