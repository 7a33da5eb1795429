//! The imports of `tickets`: system calls that are under way at once. Operation and arguments come as data, so every operation of the
//! contract is read and answered here once more, as its typed import does it.

mod arguments;
mod reply;

use super::bindings::libos::runtime as wit;
use super::guest::Guest;
use super::imports::Outcome;
use libos_kernel::model::answer::Answer;
use wasmtime::Result;
use wit::types::Error;

#[cfg(test)]
mod tests;

impl wit::tickets::Host for Guest {
    async fn submit(&mut self, operation: String, arguments: String, content: Option<Vec<u8>>) -> Outcome<u32> {
        self.check_line("tickets.submit")?;
        let call = match arguments::read(&operation, &arguments, content) {
            Ok(call) => call,
            Err(why) => return Ok(Err(Error::Invalid(why))),
        };
        Ok(self.submit_call(call).await?.map_err(Into::into))
    }

    async fn next(&mut self) -> Result<Option<wit::tickets::Answer>> {
        self.check_line("tickets.next")?;
        let Some((ticket, answer)) = self.next_answer().await? else { return Ok(None) };
        let outcome = match &*answer {
            Answer::Done(reply) => {
                let (value, content) = reply::write(reply);
                Ok(wit::tickets::Reply { value, content })
            }
            Answer::Failed(error) => Err(error.clone().into()),
        };
        Ok(Some(wit::tickets::Answer { ticket, outcome }))
    }

    async fn cancel(&mut self, ticket: u32) -> Result<bool> {
        self.check_line("tickets.cancel")?;
        self.cancel_ticket(ticket).await
    }
}
