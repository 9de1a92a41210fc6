//! Vocabulary: causes, SIP statuses, caller profile, variables.
