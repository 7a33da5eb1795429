//! Every bound of the system: name, value, unit and reason. Beyond a bound something is refused or stopped, never cut in silence.

use std::time::Duration;

/// Lines of authority that a person can give one process as it is started.
pub const GIVEN_LINES_MAX: usize = 256;

/// Bytes of a file or object that one call moves: the most that crosses the import boundary in one piece.
pub const CONTENT_BYTES_MAX: usize = 16 << 20;
/// Entries of one listing.
pub const LIST_ENTRIES_MAX: usize = 10_000;
/// Entries that one recursive removal may touch.
pub const REMOVE_ENTRIES_MAX: usize = 100_000;
/// Bytes of a path as a guest writes it; Linux's own PATH_MAX.
pub const PATH_BYTES_MAX: usize = 4_096;
/// Segments of a path or name.
pub const PATH_SEGMENTS_MAX: usize = 256;
/// Bytes of one segment; Linux's NAME_MAX.
pub const SEGMENT_BYTES_MAX: usize = 255;
/// Symbolic links that one name may go through; Linux's MAXSYMLINKS.
pub const LINKS_MAX: usize = 40;
/// Bytes of an object's name.
pub const OBJECT_NAME_BYTES_MAX: usize = 1_024;
/// Segments of an object's name.
pub const OBJECT_NAME_SEGMENTS_MAX: usize = 16;
/// Bytes of an object's type or of one tag.
pub const OBJECT_WORD_BYTES_MAX: usize = 64;
/// Bytes of an object's title.
pub const OBJECT_TITLE_BYTES_MAX: usize = 1_024;
/// Tags of an object.
pub const OBJECT_TAGS_MAX: usize = 32;
/// Objects that one says to be made from.
pub const OBJECT_SOURCES_MAX: usize = 32;
/// Links of one object to others.
pub const OBJECT_LINKS_MAX: usize = 256;
/// Links of others to one object.
pub const OBJECT_LINKS_BACK_MAX: usize = 4_096;
/// Namespaces that one process sees through its view: its source's, what that one saw, and so on.
pub const VIEW_WINDOWS_MAX: usize = 8;
/// Names that a view may be limited to.
pub const VIEW_ROOTS_MAX: usize = 64;
/// Objects that one query looks at.
pub const QUERY_OBJECTS_MAX: usize = 10_000;
/// Bytes of payloads that one query looks through.
pub const QUERY_BYTES_MAX: usize = 8 << 20;
/// Objects that one query answers.
pub const QUERY_RESULTS_MAX: u32 = 1_000;
/// Bytes of the text that a query looks for.
pub const QUERY_TEXT_BYTES_MAX: usize = 1_024;
/// Objects of a child that one merge looks at.
pub const MERGE_OBJECTS_MAX: usize = 10_000;
/// Bytes of payloads that one merge compares or copies; the first object of a merge may have more. Nothing else is done meanwhile.
pub const MERGE_BYTES_MAX: u64 = 16 << 20;
/// Bytes of payloads that a return to a checkpoint brings back. Nothing else is done meanwhile, and they are in memory at once.
pub const RESTORE_BYTES_MAX: u64 = 64 << 20;
/// Bytes of a question, note or reason shown to a person.
pub const HUMAN_TEXT_BYTES_MAX: usize = 16 << 10;
/// Bytes of a person's answer.
pub const ANSWER_TEXT_BYTES_MAX: usize = 64 << 10;
/// Rights that one request for permission may name.
pub const APPROVE_RIGHTS_MAX: usize = 8;
/// Most of one kind in a purse.
pub const PURSE_AMOUNT_MAX: u64 = 1 << 53;
/// Purses that stand above one, at most: more than processes can be deep.
pub const PURSE_DEPTH_MAX: usize = 64;
/// Bytes of a message's body. It is JSON; what is larger is an object that the message names.
pub const MESSAGE_BYTES_MAX: usize = 64 << 10;
/// Bytes of a message's channel or correlation.
pub const MESSAGE_WORD_BYTES_MAX: usize = 128;
/// Bytes that a message counts in its queue beside its texts.
pub const MESSAGE_HEAD_BYTES: usize = 64;
/// Messages that may wait for one process.
pub const MESSAGES_WAITING_MAX: u32 = 1_024;
/// Bytes of the messages that may wait for one process.
pub const MESSAGES_WAITING_BYTES_MAX: u64 = 4 << 20;
/// Bytes of one log line; longer ones are cut and say so.
pub const LOG_LINE_BYTES_MAX: usize = 4_096;
/// Bytes that a call may log or print in all; more is dropped and counted.
pub const LOG_BYTES_MAX: usize = 1 << 20;
/// Random bytes of one request.
pub const RANDOM_BYTES_MAX: u32 = 65_536;
/// Longest sleep: ten years, in nanoseconds.
pub const SLEEP_NANOSECONDS_MAX: u64 = 10 * 366 * 24 * 3_600 * 1_000_000_000;
/// Bytes of a process's result.
pub const EXIT_RESULT_BYTES_MAX: usize = 64 << 10;
/// Processes that live at once.
pub const PROCESSES_MAX: usize = 200_000;
/// Children of one process that live, or have ended and were not waited for.
pub const CHILDREN_MAX: usize = 10_000;
/// Processes above a process, up to one that a person started.
pub const PROCESS_DEPTH_MAX: usize = 16;
/// Results of ended children, objects, that a process may read and delete at once.
pub const RESULTS_SHOWN_MAX: usize = 1_000;
/// Lines of grants that a child is made with.
pub const HANDED_GRANTS_MAX: usize = 64;
/// Children that one wait may name.
pub const WAIT_PIDS_MAX: usize = 256;
/// Bytes of the reason of a signal.
pub const SIGNAL_REASON_BYTES_MAX: usize = 1_024;
/// Bytes of a call's arguments or result (JSON).
pub const CALL_TEXT_BYTES_MAX: usize = 16 << 20;
/// Bytes of a failure's message.
pub const FAILURE_BYTES_MAX: usize = 16 << 10;
/// Calls within calls: a tool that calls a tool that calls a tool.
pub const NESTED_CALLS_MAX: usize = 8;
/// Calls that may be made from one call in all, at whatever distance. Each has the limits of a call.
pub const NESTED_CALLS_TOTAL_MAX: u32 = 256;
/// Bytes of what a process is for.
pub const GOAL_BYTES_MAX: usize = 64 << 10;
/// Calls that a planner makes at once in one quantum.
pub const CALLS_AT_ONCE_MAX: usize = 64;
/// Bytes of the text by which a planner chooses.
pub const PLANNER_BYTES_MAX: usize = 1 << 20;
/// Steps of a script.
pub const SCRIPT_STEPS_MAX: usize = 10_000;
/// References to earlier results in a script.
pub const SCRIPT_REFERENCES_MAX: usize = 10_000;
/// Bytes of the earlier results that one step of a script names, all together.
pub const SCRIPT_READ_BYTES_MAX: usize = 4 * CALL_TEXT_BYTES_MAX;
/// Bytes of a value in a message about a script.
pub const SCRIPT_SHOWN_BYTES_MAX: usize = 2 << 10;
/// Bytes of all compiled scripts that are kept in memory.
pub const SCRIPT_PROGRAMS_BYTES_MAX: usize = 64 << 20;
/// Characters of a hostile text in a script that a message repeats.
pub const SCRIPT_SHOWN_CHARACTERS_MAX: usize = 200;
/// Modules of a TypeScript or JavaScript script.
pub const SCRIPT_MODULES_MAX: usize = 256;
/// Bytes of one module: of what its author wrote, and of the JavaScript that comes of it.
pub const SCRIPT_MODULE_BYTES_MAX: usize = 1 << 20;
/// Bytes of what authors wrote of all modules of a script.
pub const SCRIPT_SOURCE_BYTES_MAX: usize = 4 << 20;
/// Bytes of a script file: sources, JavaScript and mappings of all modules.
pub const SCRIPT_FILE_BYTES_MAX: usize = 32 << 20;
/// Modules on the shortest way from a script's first module to another.
pub const SCRIPT_IMPORT_DEPTH_MAX: usize = 64;
/// Imports of one module.
pub const SCRIPT_IMPORTS_MAX: usize = 1_024;
/// Bytes of a module's name, and of what stands in an import.
pub const SCRIPT_NAME_BYTES_MAX: usize = 255;
/// Problems that one attempt to load a script tells.
pub const SCRIPT_PROBLEMS_MAX: usize = 64;
/// Bytes of the message of one problem.
pub const SCRIPT_PROBLEM_BYTES_MAX: usize = 1 << 10;
/// Memory of the component that takes types out of one module, in bytes.
pub const TYPESCRIPT_MEMORY_BYTES: u64 = 512 << 20;
/// Processor time that it may use for one module, in ticks of 10 ms.
pub const TYPESCRIPT_TICKS_MAX: u64 = 1_000;
/// Processes that run at once, unless the host is made with another number: so many have a quantum that does not wait.
pub const PROCESSES_RUNNING_MAX: u32 = 64;
/// Bytes of all lines of a tool's declaration: they are in the row of each of its calls.
pub const TOOL_NEEDS_BYTES_MAX: usize = 4 << 10;
/// System calls of one call that are under way at once.
pub const TICKETS_OPEN_MAX: usize = 1_024;
/// Imports that one call may make.
pub const IMPORTS_MAX: u32 = 100_000;
/// Bytes of requests and answers that one call may keep for replay.
pub const JOURNAL_BYTES_MAX: usize = 64 << 20;
/// Bytes of one record of the log.
pub const RECORD_BYTES_MAX: usize = 4_096;
/// Bytes of a signed note; one of the log's own has fewer than 300.
pub const NOTE_BYTES_MAX: usize = 64 << 10;
/// Signatures of a note that are looked at; the format demands at least 16.
pub const NOTE_SIGNATURES_MAX: usize = 64;
/// Records after which the head of the log is signed anew.
pub const NOTE_RECORDS: u64 = 1_000;
/// Time after which the head of the log is signed anew, if there is anything new.
pub const NOTE_EVERY: Duration = Duration::from_secs(1);
/// Time in which a second place that failed or was slow is left alone, so that it does not hold up every batch.
pub const WITNESS_REST: Duration = Duration::from_secs(30);
/// Time for one note from which on a second place that takes it is left alone like one that failed.
pub const WITNESS_SLOW: Duration = Duration::from_millis(500);
/// Bytes of a proof file.
pub const PROOF_FILE_BYTES_MAX: usize = 128 << 10;
/// Bytes of a file of witnessed notes that are read, from its end: about a million notes.
pub const WITNESS_BYTES_MAX: u64 = 256 << 20;
/// Words of the command of a second place.
pub const WITNESS_COMMAND_WORDS_MAX: usize = 64;
/// Time that the command of a second place may take for one note.
pub const WITNESS_COMMAND_TIME: Duration = Duration::from_secs(5);
/// Bytes that are kept of what the command of a second place says about its failure.
pub const WITNESS_OUTPUT_BYTES_MAX: usize = 512;
/// Bytes of a resource name as a record keeps it; longer ones are cut and end in `...`, their digest is in the request's.
pub const RECORD_NAME_BYTES_MAX: usize = 1_024;
/// Bytes of a reason or error as a record keeps it.
pub const RECORD_TEXT_BYTES_MAX: usize = 512;
/// Bytes of a person's note on an effect that was settled.
pub const SETTLE_NOTE_BYTES_MAX: usize = 1_024;
/// Observes and log lines of one call that are each recorded; of more, equal ones are only counted.
pub const OBSERVES_IN_FULL_MAX: u32 = 1_000;
/// Kinds of events that are told apart in one call when equal ones are counted.
pub const FLOOD_KINDS_MAX: usize = 1_000;
/// The first count of equal events that is written before the call ends; then each time it has doubled.
pub const FLOOD_COUNT_FIRST: u64 = 1_024;
/// Links between a grant and its root.
pub const GRANT_DEPTH_MAX: usize = 8;
/// Grants of one holder.
pub const GRANTS_PER_HOLDER_MAX: usize = 20_000;
/// Bytes of a payload kept in its row; larger ones are files named by their digest.
pub const INLINE_BYTES_MAX: usize = 64 << 10;
/// Bytes of changes that may wait for the disk; beyond, new system calls wait.
pub const UNCOMMITTED_BYTES_MAX: usize = 32 << 20;
/// Files that are read on threads which may block, at once. What they read waits for the disk with everything else, so this bounds by
/// how much `UNCOMMITTED_BYTES_MAX` can be overrun: by so many contents, and one for each thread that makes changes.
pub const LARGE_READS_MAX: usize = 16;
/// Programs that run at once on a host: each holds a thread that may block, and memory and processes up to its own limits. More wait for
/// their turn, and hold no thread meanwhile.
pub const PROGRAMS_AT_ONCE_MAX: usize = 8;
/// Bytes at which a batch is committed without waiting for somebody to ask.
pub const BATCH_BYTES: usize = 1 << 20;
/// Milliseconds after which a batch is committed without waiting for somebody to ask.
pub const BATCH_MILLISECONDS: u64 = 50;
/// Bytes of object payloads kept in memory to be read again.
pub const OBJECT_CACHE_BYTES: usize = 32 << 20;
/// Tools that one component may describe.
pub const TOOLS_PER_COMPONENT_MAX: usize = 64;
/// Bytes of a tool's name.
pub const TOOL_NAME_BYTES_MAX: usize = 64;
/// Bytes of a tool's summary.
pub const TOOL_SUMMARY_BYTES_MAX: usize = 4 << 10;
/// Bytes of one JSON Schema of a tool.
pub const TOOL_SCHEMA_BYTES_MAX: usize = 64 << 10;
/// Questions of one process that may be open at once, unless the policy says another number.
pub const OPEN_QUESTIONS_MAX: u32 = 32;
/// Questions that one process may ask in an hour, unless the policy says another number.
pub const QUESTIONS_PER_HOUR_MAX: u32 = 120;
/// Refusals by a person that are remembered for one process.
pub const REFUSALS_KEPT_MAX: usize = 1_000;
/// Places at which one question may be asked; more are questions of their own.
pub const QUESTION_PLACES_MAX: usize = 100;
/// Lines of a tool's own declaration.
pub const TOOL_NEEDS_MAX: usize = 64;
/// Bytes of all declarations of a component.
pub const DECLARATIONS_BYTES_MAX: usize = 1 << 20;
/// Tools that one image may name.
pub const IMAGE_TOOLS_MAX: usize = 512;
/// Bytes of the manifest of an image.
pub const IMAGE_BYTES_MAX: usize = 256 << 10;
/// Bytes of what a model that plans for an image's processes is told first.
pub const IMAGE_PROMPT_BYTES_MAX: usize = 64 << 10;
/// Bytes of what an image says of itself to people.
pub const IMAGE_DESCRIPTION_BYTES_MAX: usize = 1 << 10;
/// Rules that an image asks for, and as many that it denies.
pub const IMAGE_RULES_MAX: usize = 64;
/// Asks that the rules of one image come to for one process; what is beyond is denied.
pub const IMAGE_ASKS_MAX: usize = 1_024;
/// Images of a host.
pub const IMAGES_MAX: usize = 1_024;
/// Versions of images that a host keeps.
pub const IMAGE_VERSIONS_MAX: usize = 16_384;
/// Bytes of a policy file: ten times the rules that it may have, written long.
pub const POLICY_BYTES_MAX: usize = 1 << 20;
/// Rules of a policy: those of an image and those of all images together are grants of one holder.
pub const POLICY_RULES_MAX: usize = GRANTS_PER_HOLDER_MAX / 2;
/// Variables of a policy's environment.
pub const VARIABLES_MAX: usize = 256;
/// Bytes of a variable's name.
pub const VARIABLE_NAME_BYTES_MAX: usize = 255;
/// Bytes of a variable's value.
pub const VARIABLE_BYTES_MAX: usize = 32 * 1024;
/// Mounts of a policy: each is an open handle.
pub const MOUNTS_MAX: usize = 64;
/// Most memory that a policy may give a call, in bytes: what 32 bits can address.
pub const CALL_MEMORY_BYTES_MAX: u64 = 4 << 30;
/// Bytes of its goal's text that stay in the row of a process that has ended.
pub const GOAL_KEPT_BYTES_MAX: usize = 200;
/// Least memory that a policy may give a call, in bytes: less, and no tool starts.
pub const CALL_MEMORY_BYTES_MIN: u64 = 1 << 20;
/// Most bytes for replay that a policy may give a call: they are in memory when it comes back.
pub const CALL_JOURNAL_BYTES_MAX: u64 = 256 << 20;
/// Bytes of a component.
pub const COMPONENT_BYTES_MAX: usize = 64 << 20;
/// Functions of a component, in all of its modules.
pub const COMPONENT_FUNCTIONS_MAX: u32 = 100_000;
/// Bytes of one function of a component: what compiling it costs grows faster than its size. The largest of a JavaScript engine has a tenth.
pub const COMPONENT_FUNCTION_BYTES_MAX: usize = 1 << 20;
/// Modules and components in a component, itself included.
pub const COMPONENT_PARTS_MAX: usize = 1_000;
/// Components within components within components.
pub const COMPONENT_DEPTH_MAX: usize = 16;
/// Sections of a component, in all of its parts. A component of a Rust tool has about a hundred.
pub const COMPONENT_SECTIONS_MAX: usize = 20_000;
/// Items of all sections of a component but functions: types and what they are made of, imports, exports, arguments of instances, tables,
/// memories, globals, elements, data segments.
pub const COMPONENT_ITEMS_MAX: u32 = 200_000;
/// Items of a component outside of its modules, times the instances of components in it: each instance has a copy of what is exported to
/// it, and the validator keeps up to half a kilobyte of each.
pub const COMPONENT_COPIES_MAX: usize = 2_000_000;
/// Address space of a program that compiles one component, in bytes.
pub const COMPILE_ADDRESS_SPACE_BYTES: u64 = 2 << 30;
/// Processor time of a program that compiles one component. The largest standard tool needs a few seconds on a slow machine.
pub const COMPILE_PROCESSOR_TIME: Duration = Duration::from_secs(60);
/// Time that a program may take to compile one component, whatever it waits for.
pub const COMPILE_WALL_TIME: Duration = Duration::from_secs(180);
/// Bytes of machine code of one component.
pub const COMPILED_BYTES_MAX: usize = 256 << 20;
/// Programs that compile at once; more wait.
pub const COMPILERS_MAX: usize = 2;
/// Open files of a program that compiles: those that it is started with.
pub const COMPILE_FILES_MAX: u64 = 3;
/// Bytes of what a program that compiles says before it fails.
pub const COMPILE_MESSAGE_BYTES_MAX: usize = 4 << 10;
/// Fewest bytes for replay that a policy may give a call.
pub const CALL_JOURNAL_BYTES_MIN: u64 = 64 << 10;
/// Bytes of one line of an exported call: what one import moves, with every character escaped, and what is around it.
pub const HISTORY_LINE_BYTES_MAX: usize = 6 * CALL_TEXT_BYTES_MAX + (64 << 10);
/// Bytes of an exported call with those that were made from it: it is in memory as a whole.
pub const HISTORY_BYTES_MAX: usize = 256 << 20;
/// Lines of an exported call, of all calls in it.
pub const HISTORY_LINES_MAX: usize = CALL_IMPORTS_MAX as usize + 4_096;
/// Bytes of what a tool prints that a replay keeps to show, from the end.
pub const REPLAY_PRINTED_BYTES_MAX: usize = 16 << 10;
/// The step in which processor time is counted.
pub const CALL_TICK: Duration = Duration::from_millis(10);
/// Most processor time that a policy may give a call.
pub const CALL_PROCESSOR_TIME_MAX: Duration = Duration::from_secs(3_600);
/// Most time in memory outside waits that a policy may give a call.
pub const CALL_WALL_TIME_MAX: Duration = Duration::from_secs(24 * 3_600);
/// Most imports that a policy may give a call.
pub const CALL_IMPORTS_MAX: u32 = 10 * IMPORTS_MAX;
/// Longest life of a question that a policy may set.
pub const QUESTION_LIFE_MAX: Duration = Duration::from_secs(366 * 24 * 3_600);
/// Most open questions that a policy may let a process have.
pub const POLICY_OPEN_QUESTIONS_MAX: u32 = 1_000;
/// Most questions in an hour that a policy may let a process ask.
pub const POLICY_QUESTIONS_PER_HOUR_MAX: u32 = 10_000;

/// Bytes that stay free beside the copy of a store that is upgraded: what the upgrade itself writes.
pub const UPGRADE_SPARE_BYTES: u64 = 8 << 20;

/// Free bytes where the store lies below which nothing new is begun, unless the policy says another number. All that may wait for the
/// disk (`UNCOMMITTED_BYTES_MAX`) fits twice, so that what was begun can be written to its end.
pub const LOW_SPACE_BYTES: u64 = 2 * UNCOMMITTED_BYTES_MAX as u64;
/// Least of it that a policy may set.
pub const LOW_SPACE_BYTES_MIN: u64 = 1 << 20;
/// Most of it that a policy may set.
pub const LOW_SPACE_BYTES_MAX: u64 = 1 << 40;
/// Checkpoints of one host: each holds versions of objects.
pub const CHECKPOINTS_MAX: usize = 10_000;
/// Checkpoints of one process; whoever wants another one removes an older one.
pub const CHECKPOINTS_PER_PROCESS_MAX: usize = 100;
/// Processes in one checkpoint.
pub const CHECKPOINT_PROCESSES_MAX: usize = 10_000;
/// Messages in one checkpoint.
pub const CHECKPOINT_MESSAGES_MAX: usize = 100_000;
/// Tools that a checkpoint notes.
pub const CHECKPOINT_TOOLS_MAX: usize = 1_000;
/// Bytes of the reason of a checkpoint.
pub const CHECKPOINT_REASON_BYTES_MAX: usize = 1_024;
/// Objects that are named when processes have gone back; the others are counted.
pub const RESTORED_OBJECTS_SHOWN: usize = 100;
/// Effects since a checkpoint that are listed.
pub const EFFECTS_SINCE_MAX: usize = 1_000;
/// Rows that `libos gc` drops in one transaction: others wait for no more.
pub const GC_ROWS_PER_BATCH: usize = 1_000;
/// Shortest time that a policy may keep what has ended.
pub const RETAIN_MIN: Duration = Duration::from_secs(1);
/// Longest time that a policy may name; for ever is a word of its own.
pub const RETAIN_MAX: Duration = Duration::from_secs(100 * 366 * 24 * 3_600);

/// What one call may use. Frozen in the call's row when it starts, so that a resumed call has what it started with.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    minicbor::Encode,
    minicbor::Decode,
    minicbor::CborLen,
    serde::Serialize,
    serde::Deserialize,
)]
#[cbor(map)]
#[serde(deny_unknown_fields)]
pub struct CallLimits {
    /// Linear memory of all instances of the call, in bytes.
    #[n(0)]
    pub memory_bytes: u64,
    /// Processor time, in ticks of 10 ms.
    #[n(1)]
    pub cpu_ticks: u64,
    /// Time in memory outside waits, in milliseconds.
    #[n(2)]
    pub wall_milliseconds: u64,
    /// Imports.
    #[n(3)]
    pub imports: u32,
    /// Bytes kept for replay.
    #[n(4)]
    pub journal_bytes: u64,
}

impl Default for CallLimits {
    fn default() -> Self {
        Self {
            memory_bytes: 256 << 20,
            cpu_ticks: 3_000,
            wall_milliseconds: 120_000,
            imports: IMPORTS_MAX,
            journal_bytes: JOURNAL_BYTES_MAX as u64,
        }
    }
}
/// Bytes of one request to a model, as JSON.
pub const MODEL_REQUEST_BYTES_MAX: usize = 16 << 20;
/// Bytes of the text of a tool that a process proposes.
pub const CANDIDATE_SOURCE_BYTES_MAX: usize = 256 << 10;
/// Bytes of a component that a process proposes.
pub const CANDIDATE_COMPONENT_BYTES_MAX: usize = 8 << 20;
/// Proposals of one process that are neither rejected nor registered.
pub const CANDIDATES_PER_PROCESS_MAX: usize = 32;
/// Bytes of code of all proposals of one process.
pub const CANDIDATES_BYTES_MAX: u64 = 32 << 20;
/// Tests that come with one proposal.
pub const CANDIDATE_TESTS_MAX: usize = 64;
/// Bytes of all tests of one proposal.
pub const CANDIDATE_TESTS_BYTES_MAX: usize = 1 << 20;
/// Lines of each part of the report on a proposal.
pub const REPORT_LINES_MAX: usize = 100;
/// Bytes of one line of the report on a proposal.
pub const REPORT_LINE_BYTES_MAX: usize = 1 << 10;
/// Tools that one process has of its own.
pub const PROCESS_TOOLS_MAX: usize = 64;
/// Bounds that a tool inherits from those that registered it.
pub const REGISTER_BOUNDS_MAX: usize = 16;
/// Proposals that are validated at once, of all processes.
pub const VALIDATIONS_MAX: usize = 2;
/// Processor time of one test of a proposal, in ticks of 10 ms.
pub const CANDIDATE_TEST_TICKS: u64 = 200;
/// Processor time of all tests of a proposal, in ticks of 10 ms.
pub const CANDIDATE_TESTS_TICKS: u64 = 1_000;
/// Memory of one test of a proposal, in bytes.
pub const CANDIDATE_TEST_MEMORY_BYTES: u64 = 64 << 20;
/// Imports that one test of a proposal may make.
pub const CANDIDATE_TEST_IMPORTS: u32 = 10_000;

/// Profiles of models in a policy.
pub const MODEL_PROFILES_MAX: usize = 64;
/// Bytes of a model's name, as its provider has it.
pub const MODEL_NAME_BYTES_MAX: usize = 256;
/// Longest time-out of a profile.
pub const MODEL_TIME_MAX: Duration = Duration::from_secs(24 * 3_600);
/// Tokens of a reply or a context.
pub const MODEL_TOKENS_MAX: u32 = 100_000_000;
/// Bytes of a reply as it comes over the wire.
pub const MODEL_REPLY_BYTES_MAX: usize = 64 << 20;
/// Tries of one request.
pub const MODEL_ATTEMPTS_MAX: u32 = 10;
/// Arguments of a program that its name says one by one; what follows is one segment of the name.
pub const COMMAND_WORDS_NAMED_MAX: usize = 64;
/// Bytes of an argument in a name; of a longer one there is its SHA-256.
pub const COMMAND_WORD_NAME_BYTES_MAX: usize = 100;
/// Arguments of a program.
pub const COMMAND_WORDS_MAX: usize = 4_096;
/// Bytes of all arguments and variables of a program.
pub const COMMAND_BYTES_MAX: usize = 128 << 10;
/// Bytes of a program's standard input.
pub const PROGRAM_STDIN_BYTES_MAX: usize = 1 << 20;
/// Bytes that are kept of each output of a program.
pub const PROGRAM_OUTPUT_BYTES_MAX: u32 = 1 << 20;
/// The same if a call does not say.
pub const PROGRAM_OUTPUT_BYTES: u32 = 64 << 10;
/// Time of a program if a call does not say.
pub const PROGRAM_WALL_TIME: Duration = Duration::from_secs(30);
/// The longest time that a policy can give a program.
pub const PROGRAM_WALL_TIME_MAX: Duration = Duration::from_secs(24 * 3_600);
/// Variables of a program.
pub const PROGRAM_VARIABLES_MAX: usize = 64;
/// Places that a program gets or is denied.
pub const PROGRAM_PLACES_MAX: usize = 1_000;
