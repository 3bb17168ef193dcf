//! The wire of Switchyard: generated code, conversions to and from the domain, TLS.

mod generated {
    #![allow(missing_docs, clippy::all, clippy::wildcard_enum_match_arm, clippy::too_many_lines)]
    pub mod v1 {
        tonic::include_proto!("switchyard.v1");
    }
    pub mod agent {
        pub mod v1 {
            tonic::include_proto!("switchyard.agent.v1");
        }
    }
    pub mod openconfig {
        #![allow(deprecated, reason = "prost builds and compares deprecated fields")]
        pub mod gnmi {
            tonic::include_proto!("gnmi");
        }
        pub mod gnmi_ext {
            tonic::include_proto!("gnmi_ext");
        }
    }
}

pub mod convert;
pub mod identity;
pub mod tls;

pub use generated::agent::v1 as agent_v1;
pub use generated::openconfig::{gnmi, gnmi_ext};
pub use generated::v1;

/// The compiled schema, for reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
