//! What `cargo xtask js-bridge` calls: `libos-js-build component CORE.wasm OUT.wasm`, `libos-js-build mirror WIT BRIDGE`,
//! `libos-js-build digest FILE`.

mod component;
mod frames;
mod mirror;

use anyhow::{Context, Result, bail};
use sha2::Digest;
use std::path::Path;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["component", from, to] => {
            let core = std::fs::read(from).with_context(|| (*from).to_owned())?;
            std::fs::write(to, component::make(&core)?).with_context(|| (*to).to_owned())
        }
        ["mirror", contract, bridge] => {
            let contract = mirror::Contract::read(Path::new(contract))?;
            std::fs::write(Path::new(bridge).join("core/mirror.js"), contract.script())?;
            Ok(std::fs::write(Path::new(bridge).join("libos.d.ts"), contract.declarations())?)
        }
        ["digest", path] => {
            let bytes = std::fs::read(path).with_context(|| (*path).to_owned())?;
            let digest = sha2::Sha256::digest(&bytes);
            println!("{}", digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
            Ok(())
        }
        _ => bail!("libos-js-build component CORE.wasm OUT.wasm | mirror WIT BRIDGE | digest FILE"),
    }
}
