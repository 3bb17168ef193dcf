//! The wire of Switchyard: generated code, conversions to and from the domain, TLS.

/// The public API, `switchyard.v1`.
pub mod v1 {
    #![allow(missing_docs, clippy::all, clippy::wildcard_enum_match_arm, clippy::too_many_lines)]
    tonic::include_proto!("switchyard.v1");
}

/// The link between agent and coordinator, `switchyard.agent.v1`.
pub mod agent_v1 {
    #![allow(missing_docs, clippy::all, clippy::wildcard_enum_match_arm, clippy::too_many_lines)]
    tonic::include_proto!("switchyard.agent.v1");
}

/// The compiled schema, for reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
