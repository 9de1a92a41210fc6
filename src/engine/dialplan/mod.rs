//! XML dialplan: compiled contexts and the hunt.
