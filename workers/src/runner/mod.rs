//! From due records to passes: leases, concurrency, back-off.

mod backoff;
mod desk;
mod fleet;
mod hold;
mod pass;
mod passes;
mod turns;

pub use fleet::Fleet;
pub use hold::Hold;
