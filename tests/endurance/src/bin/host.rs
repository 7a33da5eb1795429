//! A host under load, as a program: `endurance-host DIRECTORY SOCKET INCARNATION MODE POINT NTH`. Mode is `load`, `lies` or `drain`; the
//! point is a word of `Point` or `-`.

use libos_endurance::guest::Crew;
use libos_endurance::outside::Outside;
use libos_endurance::point::{Mine, Point};
use libos_endurance::storage::Mined;
use libos_kernel::kernel::{HostError, Kernel, Options};
use libos_kernel::store::disk::Directory;
use std::sync::{Arc, Mutex};

fn main() -> Result<(), HostError> {
    let usage = |what: &str| HostError::Usage(what.to_owned());
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [directory, socket, incarnation, mode, point, nth] = &arguments[..] else {
        return Err(usage("there are six arguments"));
    };
    let incarnation = incarnation.parse().map_err(|_| usage("which incarnation?"))?;
    let nth = nth.parse().map_err(|_| usage("which passage?"))?;
    let mine = Arc::new(Mine::new(Point::read(point), nth));
    let returned = Arc::default();
    let world = Outside {
        socket: socket.into(),
        mine: Arc::clone(&mine),
        returned: Arc::clone(&returned),
        lies: mode == "lies",
    };
    let storage = Mined { directory: Directory::new(directory), mine: Arc::clone(&mine), returned };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(|error| usage(&error.to_string()))?;
    runtime.block_on(async {
        let options = Options::new(Arc::new(storage), Arc::new(world));
        let kernel = Kernel::open(options)?;
        let adopted = Mutex::default();
        let crew = Crew { kernel: Arc::clone(&kernel), mine, adopted, incarnation, drains: mode == "drain" };
        Arc::new(crew).run().await?;
        kernel.shutdown();
        Ok(())
    })
}
