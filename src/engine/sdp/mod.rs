//! SDP text and offer/answer.
