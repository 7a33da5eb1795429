//! A program that runs a tool for its user: it counts the words of a letter, and asks before it reads one.

use libos::{CallRequest, Reaction, Runtime};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, component, directory, letter] = &arguments[..] else {
        return Err("usage: embed COMPONENT DIRECTORY LETTER".into());
    };
    let runtime = Runtime::builder()
        .mount("workspace", directory)
        .allow("read fs:workspace/**")
        .ask("read fs:workspace/letters/**")
        .on_question(|question| {
            println!("{} asks to read a letter: yes", question.tool);
            Some(Reaction::allow())
        })
        .open()
        .await?;
    runtime.add_file(component, None).await?;
    let request = CallRequest::new("word_count", format!(r#"{{"path": "letters/{letter}"}}"#));
    println!("{} words", runtime.call(request).await?.into_result()?);
    runtime.close().await;
    Ok(())
}
