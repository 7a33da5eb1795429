//! The imports of interface `shell`: each decodes its arguments to a `Call` and encodes the answer. No decision is made here.

use super::bindings::libos::runtime::shell as theirs;
use super::guest::Guest;
use super::imports::Outcome;
use libos_kernel::model::call::{Call, Reply};
use libos_kernel::model::program::{Command, ProgramEnd, Ran, Written};

impl theirs::Host for Guest {
    async fn run(
        &mut self,
        program: String,
        arguments: Vec<String>,
        options: theirs::Options,
    ) -> Outcome<theirs::Outcome> {
        let variable = |variable: theirs::Variable| (variable.name, variable.value);
        let command = Command {
            program,
            arguments,
            directory: options.directory,
            environment: options.environment.into_iter().map(variable).collect(),
            stdin: options.stdin.into_bytes(),
            timeout: options.timeout,
            output_bytes: options.output_bytes,
        };
        self.send(
            Call::ShellRun { command },
            |reply| if let Reply::Ran(ran) = reply { Some((*ran).into()) } else { None },
        )
        .await
    }
}

impl From<Ran> for theirs::Outcome {
    fn from(ran: Ran) -> Self {
        theirs::Outcome {
            ended: ran.end.into(),
            code: ran.code,
            stdout: ran.stdout.into(),
            stderr: ran.stderr.into(),
            wall_time: ran.wall_time,
            processor_time: ran.processor_time,
        }
    }
}

impl From<Written> for theirs::Output {
    fn from(Written { head, tail, cut }: Written) -> Self {
        theirs::Output { head, tail, cut }
    }
}

impl From<ProgramEnd> for theirs::Ended {
    fn from(end: ProgramEnd) -> Self {
        match end {
            ProgramEnd::Exited => theirs::Ended::Exited,
            ProgramEnd::Signalled => theirs::Ended::Signalled,
            ProgramEnd::WallTime => theirs::Ended::WallTime,
            ProgramEnd::ProcessorTime => theirs::Ended::ProcessorTime,
            ProgramEnd::Memory => theirs::Ended::Memory,
            ProgramEnd::Output => theirs::Ended::Output,
            ProgramEnd::Cancelled => theirs::Ended::Cancelled,
            ProgramEnd::Lost => theirs::Ended::Lost,
        }
    }
}
