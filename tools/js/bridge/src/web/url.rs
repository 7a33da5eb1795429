//! `URL`: parsing and the setters (<https://url.spec.whatwg.org>), by the crate of the Servo project.

use rquickjs::{Ctx, Result};
use url::{Url, quirks};

/// The parts of a URL in the order in which `web/url.js` knows them, or nothing if it cannot be parsed.
pub fn parse(_ctx: Ctx<'_>, input: String, base: Option<String>) -> Result<Option<String>> {
    let base = match base {
        Some(base) => match Url::parse(&base) {
            Ok(base) => Some(base),
            Err(_) => return Ok(None),
        },
        None => None,
    };
    Ok(Url::options().base_url(base.as_ref()).parse(&input).ok().map(|url| parts(&url)))
}

/// The parts of `href` after its `part` was set; nothing if the setter refuses the value.
pub fn set(_ctx: Ctx<'_>, href: String, part: String, value: String) -> Result<Option<String>> {
    let Ok(mut url) = Url::parse(&href) else { return Ok(None) };
    let set = match part.as_str() {
        "protocol" => quirks::set_protocol(&mut url, &value),
        "username" => quirks::set_username(&mut url, &value),
        "password" => quirks::set_password(&mut url, &value),
        "host" => quirks::set_host(&mut url, &value),
        "hostname" => quirks::set_hostname(&mut url, &value),
        "port" => quirks::set_port(&mut url, &value),
        "pathname" => {
            quirks::set_pathname(&mut url, &value);
            Ok(())
        }
        "search" => {
            quirks::set_search(&mut url, &value);
            Ok(())
        }
        "hash" => {
            quirks::set_hash(&mut url, &value);
            Ok(())
        }
        _ => Err(()),
    };
    Ok(set.ok().map(|()| parts(&url)))
}

/// One a line: no part of a URL has a line break. (An array would be filled through `Array.prototype`, where a script may have put
/// setters.)
fn parts(url: &Url) -> String {
    let parts = [
        quirks::href(url),
        &quirks::origin(url),
        quirks::protocol(url),
        quirks::username(url),
        quirks::password(url),
        quirks::host(url),
        quirks::hostname(url),
        quirks::port(url),
        quirks::pathname(url),
        quirks::search(url),
        quirks::hash(url),
    ];
    parts.join("\n")
}
