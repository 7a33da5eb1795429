//! The simulated outside and disk of the kernel's own tests.

#[path = "../../../../host/kernel/tests/all/sim/disk.rs"]
mod disk;
#[path = "../../../../host/kernel/tests/all/sim/gate.rs"]
mod gate;
#[path = "../../../../host/kernel/tests/all/sim/house.rs"]
mod house;
#[path = "../../../../host/kernel/tests/all/sim/notary.rs"]
mod notary;
#[path = "../../../../host/kernel/tests/all/sim/world.rs"]
mod world;

pub use disk::{SimStorage, Tear, Trouble};
pub use house::{House, MOUNT, done, words};
pub use world::SimWorld;
