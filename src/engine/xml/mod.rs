//! XML with positions, includes, pre-process directives and globals.
