//! Compiles the schema with protox, so that no protoc is needed, and keeps the descriptor set for reflection.

use prost::Message as _;
use std::{env, error::Error, fs, path::PathBuf};

#[expect(clippy::disallowed_methods, reason = "a build script writes its output with plain calls")]
fn main() -> Result<(), Box<dyn Error>> {
    let files = [
        "switchyard/v1/rollout_service.proto",
        "switchyard/v1/breaker_service.proto",
        "switchyard/v1/inventory_service.proto",
        "switchyard/v1/agent_service.proto",
        "switchyard/v1/enrollment_service.proto",
        "switchyard/v1/system_service.proto",
        "switchyard/agent/v1/link.proto",
    ];
    println!("cargo:rerun-if-changed=switchyard");
    let descriptors = protox::compile(files, ["."])?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("descriptors.bin"), descriptors.encode_to_vec())?;
    tonic_prost_build::configure().build_transport(false).compile_fds(descriptors)?;
    println!("cargo:rerun-if-changed=openconfig");
    let gnmi = protox::compile(["github.com/openconfig/gnmi/proto/gnmi/gnmi.proto"], ["openconfig"])?;
    tonic_prost_build::configure().build_transport(false).compile_fds(gnmi)?;
    Ok(())
}
