//! The smallest complete tool: it counts the words of a file.

/// Counts the words of the text file at `path`.
#[libos::tool(needs("read fs:workspace/**"))]
fn word_count(path: String) -> libos::Result<usize> {
    Ok(libos::fs::read_to_string(&path)?.split_whitespace().count())
}
