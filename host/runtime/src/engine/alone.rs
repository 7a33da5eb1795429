//! Calls of components that have no authority at all: the runtime's own, which are to read what somebody else wrote.

use super::guest::Guest;
use super::{Engine, Prepared, check_result, failure, told_failure};
use libos_kernel::model::answer::Stop;
use libos_kernel::model::row::Failure;

impl Engine {
    /// Runs an exported tool in a fresh instance that every import is refused to. `limits` are bytes of memory and ticks of processor
    /// time.
    ///
    /// # Errors
    /// The host failed; nothing is said of the arguments.
    pub async fn call_alone(
        &self,
        prepared: &Prepared,
        export: &str,
        arguments: &str,
        limits: (u64, u64),
    ) -> Result<Result<String, Failure>, Stop> {
        let (memory, ticks) = limits;
        let mut store = self.store(Guest::without_authority(memory, ticks));
        let _ticking = self.tick()?;
        let called = async {
            let tool = prepared.pre.instantiate_async(&mut store).await?;
            tool.call_call(&mut store, export, arguments).await
        };
        match called.await {
            Ok(Ok(result)) => Ok(check_result(result)),
            Ok(Err(told)) => Ok(Err(told_failure(told))),
            Err(error) => {
                let refused = store.data().memory_refused.then_some(memory);
                failure::classify(&error, refused, None).map(Err)
            }
        }
    }
}
