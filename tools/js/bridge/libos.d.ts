// Made of wit/ by `cargo xtask js-bridge`; not written by hand.

declare namespace Libos {
    /** An error of a system call. Uncaught, one with the code `denied` ends the call as denied. */
    class SystemError extends Error {
        constructor(message: string, code?: Code);
        readonly code: Code;
        /** Of `denied`: the right that was needed, on what, and why it was refused. */
        readonly right?: string;
        readonly resource?: string;
        readonly reason?: string;
        /** Of `conflict`: the present version. */
        readonly version?: number;
    }

    /** Time. */
    namespace clock {
        interface Functions {
            /** The time of the host. Needs nothing. */
            now(): Promise<types.Datetime>;
            /** Waits; the host may be stopped and started meanwhile. At most ten years. Needs `sleep` on `clock:sleep`. */
            sleep(nanoseconds: number): Promise<void>;
        }
    }

    /**
     * Files and directories beneath named mounts.
     *
     * A path is relative to the process's working directory, or absolute as `/<mount>/<segments>`. `.` and `..` are resolved in the
     * name, before anything is opened; a name that would leave its mount is refused. Rights are decided on `fs:<mount>/<segments>`,
     * and no right implies another. A symbolic link is followed only inside its mount, and the name behind it is decided again.
     * A path has at most 4,096 bytes and 256 segments; a segment at most 255 bytes. New names with NUL, control, bidirectional or
     * zero-width characters, or not in normalisation form C, are `invalid`.
     */
    namespace fs {
        /** What an entry is. */
        type Kind = "file" | "directory" | "link" | "other";
        /** What is known of a file or directory. */
        interface Metadata {
            kind: Kind;
            /** Bytes; 0 for what is not a file. */
            size: number;
            modified: types.Datetime;
        }
        /** One entry of a directory. */
        interface Entry {
            /** Last segment. Bytes that are not UTF-8 are shown as `\xNN`; such an entry cannot be opened. */
            name: string;
            kind: Kind;
            /** Bytes; 0 for what is not a file. */
            size: number;
            modified: types.Datetime;
        }
        /** What `write` may do. */
        type WriteMode = "create-or-replace" | "create-new" | "replace-existing";
        interface Functions {
            /** The whole content, at most 16 MiB (`too-large`). Needs `read`. */
            read(path: string): Promise<Uint8Array>;
            /** Up to `length` bytes from byte `offset`; shorter, or empty, at the end of the file. `length` at most 16 MiB. Needs `read`. */
            readRange(path: string, offset: number, length: number): Promise<Uint8Array>;
            /**
             * Puts `content` (at most 16 MiB) in the file's place: written beside it, synced, renamed; readers see the old or the new
             * content, never a mixture. Keeps the mode bits of a replaced file. Needs `write`.
             */
            write(path: string, content: string | Uint8Array, mode?: WriteMode): Promise<void>;
            /** Adds `content` (at most 16 MiB) at the end of an existing or new file, and syncs. Needs `write`. */
            append(path: string, content: string | Uint8Array): Promise<void>;
            /** The entries, sorted by name, at most 10,000 (`too-large`). Needs `list` on the directory. */
            list(path: string): Promise<Array<Entry>>;
            /** What is at the path, a link itself not followed in the last segment. Needs `list` on the path. */
            stat(path: string): Promise<Metadata>;
            /** Makes one directory; its parent must exist. Needs `write`. */
            makeDir(path: string): Promise<void>;
            /**
             * Removes a file, a link or an empty directory; with `recursive` a whole directory, at most 100,000 entries. Needs `delete`
             * on the path; recursive: on everything below it, and no rule that denies or asks may meet the subtree.
             */
            remove(path: string, recursive?: boolean): Promise<void>;
            /**
             * Moves a file or directory within one mount; without `replace`, `already-exists` if the new name is taken; with it a file
             * may take the place of a file. Needs `read` and `delete` on the old name and `write` on the new one; for a directory on
             * everything below both, with no rule that denies or asks.
             */
            rename(oldPath: string, newPath: string, replace?: boolean): Promise<void>;
            /** Copies one file of at most 16 MiB, as `write` would write it. Needs `read` on the source and `write` on the target. */
            copy(source: string, target: string, replace?: boolean): Promise<void>;
            /** The working directory, absolute: `/<mount>` or `/<mount>/<segments>`. Needs nothing. */
            workingDirectory(): Promise<string>;
            /** Changes it for the process, to an existing directory. Needs `list` on that directory. */
            changeDirectory(path: string): Promise<void>;
        }
    }

    /** The people of a process. A call that waits for a person may wait for weeks; the host may be stopped and started meanwhile. */
    namespace human {
        /** What a person said to a request for permission. */
        type Answer = "allow" | "always" | "deny" | "never";
        interface Functions {
            /**
             * Asks an open question (at most 16 KiB) and waits for the text of the answer. `queue` is a queue of people, `owner` if
             * none. Needs `ask` on `human:<queue>`.
             */
            ask(question: string, queue?: string | null): Promise<string>;
            /**
             * Asks for rights on a resource, for example `read` on `fs:workspace/notes/**`, and waits. What the person allows becomes a
             * grant of this process. The resource must name its kind and at least one segment that is not a wildcard. Needs `ask` on
             * `human:<queue>`.
             */
            approve(resource: string, rights: Array<string>, reason: string, queue?: string | null): Promise<Answer>;
            /** Leaves a note (at most 16 KiB) and goes on. Needs `tell` on `human:<queue>`. */
            tell(message: string, queue?: string | null): Promise<void>;
        }
    }

    /**
     * Images: what processes are started from. An image declares and grants nothing; whoever starts a process from one, or becomes one, has
     * the authority that it had, less what the image denies.
     */
    namespace image {
        /** How a manifest is written. */
        type Format = "toml" | "yaml";
        /** What became of an image that was registered. */
        type Change = "added" | "unchanged" | "replaced";
        interface Info {
            id: string;
            version: string;
            /** SHA-256 of all that it says; 64 hexadecimal digits. */
            digest: string;
            description: string;
            /** Names; `*` is every tool of the host. */
            tools: Array<string>;
        }
        interface Registered {
            image: Info;
            change: Change;
        }
        interface Functions {
            /**
             * Makes an image of a manifest, at most 256 KiB: `id`, `version` and `tools`, and, where wanted, `description`, `prompt`, `planner`,
             * `context`, `needs`, `policy` and `budget`. It may name tools that this process has of the host (`not-found` for others). What is
             * wrong in it is told with its line and column (`invalid`). The same version says the same for ever: `already-exists` if it is there
             * and says something else, unless `replace`; and always for images that come with the program. Needs `register` on `image:<id>`.
             */
            register(manifest: string, format?: Format, replace?: boolean): Promise<Registered>;
            /** The images that this process may become or start children from, or is asked about. Needs no right. */
            list(): Promise<Array<Info>>;
            /** All that an image says, as JSON. Needs `use` on `image:<id>`. */
            show(id: string): Promise<string>;
        }
    }

    /** The call's own log. What a tool prints goes there too. */
    namespace log {
        type Level = "debug" | "info" | "warn" | "error";
        interface Functions {
            /**
             * Adds a line of at most 4,096 bytes (longer ones are cut). 1 MiB in all a call; after that lines are dropped and counted.
             * Needs nothing.
             */
            write(level: Level, message: string): Promise<void>;
        }
    }

    /**
     * Messages between processes. What was sent stays until it is received or its receiver ends, also over a restart of the host, and is
     * handed over once.
     */
    namespace message {
        type Kind = "normal" | "interrupt";
        interface Options {
            kind: Kind;
            /** A word by which receivers choose, at most 128 bytes; empty if nobody does. */
            channel: string;
            /** What ties an answer to its question, at most 128 bytes. */
            correlation?: string | null;
        }
        /** Which messages are wanted; what is left out does not matter. */
        interface Filter {
            channel?: string | null;
            correlation?: string | null;
            /** A process, for example `p7`. */
            from?: string | null;
        }
        interface Message {
            /** For example `m4`. */
            id: string;
            /** The process that sent it. The runtime says so; no process can send as another one. */
            from: string;
            kind: Kind;
            channel: string;
            correlation?: string | null;
            /** JSON. */
            body: string;
            sent: types.Datetime;
        }
        interface Functions {
            /**
             * Sends `body`, JSON of at most 64 KiB, to a process (for example `p7`) and answers the message's id. Nobody waits: the receiver
             * may receive it at any time, or end before. At most 1,024 messages and 4 MiB wait for one process (`too-large`); to a process
             * that has ended or never was, nothing can be sent (`not-found`). Needs `message` on `process:pid/<n>`; a process may send to its
             * parent, its children and itself without a grant.
             */
            send(to: string, body: string, options: Options): Promise<string>;
            /**
             * Takes the first message for this process that is wanted: interrupts first, each kind in the order of sending. If there is none,
             * waits until one comes, at most `timeout` nanoseconds (0 only looks; without it there is no end); none if none came in time.
             * Of several calls that wait for the same, the one that has waited longest gets it. Needs nothing.
             */
            receive(filter: Filter, timeout?: number | null): Promise<Message | null>;
            /** Messages that wait for this process. Needs nothing. */
            pending(): Promise<number>;
        }
    }

    /**
     * The typed memory of processes.
     *
     * A forked process sees its source's objects under names of its own, as far as its view goes: read-only or copy-on-write as they were
     * at the fork, or as a worker as they are. What a copy-on-write process changes or deletes is so for itself only. No grant stands behind
     * a view, and whatever refuses the source's name, or would ask a person about it, refuses it through the view too. The end of a process
     * deletes the objects of its own namespace, but for its result, what others were granted by name, and what a forked child leaves to be
     * merged.
     *
     * A name without `/` is in the process's own private namespace, `process/<pid>`; a name with `/` is `<namespace>/<name>` in
     * full. Rights are decided on `object:<namespace>/<name>`; knowing a name is not authority. A name has at most 1,024 bytes and
     * 16 segments and follows the rules for new file names.
     */
    namespace object {
        /** JSON text (RFC 8259, checked) or bytes; at most 16 MiB. */
        type Payload = { "json": string } | { "bytes": Uint8Array };
        /** What an object is, without its payload. */
        interface Info {
            /** In full: `<namespace>/<name>`. */
            name: string;
            /** For example `goal`, `observation`, `tool-result`; an open set. */
            type: string;
            /** Starts at 1; each update adds 1. */
            version: number;
            immutable: boolean;
            title: string;
            tags: Array<string>;
            /** Size of the payload in bytes. */
            size: number;
            created: types.Datetime;
            updated: types.Datetime;
            /** Full names of the objects that it was made from, as its maker says; nobody checks it. */
            sources: Array<string>;
        }
        /** What `create` needs beside name and payload. */
        interface Options {
            /** At most 64 bytes. */
            type: string;
            immutable: boolean;
            /** At most 1,024 bytes. */
            title: string;
            /** At most 32, each at most 64 bytes. */
            tags: Array<string>;
            /** Names of the objects that it is made from, for whoever wants to know; at most 32. Nobody looks whether they are there. */
            sources: Array<string>;
        }
        /** One end of a link, as seen from the other one. */
        interface LinkEnd {
            relation: string;
            /** Full name of the object at the other end. */
            name: string;
            /** The link leads there; else it comes from there. */
            outgoing: boolean;
        }
        /** What a query looks for: all that is said must hold. */
        interface Filter {
            /** Objects in this namespace, or in one below it that the process may list; none: the process's own. */
            namespace?: string | null;
            type?: string | null;
            /** It has each of them. */
            tags: Array<string>;
            /**
             * The last part of its name, its title or its payload has this text, of at most 1,024 bytes; ASCII letters match in either case.
             * JSON is looked through as it is written, bytes if they are UTF-8.
             */
            text?: string | null;
            /** It links to this object, on which `read` is needed. */
            linkedTo?: string | null;
            /** This object, on which `read` is needed, links to it. */
            linkedFrom?: string | null;
            /** Only links of this relation count. */
            relation?: string | null;
            /** Only names that sort after this one, in full. */
            after?: string | null;
            /** At most so many, and never more than 1,000. */
            limit?: number | null;
        }
        /** What a query has found, sorted by name. */
        interface Found {
            objects: Array<Info>;
            /**
             * If there may be more: the name to go on after. A query stops at its limit, at 10,000 objects that it has looked at, and when
             * it has looked through 8 MiB of payloads.
             */
            next?: string | null;
        }
        /** What becomes of an object that both the child and the process itself have changed since the fork. */
        type Resolution = "report" | "ours" | "theirs" | "beside";
        /** An object that was not merged. */
        interface Conflict {
            /** In full, in the process's own namespace. */
            name: string;
            why: string;
        }
        /** What a merge did. Names are full, in the process's own namespace, sorted. */
        interface Merged {
            /** Made or changed. */
            merged: Array<string>;
            deleted: Array<string>;
            conflicts: Array<Conflict>;
        }
        interface Functions {
            /** Makes a new object; `already-exists` if the name is taken, `not-found` if the namespace is not there. Needs `write`. */
            create(name: string, payload: Payload, options: Options): Promise<Info>;
            /** The object and its payload. Needs `read`. */
            read(name: string): Promise<[Info, Payload]>;
            /**
             * Replaces the payload. With `expected-version`, `conflict` if the object has moved on; immutable objects are `wrong-kind`.
             * Needs `write`.
             */
            update(name: string, payload: Payload, expectedVersion?: number | null): Promise<Info>;
            /** Removes it, with the same check of the version. Needs `delete`. */
            delete(name: string, expectedVersion?: number | null): Promise<void>;
            /**
             * The objects directly in a namespace (none: the process's own), sorted by name, at most 10,000. Needs `list` on
             * `object:<namespace>`; objects that a rule denies listing are left out.
             */
            list(namespace?: string | null): Promise<Array<Info>>;
            /**
             * The namespaces directly below one (none: the process's own), in full, sorted, at most 10,000. Needs `list` on
             * `object:<namespace>`.
             */
            namespaces(namespace?: string | null): Promise<Array<string>>;
            /**
             * Gives an object another name, in its namespace or in another one, where the name must be free. It stays immutable if it is, its
             * version grows by 1, and its links go along, from it and to it. Needs `read` and `delete` on the old name and `write` on the new one.
             * Errors as for `update` and `create`.
             */
            rename(old: string, new: string, expectedVersion?: number | null): Promise<Info>;
            /**
             * Links an object to another one; nothing happens if it is linked so already. That makes no new version. A relation is a word of at
             * most 64 bytes, for example `derived-from`. `too-large` if `from` has 256 links or 4,096 objects link to `to`. A link goes with
             * either of its ends. Needs `link` on `from` and `read` on `to`.
             */
            link(from: string, relation: string, to: string): Promise<void>;
            /** Takes a link away; `not-found` if there is none. Needs `link` on `from`. */
            unlink(from: string, relation: string, to: string): Promise<void>;
            /**
             * The links of an object in both directions. Left out are those whose other end the process may not read as it is: where a read would
             * be refused, would ask a person, or would take a use of a grant. Needs `read` on the object.
             */
            links(name: string): Promise<Array<LinkEnd>>;
            /**
             * Looks for objects. Needs `list` on `object:<namespace>`. Only objects are found that the process may read as they are: not those
             * whose reading would be refused, would ask a person, or would take a use of a grant.
             */
            query(filter: Filter): Promise<Found>;
            /**
             * Brings what a forked child has made, changed and deleted in its own namespace into that of the process, under the same names; its
             * goal stays. Three ways: what the child has changed and the process has not since the fork is taken over; what both have changed
             * becomes what `conflicts` says; nothing else is overwritten. What was taken over of a child that has ended is released with it;
             * conflicts stay until they are resolved or the process ends. A name that a rule refused to the child, and what a worker sees, are not
             * what it began from: another object there is a conflict. One merge compares and copies 16 MiB of payloads; what is more is listed as
             * a conflict that says so, and the next merge goes on with it. `not-found` if there is no such child, or nothing of it is left;
             * `too-large` beyond 10,000 objects. Needs `wait` on `process:pid/<child>`, and `write` and `delete` on all of the process's own
             * namespace.
             */
            merge(child: string, conflicts?: Resolution): Promise<Merged>;
            /** Makes a namespace; its parent must exist unless it has one segment. Needs `write` on `object:<namespace>`. */
            createNamespace(namespace: string): Promise<void>;
        }
    }

    /**
     * The process that this call works for, and those that it makes.
     *
     * A process may tell its own children what to do and wait for their end without any grant. What a child may, it is handed when it is
     * made; it inherits nothing.
     */
    namespace process {
        interface Identity {
            /** The process, for example `p7`. */
            pid: string;
            /** The process that started it; none for one that a person started. */
            parent?: string | null;
            /** The image that it was started from. */
            image: string;
            /** This call, for example `c12`. */
            call: string;
            /** The tool that this call runs. */
            tool: string;
        }
        /** A grant of this process's from which a child gets one: not more, and not for longer. */
        interface HandedGrant {
            /** Rights and a resource, for example `read,list fs:workspace/src/**`; at most 1,024 bytes. */
            rule: string;
            /** So many uses. Needed where the grant counts its uses; this process loses them. */
            uses?: number | null;
            /** Nanoseconds from now. */
            expiresIn?: number | null;
        }
        /** What can be spent. */
        type Coin = "tool-calls" | "model-calls" | "tokens" | "money" | "wall-milliseconds" | "processor-milliseconds" | "bytes-read" | "bytes-written" | "bytes-sent" | "children" | "objects";
        interface Amount {
            kind: Coin;
            amount: number;
        }
        /** Whose turn comes more often. */
        type Priority = "low" | "normal" | "high";
        /** What a child is made with. */
        interface ChildOptions {
            /** This process's own, if none. */
            image?: string | null;
            /** What it is for: an immutable object named `goal` in its own namespace; at most 64 KiB. */
            goal: string;
            /** All that it may do, beside what is its own; at most 64. This tool hands over nothing that it may not use itself. */
            grants: Array<HandedGrant>;
            /** A purse of its own, filled from this process's; without, it spends from this process's. */
            budget?: Array<Amount> | null;
            /** This process's, if none; else `list` on it is needed, and it must be a directory. */
            workingDirectory?: string | null;
            /** This process's, if none; never above it. */
            priority?: Priority | null;
            /** The text by which its planner chooses, at most 1 MiB; without, nobody chooses for it. */
            planner?: string | null;
        }
        /** How a forked process sees the objects of the one that it was forked from. */
        type ViewMode = "read-only" | "copy-on-write" | "worker";
        type SignalKind = "pause" | "resume" | "interrupt" | "cancel" | "kill";
        /** How a process ended. */
        type End = { "exited": string } | { "failed": string } | { "killed": string };
        interface EndedChild {
            pid: string;
            how: End;
            /** The object that it ended with. If it was in its own namespace, this process may read it. */
            resultObject?: string | null;
        }
        interface Child {
            pid: string;
            /** `ready`, `running`, `waiting`, `paused`, `exited`, `failed` or `killed`. */
            state: string;
            /** Who paused it, or how it ended; at most 512 bytes. */
            why?: string | null;
            image: string;
            /** Name of the object that says what it is for. */
            goal?: string | null;
            created: types.Datetime;
        }
        interface Functions {
            /** Needs nothing. */
            self(): Promise<Identity>;
            /**
             * The process ends once this call has ended and its result is stored; `result` is JSON of at most 64 KiB. Its children end with it.
             * Needs nothing.
             */
            exit(result: string): Promise<void>;
            /**
             * A variable of the environment that the host's policy gives to tools; none if there is no such variable. Nothing of the host's own
             * environment is in it. A value has at most 32 KiB. Needs `read` on `env:<name>`; a name has at most 255 bytes and no '/'.
             * Errors: `denied`, `invalid`, `too-large`.
             */
            environment(name: string): Promise<string | null>;
            /**
             * Asks for a checkpoint of the process and all below it; answers its name, for example `k2`. It is taken once this call has ended
             * and its result is stored, so all that the call did is in it; if the call is cancelled, it is not taken. Asked again in the same
             * call, it is the same one. Only a person can go back to it or begin again from it. Right: `create` on `checkpoint:<number of the
             * process>`, for example `checkpoint:7`. Limits: a reason of at most 1 KiB, 100 checkpoints of one process, 10,000 of the host.
             * Errors: `denied`, `too-large`.
             */
            checkpoint(reason: string): Promise<string>;
            /**
             * As `exit`, with an object as the result: it stays. If it is in the process's own namespace, its parent may read and
             * delete it from then on, unless it has 1,000 such results of its children already.
             * Needs `read` on `object:<name>`.
             */
            exitWith(object: string): Promise<void>;
            /**
             * Makes a child with a fresh namespace and answers its number. It, its grants, its goal and the record of it are one change.
             * Needs `spawn` on `process:image/<image>`. At most 10,000 children that live or were not waited for, and 16 processes above one.
             * Errors: `denied` for a grant that this process has not, `not-found` for an image, `too-large`.
             */
            spawn(options: ChildOptions): Promise<string>;
            /**
             * As `spawn`, and the child sees this process's objects: those with the names in `roots` and all below them, at most 64, or all.
             * What this process may not read, its child may not read through it. The tool, and each that it was called from, must be bound to no
             * less: `read` and `list` on what is seen, for example `object:process/7/**`.
             */
            fork(options: ChildOptions, mode?: ViewMode, roots?: Array<string> | null): Promise<string>;
            /**
             * The process becomes one of another image once this call has ended and its result is stored. It keeps its number, its objects and
             * its grants, and gets none of the image's; its tools are the image's. `goal` (at most 64 KiB) replaces what it is for.
             * Needs `use` on `image:<image>`.
             */
            exec(image: string, goal?: string | null): Promise<void>;
            /**
             * Waits until one of the processes (at most 256) has ended; with none named, until any child has. None when so many nanoseconds (at
             * most ten years) have gone by; with 0 it answers at once. Each end of a child is told of once to whoever names none.
             * Needs `wait` on each `process:pid/<n>`; this process's own children need no grant. Errors: `not-found` if there is none to wait for,
             * `interrupted`.
             */
            wait(pids: Array<string>, timeout?: number | null): Promise<EndedChild | null>;
            /** The children that live, and those that have ended and were not waited for. Needs nothing. */
            children(): Promise<Array<Child>>;
            /**
             * Tells a process something, with a reason of at most 1,024 bytes; answers the state that it is in then, in a word.
             * Needs `signal` on `process:pid/<n>`; this process's own children need no grant. Errors: `not-found` for what has ended.
             */
            signal(pid: string, signal: SignalKind, reason: string): Promise<string>;
            /**
             * Hands a child over to this process's own parent, or to nobody if there is none: it does not end with this process any more. What it
             * has of this process's grants hangs on what those hang on; what counts uses here is not kept, nor what this process was given by
             * itself, not by its image. Errors: `too-large` if the parent has 5,000 children or more.
             * Needs `signal` on `process:pid/<n>`; this process's own children need no grant.
             */
            handOver(pid: string): Promise<void>;
        }
    }

    /** Randomness from the host's operating system. */
    namespace random {
        interface Functions {
            /** `count` bytes, at most 65,536 (`too-large`). Needs nothing. */
            bytes(count: number): Promise<Uint8Array>;
        }
    }

    /**
     * Programs of the system. There is no shell: a program is started with the words that are given, and none of them is looked at.
     *
     * A program is confined by the kernel of the system. It reaches the files that this process may read without asking anybody, changes those
     * that it may write and delete without asking, and the directories of the system that the policy names; no other process, no socket, no
     * variable of the host, and no network unless the policy says so. Files have the paths of the host there: name them relative to the
     * directory. Nothing of it runs any more when the call ends.
     */
    namespace shell {
        interface Variable {
            name: string;
            value: string;
        }
        interface Options {
            /** Where it starts, as a path of `fs`; the working directory if none. */
            directory?: string | null;
            /** At most 64, and only such that the policy lets a call set (`invalid` for others). */
            environment: Array<Variable>;
            /** Its standard input; at most 1 MiB. */
            stdin: string;
            /** Nanoseconds until it is stopped; 30 s if none. The policy says the most (`too-large`). */
            timeout?: number | null;
            /** Bytes of each output that are kept, the first and the last half; 64 KiB if none, at most 1 MiB. */
            outputBytes?: number | null;
        }
        type Ended = "exited" | "signalled" | "wall-time" | "processor-time" | "memory" | "output" | "cancelled" | "lost";
        /** What it wrote. Bytes that are no UTF-8 are replaced. */
        interface Output {
            /** All of it, or the first half of what was kept. */
            head: string;
            /** The last half, if something was cut. */
            tail: string;
            /** Bytes between them that were dropped. */
            cut: number;
        }
        interface Outcome {
            ended: Ended;
            /** -1 if it was stopped. */
            code: number;
            stdout: Output;
            stderr: Output;
            /** Nanoseconds. */
            wallTime: number;
            /** Nanoseconds, of all its processes. */
            processorTime: number;
        }
        interface Functions {
            /**
             * Runs a program to its end. `program` is a name that is looked up in directories of the policy (`git`), a path of the host
             * (`/usr/bin/git`), or a file, relative to the directory, with a `/` in it (`./check`); at most 4,096 arguments and 128 KiB together. A
             * program that fails is no error: see its code. Needs `execute` on `shell:<path of its file, without links> -- <arguments>`, `list` on
             * the directory, and `read` on the program's file if that is one of `fs`. `io` if this machine cannot confine it: then it has not run.
             */
            run(program: string, arguments: Array<string>, options: Options): Promise<Outcome>;
        }
    }

    /** Other tools. */
    namespace tools {
        /** How the other tool's call ended. */
        type Outcome = { "done": string } | { "failed": string };
        /** What a proposed tool is made of. */
        type Code = { "typescript": string } | { "component": Uint8Array };
        /** How a test is to end. */
        type Expectation = { "returns": string } | { "fails": string };
        interface Test {
            /** JSON. */
            arguments: string;
            expect: Expectation;
        }
        /** A tool that is written at run time. Whatever it says of itself gives it nothing. */
        interface Proposal {
            /** 1 to 64 characters of a-z, 0-9, `_` and `-`, starting with a letter. */
            name: string;
            /** What it does, for a person or a model that chooses; at most 4 KiB. What the code says, if it is empty. */
            summary: string;
            code: Code;
            /** JSON Schema of the arguments, at most 64 KiB; what the code says, if there is none. */
            arguments?: string | null;
            /** JSON Schema of the result, at most 64 KiB; what the code says, if there is none. */
            result?: string | null;
            /** At most 64, with 1 MiB together. */
            tests: Array<Test>;
        }
        /** Something that is wrong with a proposal, at its author's lines. */
        interface Problem {
            /** The module; empty if it is about none. */
            module: string;
            /** From 1; 0 if it is about no line. */
            line: number;
            /** In characters, from 1; 0 if it is about no column. */
            column: number;
            /** What, and what to do. */
            message: string;
        }
        /** How a test went. */
        interface TestOutcome {
            passed: boolean;
            /** What went wrong, in a line; empty if nothing did. */
            message: string;
        }
        /** What a validation found. At most 100 lines a part, of 1 KiB each. */
        interface Report {
            /** It can be registered: there is no problem and every test has passed. */
            ok: boolean;
            problems: Array<Problem>;
            /** In the order of the proposal. */
            tests: Array<TestOutcome>;
            /** What the tests logged and printed. */
            log: Array<string>;
        }
        /** Where a tool that a process sees comes from. */
        type Origin = "image" | "own" | "above";
        interface KnownTool {
            name: string;
            summary: string;
            /** JSON Schema. */
            arguments: string;
            /** JSON Schema. */
            result: string;
            origin: Origin;
        }
        interface Functions {
            /**
             * Takes a tool down that this process may validate and register later; answers its id, for example `t7`. Nothing can be called by
             * it. A process has at most 32 proposals, with 32 MiB of code, that are neither rejected nor registered (`too-large`); older ones
             * that are make room. Needs no right.
             */
            propose(proposal: Proposal): Promise<string>;
            /**
             * Compiles what this process has proposed and runs its tests in the sandbox, without any authority: a test in which the tool asks
             * for something outside fails. A test may compute 2 seconds, all of them 10, with 64 MiB. Waits for the report; it is made once.
             * `not-found` for what others have proposed. Needs no right.
             */
            validate(id: string): Promise<Report>;
            /**
             * Makes what was validated a tool of this process, and, with `for-children`, of all below it; until it is unregistered or the process
             * ends. It is bound to the very bytes that were validated. It gets no right by it: at its own system calls it is decided for the
             * process that calls it, within what it declares and within the declarations of the tools that register it. `already-exists` for a
             * name of any tool of the host or of one that this process sees; `invalid` if it was not validated. At most 64 a process. Needs
             * `register` on `tool:<name>`.
             */
            register(id: string, forChildren?: boolean): Promise<void>;
            /** Takes a tool away that this process registered. Calls that have begun go on. Needs `register` on `tool:<name>`. */
            unregister(name: string): Promise<void>;
            /** The tools that this process can call, by their names. Needs no right. */
            list(): Promise<Array<KnownTool>>;
            /**
             * Calls another tool that this process sees, and waits for its end; `arguments` is JSON of at most 16 MiB. The
             * other tool works for the same process, and can use nothing that this tool does not declare: what counts is what both
             * declare. Calls within calls go at most 8 deep. Needs `call` on `tool:<name>`.
             */
            call(name: string, arguments: string): Promise<Outcome>;
        }
    }

    /** What the other interfaces share. */
    namespace types {
        /** Refused by the rules or by a person. Says nothing about whether the resource exists. */
        interface Denial {
            /** The right that was needed, for example `write`. */
            right: string;
            /** The resource as it was asked for, for example `fs:workspace/src/main.rs`. */
            resource: string;
            /** Why, in words for a person. */
            reason: string;
        }
        /** How a system call can fail. The tool goes on after each of them. */
        type Error = { "denied": Denial } | { "not-found": string } | { "already-exists": string } | { "wrong-kind": string } | { "not-empty": string } | { "conflict": number } | { "too-large": string } | { "invalid": string } | { "outcome-unknown": string } | { "io": string } | "internal" | { "interrupted": string };
        /** A moment: seconds and nanoseconds since 1970-01-01T00:00:00 UTC, without leap seconds. */
        interface Datetime {
            seconds: number;
            /** Below 1,000,000,000. */
            nanoseconds: number;
        }
    }

    /** The cases of the errors of system calls. */
    type Code = "denied" | "not-found" | "already-exists" | "wrong-kind" | "not-empty" | "conflict" | "too-large" | "invalid" | "outcome-unknown" | "io" | "internal" | "interrupted";

    /** What a script can do: the second argument of `run`, and the global `libos`. */
    interface System {
        /** Time. */
        readonly clock: clock.Functions;
        /**
         * Files and directories beneath named mounts.
         *
         * A path is relative to the process's working directory, or absolute as `/<mount>/<segments>`. `.` and `..` are resolved in the
         * name, before anything is opened; a name that would leave its mount is refused. Rights are decided on `fs:<mount>/<segments>`,
         * and no right implies another. A symbolic link is followed only inside its mount, and the name behind it is decided again.
         * A path has at most 4,096 bytes and 256 segments; a segment at most 255 bytes. New names with NUL, control, bidirectional or
         * zero-width characters, or not in normalisation form C, are `invalid`.
         */
        readonly fs: fs.Functions;
        /** The people of a process. A call that waits for a person may wait for weeks; the host may be stopped and started meanwhile. */
        readonly human: human.Functions;
        /**
         * Images: what processes are started from. An image declares and grants nothing; whoever starts a process from one, or becomes one, has
         * the authority that it had, less what the image denies.
         */
        readonly image: image.Functions;
        /** The call's own log. What a tool prints goes there too. */
        readonly log: log.Functions;
        /**
         * Messages between processes. What was sent stays until it is received or its receiver ends, also over a restart of the host, and is
         * handed over once.
         */
        readonly message: message.Functions;
        /**
         * The typed memory of processes.
         *
         * A forked process sees its source's objects under names of its own, as far as its view goes: read-only or copy-on-write as they were
         * at the fork, or as a worker as they are. What a copy-on-write process changes or deletes is so for itself only. No grant stands behind
         * a view, and whatever refuses the source's name, or would ask a person about it, refuses it through the view too. The end of a process
         * deletes the objects of its own namespace, but for its result, what others were granted by name, and what a forked child leaves to be
         * merged.
         *
         * A name without `/` is in the process's own private namespace, `process/<pid>`; a name with `/` is `<namespace>/<name>` in
         * full. Rights are decided on `object:<namespace>/<name>`; knowing a name is not authority. A name has at most 1,024 bytes and
         * 16 segments and follows the rules for new file names.
         */
        readonly object: object.Functions;
        /**
         * The process that this call works for, and those that it makes.
         *
         * A process may tell its own children what to do and wait for their end without any grant. What a child may, it is handed when it is
         * made; it inherits nothing.
         */
        readonly process: process.Functions;
        /** Randomness from the host's operating system. */
        readonly random: random.Functions;
        /**
         * Programs of the system. There is no shell: a program is started with the words that are given, and none of them is looked at.
         *
         * A program is confined by the kernel of the system. It reaches the files that this process may read without asking anybody, changes those
         * that it may write and delete without asking, and the directories of the system that the policy names; no other process, no socket, no
         * variable of the host, and no network unless the policy says so. Files have the paths of the host there: name them relative to the
         * directory. Nothing of it runs any more when the call ends.
         */
        readonly shell: shell.Functions;
        /** Other tools. */
        readonly tools: tools.Functions;
        readonly Error: typeof SystemError;
        /** A system call by the name that it has in the system for which a script was written before. */
        syscall(name: string, args?: Record<string, unknown>): Promise<unknown>;
    }
}

declare const libos: Libos.System;
