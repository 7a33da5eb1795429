//! The provider of effects, as a program: `endurance-provider SOCKET`.

fn main() -> std::io::Result<()> {
    let socket = std::env::args_os().nth(1).ok_or_else(|| std::io::Error::other("which socket?"))?;
    libos_endurance::provider::serve(socket.as_ref())
}
