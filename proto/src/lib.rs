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

/// The name of a status code as people know it: `INVALID_ARGUMENT`.
pub fn code_name(code: tonic::Code) -> &'static str {
    match code {
        tonic::Code::Ok => "OK",
        tonic::Code::Cancelled => "CANCELLED",
        tonic::Code::Unknown => "UNKNOWN",
        tonic::Code::InvalidArgument => "INVALID_ARGUMENT",
        tonic::Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        tonic::Code::NotFound => "NOT_FOUND",
        tonic::Code::AlreadyExists => "ALREADY_EXISTS",
        tonic::Code::PermissionDenied => "PERMISSION_DENIED",
        tonic::Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        tonic::Code::FailedPrecondition => "FAILED_PRECONDITION",
        tonic::Code::Aborted => "ABORTED",
        tonic::Code::OutOfRange => "OUT_OF_RANGE",
        tonic::Code::Unimplemented => "UNIMPLEMENTED",
        tonic::Code::Internal => "INTERNAL",
        tonic::Code::Unavailable => "UNAVAILABLE",
        tonic::Code::DataLoss => "DATA_LOSS",
        tonic::Code::Unauthenticated => "UNAUTHENTICATED",
    }
}
