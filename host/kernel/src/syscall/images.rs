//! Images as processes see them: the primitives of interface `image`.

use crate::kernel::{Place, State};
use crate::model::answer::CallError;
use crate::model::call::{Call, Reply};
use crate::model::image::Image;
use crate::model::time::Time;

/// Registers, lists or shows images.
pub fn perform(state: &mut State, place: Place, call: &Call, now: Time) -> Result<Reply, CallError> {
    match call {
        Call::ImageRegister { manifest, format, replace } => {
            let image = Image::read_for_guest(manifest, *format)?;
            let info = image.info();
            let done = state.register_image_of(place.pid, image, *replace)?;
            Ok(Reply::ImageRegistered(info, done))
        }
        Call::ImageList => Ok(Reply::Images(state.images_for(place.pid, now))),
        Call::ImageShow { id } => state.show_image(id).map(Reply::Text),
        _ => Err(CallError::Internal),
    }
}
