//! The imports of interface `image`: each decodes its arguments to a `Call` and encodes the answer. No decision is made here.

use super::bindings::libos::runtime::image as theirs;
use super::guest::Guest;
use super::imports::Outcome;
use libos_kernel::model::call::{Call, Reply};
use libos_kernel::model::image::{Format, ImageInfo, Registered};

impl theirs::Host for Guest {
    async fn register(
        &mut self,
        manifest: String,
        format: theirs::Format,
        replace: bool,
    ) -> Outcome<theirs::Registered> {
        let format = match format {
            theirs::Format::Toml => Format::Toml,
            theirs::Format::Yaml => Format::Yaml,
        };
        self.send(Call::ImageRegister { manifest, format, replace }, |reply| {
            let Reply::ImageRegistered(image, change) = reply else { return None };
            let change = match change {
                Registered::Added => theirs::Change::Added,
                Registered::Unchanged => theirs::Change::Unchanged,
                Registered::Replaced => theirs::Change::Replaced,
            };
            Some(theirs::Registered { image: image.into(), change })
        })
        .await
    }

    async fn list(&mut self) -> Outcome<Vec<theirs::Info>> {
        self.send(Call::ImageList, |reply| {
            let Reply::Images(images) = reply else { return None };
            Some(images.into_iter().map(Into::into).collect())
        })
        .await
    }

    async fn show(&mut self, id: String) -> Outcome<String> {
        self.send(Call::ImageShow { id }, |reply| if let Reply::Text(text) = reply { Some(text) } else { None }).await
    }
}

impl From<ImageInfo> for theirs::Info {
    fn from(image: ImageInfo) -> Self {
        let ImageInfo { id, version, digest, description, tools } = image;
        theirs::Info { id, version, digest, description, tools }
    }
}
