//! Asks a person and returns the answer.

/// Asks the owner a question and returns the answer.
#[libos::tool]
fn ask(question: String) -> libos::Result<String> {
    Ok(libos::human::ask(&question)?)
}
