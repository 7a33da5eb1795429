//! The engine of one instance: made when the component is built, used by one export of one call.

use crate::bindings::libos::runtime::script::{Description, Failure, Module, Problem, Reason};
use crate::program::{self, Compiled};
use crate::{failure, module, prelude, room, system};
use rquickjs::promise::PromiseState;
use rquickjs::{Array, Context, Ctx, Function, Object, Persistent, Promise, Runtime, Value};
use std::cell::{OnceCell, RefCell};

/// Bytes of stack that JavaScript may use before it is a RangeError, measured in the instance's own memory; the engine's own frames on
/// the 1 MiB of a host's stack grow with it. What reads text takes some of it for that reason alone (`build/src/frames.rs`).
const STACK: usize = 192 * 1024;
/// Bytes from which cycles are looked for the first time. A look touches every object of the prelude, and each call has its own copy of
/// what it touches.
const CYCLES_FROM: usize = 8 << 20;

struct Engine {
    context: Context,
    internal: Persistent<Object<'static>>,
}

thread_local! {
    static ENGINE: OnceCell<Engine> = const { OnceCell::new() };
    static UNHANDLED: RefCell<Vec<Rejection>> = const { RefCell::new(Vec::new()) };
}

/// A promise that was rejected and that nobody looks at.
struct Rejection {
    promise: Persistent<Value<'static>>,
    reason: Persistent<Value<'static>>,
}

/// Why a script stopped.
enum Stop<'js> {
    Thrown(Value<'js>),
    /// The promise can never be settled.
    Stuck,
    Host(String),
}

/// Why a promise is never settled.
const STUCK: &str = "waits for a promise that can never be settled: no system call and no timer is open";

/// Makes the engine and runs the prelude.
#[expect(clippy::expect_used, reason = "happens when the component is built")]
pub fn initialize() {
    let runtime = Runtime::new().expect("a runtime");
    runtime.set_max_stack_size(STACK);
    runtime.set_loader(module::Names, module::Code);
    runtime.set_host_promise_rejection_tracker(Some(Box::new(track)));
    let context = Context::full(&runtime).expect("a context");
    let internal = context.with(|ctx| match prelude::run(&ctx) {
        Ok(internal) => Persistent::save(&ctx, internal),
        Err(_) => panic!("the prelude: {}", failure::words(&ctx, &ctx.catch())),
    });
    runtime.run_gc();
    runtime.set_gc_threshold(CYCLES_FROM);
    context.with(|ctx| room::make(&ctx));
    ENGINE.with(|engine| engine.set(Engine { context, internal }).ok().expect("nothing was there"));
    std::mem::forget(runtime);
}

/// Compiles modules to a program.
pub fn compile(modules: Vec<Module>) -> Result<Vec<u8>, Vec<Problem>> {
    with(|ctx, _| {
        let compiled = module::compile(&ctx, &modules).map_err(|_| {
            let problem = failure::problem(&ctx, &ctx.catch());
            let module = if problem.module.is_empty() { module::last_loaded() } else { problem.module };
            vec![Problem { module, ..problem }]
        })?;
        let rows: Vec<Compiled<'_>> = modules
            .iter()
            .filter_map(|module| {
                let (_, bytecode) = compiled.iter().find(|(name, _)| *name == module.name)?;
                let imports = module.imports.iter().map(|(text, target)| (text.as_str(), target.as_str())).collect();
                Some(Compiled { name: &module.name, mappings: module.mappings.as_bytes(), imports, bytecode })
            })
            .collect();
        Ok(program::write(&rows))
    })
}

/// What the tools of a program are.
pub fn describe(program: Vec<u8>) -> Result<Vec<Description>, Vec<Problem>> {
    with(|ctx, internal| {
        let described = namespace(&ctx, &internal, program).and_then(|namespace| {
            let describe: Function<'_> = internal.get("describe").map_err(|_| thrown(&ctx))?;
            let rows: Array<'_> = describe.call((namespace,)).map_err(|_| thrown(&ctx))?;
            rows.iter::<Object<'_>>()
                .map(|row| description(&row?))
                .collect::<rquickjs::Result<_>>()
                .map_err(|_| thrown(&ctx))
        });
        described.map_err(|stop| match stop {
            Stop::Thrown(value) => vec![failure::problem(&ctx, &value)],
            Stop::Stuck => {
                let module = module::waiting(&ctx).unwrap_or_default();
                vec![Problem { module, line: 0, column: 0, message: format!("an `await` at the top {STUCK}") }]
            }
            Stop::Host(message) => vec![Problem { module: module::first(), line: 0, column: 0, message }],
        })
    })
}

/// Runs one tool of a program.
pub fn call(program: Vec<u8>, tool: &str, arguments: &str) -> Result<String, Failure> {
    system::open();
    with(|ctx, internal| {
        let ended = namespace(&ctx, &internal, program).and_then(|namespace| {
            let call: Function<'_> = internal.get("call").map_err(|_| thrown(&ctx))?;
            let promise: Promise<'_> = call.call((namespace, tool, arguments)).map_err(|_| thrown(&ctx))?;
            drive(&ctx, &internal, &promise)
        });
        match ended {
            Ok(value) => value
                .get::<String>()
                .map_err(|_| Failure { reason: Reason::Failed, message: "the result is no text".to_owned() }),
            Err(Stop::Host(message)) => Err(Failure { reason: Reason::Failed, message }),
            Err(Stop::Stuck) => {
                let message = match module::waiting(&ctx) {
                    Some(module) => format!("{module}: an `await` at the top {STUCK}"),
                    None => format!("the script {STUCK}"),
                };
                Err(Failure { reason: Reason::Failed, message })
            }
            Err(Stop::Thrown(value)) => {
                let reason = reason(&ctx, &internal, &value);
                Err(failure::of_call(&ctx, &value, reason))
            }
        }
    })
}

/// Runs the modules of a program and answers the exports of the first.
fn namespace<'js>(ctx: &Ctx<'js>, internal: &Object<'js>, program: Vec<u8>) -> Result<Value<'js>, Stop<'js>> {
    let Some(modules) = program::read(program.leak()) else {
        return Err(Stop::Host("this is no program of this engine".to_owned()));
    };
    let Some(first) = modules.first().map(|first| first.name) else {
        return Err(Stop::Host("the script has no modules".to_owned()));
    };
    module::use_program(modules);
    let promise = rquickjs::Module::import(ctx, first).map_err(|_| thrown(ctx))?;
    drive(ctx, internal, &promise)
}

/// The event loop: microtasks until there are none, then a timer or an answer, until the promise is settled.
fn drive<'js>(ctx: &Ctx<'js>, internal: &Object<'js>, promise: &Promise<'js>) -> Result<Value<'js>, Stop<'js>> {
    let turn: Function<'js> = internal.get("turn").map_err(|_| thrown(ctx))?;
    loop {
        while ctx.execute_pending_job() {}
        let unhandled = UNHANDLED.with_borrow_mut(|all| (!all.is_empty()).then(|| all.remove(0)));
        match (promise.state(), unhandled) {
            (PromiseState::Rejected, _) => {
                return match promise.result::<Value<'js>>() {
                    Some(Ok(value)) => Ok(value),
                    _ => Err(thrown(ctx)),
                };
            }
            (_, Some(rejection)) => return Err(Stop::Thrown(rejection.reason.restore(ctx).map_err(|_| thrown(ctx))?)),
            (PromiseState::Resolved, None) => {
                return promise.result::<Value<'js>>().and_then(Result::ok).ok_or_else(|| thrown(ctx));
            }
            (PromiseState::Pending, None) => {
                if !turn.call::<_, bool>(()).map_err(|_| thrown(ctx))? {
                    return Err(Stop::Stuck);
                }
            }
        }
    }
}

fn track<'js>(ctx: Ctx<'js>, promise: Value<'js>, reason: Value<'js>, is_handled: bool) {
    UNHANDLED.with_borrow_mut(|all| {
        let promise = Persistent::save(&ctx, promise);
        if is_handled {
            all.retain(|rejection| rejection.promise != promise);
        } else {
            all.push(Rejection { promise, reason: Persistent::save(&ctx, reason) });
        }
    });
}

fn reason<'js>(ctx: &Ctx<'js>, internal: &Object<'js>, value: &Value<'js>) -> Reason {
    let asked = internal.get::<_, Function<'js>>("reasonOf").and_then(|ask| ask.call::<_, u32>((value.clone(),)));
    match asked {
        Ok(1) => Reason::InvalidArguments,
        Ok(2) => Reason::Denied,
        Ok(_) => Reason::Failed,
        Err(_) => {
            ctx.catch();
            Reason::Failed
        }
    }
}

fn description(row: &Object<'_>) -> rquickjs::Result<Description> {
    Ok(Description {
        name: row.get("name")?,
        summary: row.get("summary")?,
        arguments: row.get("arguments")?,
        result: row.get("result")?,
        needs: row.get("needs")?,
    })
}

fn thrown<'js>(ctx: &Ctx<'js>) -> Stop<'js> {
    Stop::Thrown(ctx.catch())
}

#[expect(clippy::expect_used, reason = "a component that was not initialised cannot do anything")]
fn with<T>(work: impl for<'js> FnOnce(Ctx<'js>, Object<'js>) -> T) -> T {
    ENGINE.with(|engine| {
        let engine = engine.get().expect("the component was initialised when it was built");
        engine.context.with(|ctx| {
            let internal = engine.internal.clone().restore(&ctx).expect("of this engine");
            work(ctx, internal)
        })
    })
}
