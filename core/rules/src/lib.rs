//! What records entail, as pure functions with their tests beside them: no SQL, HTTP or Kubernetes.

pub mod driver;
pub mod listeners;
