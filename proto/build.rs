//! Compiles the contracts with a Rust protobuf compiler, so that building Muster needs no `protoc`.

fn main() {
    let files = [
        "durable/job.proto",
        "durable/command.proto",
        "durable/row.proto",
        "wire/client.proto",
        "wire/node.proto",
        "wire/replica.proto",
    ];
    for file in files {
        println!("cargo:rerun-if-changed={file}");
    }
    let set = protox::compile(files, ["."]).expect("the contracts are valid protobuf");
    let services = std::env::var_os("CARGO_FEATURE_SERVICE").is_some();
    tonic_prost_build::configure()
        .build_client(services)
        .build_server(services)
        .btree_map(".")
        .bytes(".")
        // Rows in memory stand beside their spec, and most rows share one.
        .boxed(".muster.durable.JobRow.spec")
        .compile_fds(set)
        .expect("code generation writes to OUT_DIR");
}
