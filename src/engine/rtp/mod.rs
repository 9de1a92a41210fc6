//! RTP and RTCP packets, telephone events, sequence arithmetic.
