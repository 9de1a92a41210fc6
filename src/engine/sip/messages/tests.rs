//! Parser tables and properties.
