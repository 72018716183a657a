use crate::text::choice;

choice! {
    /// What becomes of TLS on a TCP port, or on a listener of a shared gateway.
    TlsMode {
        /// The gateway's proxy ends TLS, with a certificate for the hostname, and passes on what is inside.
        Terminate = "Terminate",
        /// The workload ends TLS. The proxy reads only the hostname that a client asks for (SNI).
        Passthrough = "Passthrough",
    }
}
