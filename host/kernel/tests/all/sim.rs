//! What stands in for the outside and the disk: a world in memory, a disk that fails when told to, and a house over both.

mod disk;
mod gate;
mod house;
mod notary;
mod world;

pub use disk::{SimStorage, Tear, Trouble};
pub use gate::{Gate, within_reason};
pub use house::{BRIDGE, Clerk, House, MOUNT, digest, done, every_interface, new_grant, script_of, tool, words};
pub use notary::{SECOND_PLACE_GONE, SimNotary};
pub use world::{Plan, SimWorld};
