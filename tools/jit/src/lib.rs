//! The standard tools for tools that an agent writes at run time.

use libos::tools::{self, Code, Expectation, Origin, Outcome, Proposal, Test};
use libos::{Error, Failure};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A test that comes with a proposal. It says what is to come out: a result or a failure.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TestCase {
    /// What the tool is called with.
    args: Value,
    /// What it is to return.
    #[serde(default)]
    result: Option<Value>,
    /// A text that the message of its failure is to have in it.
    #[serde(default)]
    error: Option<String>,
}

/// A proposal that was taken down.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Proposed {
    /// For example `t7`.
    candidate_id: String,
    name: String,
    language: String,
}

/// What a validation found.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Validated {
    /// It can be registered.
    ok: bool,
    /// Each with its line, if it is about one; failed tests too.
    errors: Vec<String>,
    warnings: Vec<String>,
    /// What the tests logged and printed.
    logs: Vec<String>,
}

/// A tool that was registered.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Registered {
    /// Its name, by which it is called.
    tool_id: String,
    name: String,
    /// `process`, or `children` if those below see it too.
    scope: String,
}

/// A tool that was given up.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Unregistered {
    name: String,
}

/// A tool that can be called.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Known {
    name: String,
    description: String,
    /// JSON Schema of its arguments.
    input_schema: Value,
    /// JSON Schema of its result.
    output_schema: Value,
    /// `image`, `own`, or `above` for one that a process above registered.
    origin: String,
}

/// The tools that can be called.
#[derive(Debug, Serialize, JsonSchema)]
pub struct KnownTools {
    tools: Vec<Known>,
}

/// What a tool returned.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Returned {
    result: Value,
}

fn test(index: usize, test: TestCase) -> Result<Test, Failure> {
    let expect = match (test.result, test.error) {
        (_, Some(text)) => Expectation::Fails(text),
        (result, None) => Expectation::Returns(result.unwrap_or(Value::Null).to_string()),
    };
    if !test.args.is_object() {
        return Err(Failure::invalid_arguments(format_args!("tests[{index}].args is no object")));
    }
    Ok(Test { arguments: test.args.to_string(), expect })
}

/// The tools.
#[libos::tools]
pub mod standard {
    use super::*;

    /// Proposes a tool that is written now, in TypeScript: a module that exports `run(args, libos)`. It can be called once it was validated
    /// and registered. It gets no rights by it.
    #[needs()]
    pub fn propose_jit_tool(
        /// 1 to 64 characters of a-z, 0-9, `_` and `-`, starting with a letter. No tool may have it yet.
        name: String,
        /// What it does, for whoever chooses.
        description: String,
        /// The text of the module; `async function run(args, libos)` is its way in. At most 256 KiB.
        source_code: String,
        /// JSON Schema of the arguments.
        input_schema: Option<Value>,
        /// JSON Schema of the result.
        output_schema: Option<Value>,
        /// Are run when it is validated, without any rights.
        tests: Option<Vec<TestCase>>,
    ) -> Result<Proposed, Failure> {
        let tests = tests.unwrap_or_default().into_iter().enumerate();
        let proposal = Proposal {
            name,
            summary: description,
            code: Code::Typescript(source_code),
            arguments: input_schema.map(|schema| schema.to_string()),
            result: output_schema.map(|schema| schema.to_string()),
            tests: tests.map(|(index, case)| test(index, case)).collect::<Result<_, _>>()?,
        };
        let candidate_id = tools::propose(&proposal)?;
        Ok(Proposed { candidate_id, name: proposal.name, language: "typescript".into() })
    }

    /// Compiles a proposed tool and runs its tests in the sandbox.
    #[needs()]
    pub fn validate_jit_tool(
        /// For example `t7`.
        candidate_id: String,
    ) -> Result<Validated, Failure> {
        let report = tools::validate(&candidate_id)?;
        let problems = report.problems.into_iter().map(|problem| match (problem.line, problem.module.is_empty()) {
            (0, true) => problem.message,
            (0, false) => format!("{}: {}", problem.module, problem.message),
            _ => format!("{}:{}:{}: {}", problem.module, problem.line, problem.column, problem.message),
        });
        let tests = report.tests.into_iter().enumerate().filter(|(_, test)| !test.passed);
        let tests = tests.map(|(index, test)| format!("test {}: {}", index + 1, test.message));
        let errors = problems.chain(tests).collect();
        Ok(Validated { ok: report.ok, errors, warnings: Vec::new(), logs: report.log })
    }

    /// Makes a validated tool one of this process.
    #[needs("register tool:*")]
    pub fn register_jit_tool(
        /// For example `t7`.
        candidate_id: String,
        /// Whether the processes below see it too; false if left out.
        for_children: Option<bool>,
    ) -> Result<Registered, Failure> {
        let for_children = for_children.unwrap_or_default();
        let before: Vec<String> = tools::list()?.into_iter().map(|tool| tool.name).collect();
        tools::register(&candidate_id, for_children)?;
        let new = tools::list()?.into_iter().map(|tool| tool.name).find(|name| !before.contains(name));
        let name = new.unwrap_or_default();
        let scope = if for_children { "children" } else { "process" };
        Ok(Registered { tool_id: name.clone(), name, scope: scope.into() })
    }

    /// Gives up a tool that this process registered.
    #[needs("register tool:*")]
    pub fn unregister_jit_tool(
        /// Its name.
        name: String,
    ) -> Result<Unregistered, Failure> {
        tools::unregister(&name)?;
        Ok(Unregistered { name })
    }

    /// Lists the tools that can be called.
    #[needs()]
    pub fn list_tools() -> Result<KnownTools, Failure> {
        let schema = |text: &str| serde_json::from_str(text).unwrap_or(Value::Bool(true));
        let known = |tool: tools::KnownTool| Known {
            input_schema: schema(&tool.arguments),
            output_schema: schema(&tool.result),
            name: tool.name,
            description: tool.summary,
            origin: match tool.origin {
                Origin::Image => "image",
                Origin::Own => "own",
                Origin::Above => "above",
            }
            .into(),
        };
        Ok(KnownTools { tools: tools::list()?.into_iter().map(known).collect() })
    }

    /// Calls a tool by its name.
    #[needs("call tool:*")]
    pub fn call_tool(
        /// Its name.
        name: String,
        /// Its arguments; an empty object if left out.
        args: Option<Value>,
    ) -> Result<Returned, Failure> {
        let args = args.unwrap_or_else(|| Value::Object(serde_json::Map::new()));
        match tools::run(&name, &args.to_string())? {
            Outcome::Done(text) => {
                let result = serde_json::from_str(&text).map_err(|error| Error::Invalid(error.to_string()))?;
                Ok(Returned { result })
            }
            Outcome::Failed(why) => Err(Failure::failed(format_args!("{name} failed: {why}"))),
        }
    }
}
