//! The imports of interface `tools`: each decodes its arguments to a `Call` and encodes the answer. No decision is made here.

use super::bindings::libos::runtime as wit;
use super::guest::Guest;
use super::imports::{Outcome, unit};
use libos_kernel::model::call::{Call, Called, Reply};
use libos_kernel::model::candidate::{
    Code, Expectation, KnownTool, Origin, Problem, Proposal, Report, Test, TestOutcome,
};
use wit::tools as theirs;

impl theirs::Host for Guest {
    async fn call(&mut self, tool: String, arguments: String) -> Outcome<theirs::Outcome> {
        self.send(Call::ToolCall { tool, arguments }, |reply| {
            let Reply::Called(called) = reply else { return None };
            Some(match called {
                Called::Done(result) => theirs::Outcome::Done(result),
                Called::Failed(why) => theirs::Outcome::Failed(why),
            })
        })
        .await
    }

    async fn propose(&mut self, proposal: theirs::Proposal) -> Outcome<String> {
        let text = |reply| if let Reply::Text(text) = reply { Some(text) } else { None };
        self.send(Call::ToolsPropose { proposal: proposal.into() }, text).await
    }

    async fn validate(&mut self, id: String) -> Outcome<theirs::Report> {
        let report = |reply| if let Reply::Report(report) = reply { Some(report.into()) } else { None };
        self.send(Call::ToolsValidate { id }, report).await
    }

    async fn register(&mut self, id: String, for_children: bool) -> Outcome<()> {
        self.send(Call::ToolsRegister { id, for_children }, unit).await
    }

    async fn unregister(&mut self, name: String) -> Outcome<()> {
        self.send(Call::ToolsUnregister { name }, unit).await
    }

    async fn list(&mut self) -> Outcome<Vec<theirs::KnownTool>> {
        self.send(Call::ToolsList, |reply| {
            let Reply::Tools(tools) = reply else { return None };
            Some(tools.into_iter().map(Into::into).collect())
        })
        .await
    }
}

impl From<theirs::Proposal> for Proposal {
    fn from(theirs: theirs::Proposal) -> Proposal {
        let code = match theirs.code {
            theirs::Code::Typescript(text) => Code::Typescript(text),
            theirs::Code::Component(bytes) => Code::Component(bytes),
        };
        let test = |test: theirs::Test| Test {
            arguments: test.arguments,
            expect: match test.expect {
                theirs::Expectation::Returns(result) => Expectation::Returns(result),
                theirs::Expectation::Fails(text) => Expectation::Fails(text),
            },
        };
        Proposal {
            name: theirs.name,
            summary: theirs.summary,
            code,
            arguments: theirs.arguments,
            result: theirs.result,
            tests: theirs.tests.into_iter().map(test).collect(),
        }
    }
}

impl From<Report> for theirs::Report {
    fn from(report: Report) -> Self {
        let problem = |Problem { module, line, column, message }| theirs::Problem { module, line, column, message };
        theirs::Report {
            ok: report.ok,
            problems: report.problems.into_iter().map(problem).collect(),
            tests: report
                .tests
                .into_iter()
                .map(|TestOutcome { passed, message }| theirs::TestOutcome { passed, message })
                .collect(),
            log: report.log,
        }
    }
}

impl From<KnownTool> for theirs::KnownTool {
    fn from(tool: KnownTool) -> Self {
        theirs::KnownTool {
            name: tool.name,
            summary: tool.summary,
            arguments: tool.arguments,
            result: tool.result,
            origin: match tool.origin {
                Origin::Image => theirs::Origin::Image,
                Origin::Own => theirs::Origin::Own,
                Origin::Above => theirs::Origin::Above,
            },
        }
    }
}
