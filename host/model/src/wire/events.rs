//! Takes a stream of server-sent events apart (WHATWG HTML, 9.2), in whatever pieces it arrives. Only `data` matters here; what it
//! keeps is bounded by the bytes of the reply, which its caller counts.

/// What has come and is not a whole event yet.
#[derive(Default)]
pub(crate) struct Events {
    line: Vec<u8>,
    /// The lines of `data` so far, each with a line feed after it.
    data: Vec<u8>,
    some_data: bool,
    /// The last byte was a carriage return: a line feed that follows belongs to it.
    after_return: bool,
    begun: bool,
}

impl Events {
    /// Takes bytes; `event` gets the data of each event that they end. It may stop the reading with an error or by saying `true`.
    pub fn take<E>(&mut self, bytes: &[u8], mut event: impl FnMut(&[u8]) -> Result<bool, E>) -> Result<bool, E> {
        for byte in bytes {
            let after_return = std::mem::replace(&mut self.after_return, *byte == b'\r');
            match byte {
                b'\n' if after_return => {}
                b'\r' | b'\n' => {
                    if self.end_line(&mut event)? {
                        return Ok(true);
                    }
                }
                _ => self.line.push(*byte),
            }
        }
        Ok(false)
    }

    fn end_line<E>(&mut self, event: &mut impl FnMut(&[u8]) -> Result<bool, E>) -> Result<bool, E> {
        let line = std::mem::take(&mut self.line);
        let mut rest = line.as_slice();
        if !std::mem::replace(&mut self.begun, true) {
            rest = rest.strip_prefix("\u{feff}".as_bytes()).unwrap_or(rest);
        }
        if rest.is_empty() {
            let data = std::mem::take(&mut self.data);
            if std::mem::take(&mut self.some_data) {
                return event(data.strip_suffix(b"\n").unwrap_or(&data));
            }
            return Ok(false);
        }
        let (field, value) = match rest.iter().position(|byte| *byte == b':') {
            Some(colon) => (&rest[..colon], &rest[colon + 1..]),
            None => (rest, &rest[..0]),
        };
        if field == b"data" {
            self.data.extend_from_slice(value.strip_prefix(b" ").unwrap_or(value));
            self.data.push(b'\n');
            self.some_data = true;
        }
        Ok(false)
    }
}
