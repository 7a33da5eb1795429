//! Asks two questions, one after the other: the second wait replays the first.

/// Asks the owner two questions and returns both answers.
#[libos::tool]
fn ask_twice(first: String, second: String) -> libos::Result<[String; 2]> {
    Ok([libos::human::ask(&first)?, libos::human::ask(&second)?])
}
