//! SIP: messages, transactions, dialogs, authentication.
