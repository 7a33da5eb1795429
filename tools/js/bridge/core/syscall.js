// `libos.syscall(name, args)`: the names, arguments and answers of the system for which scripts were written before.

const { parse, stringify, keys, isArray, hasOwn, TypeError } = internal.intrinsics;
const { LibosError, libos } = internal;
const { fs, object, human, clock, process } = libos;
const { decode, encode } = internal.natives;

const text = (bytes, path) => {
  const content = decode(bytes);
  if (content === undefined) throw new LibosError(`${path} is not UTF-8`, "invalid");
  return content;
};
const utf8Only = (encoding) => {
  if (encoding !== undefined && encoding !== "utf-8" && encoding !== "utf8") {
    throw new LibosError(`the encoding ${encoding} is not known; utf-8 is`, "invalid");
  }
};
const isCode = (error, code) => error instanceof LibosError && error.code === code;
const iso = (time) => new Date(time.seconds * 1000 + time.nanoseconds / 1e6).toISOString();
const full = (name, namespace) => (namespace === undefined || namespace === null ? name : `${namespace}/${name}`);
const joined = (path, name) => (path === "." || path === "" ? name : `${path}/${name}`);
const pidOf = (pid) => (typeof pid === "number" ? `p${pid}` : pid);
const described = (info) => {
  const cut = info.name.lastIndexOf("/");
  return { oid: info.name, namespace: info.name.slice(0, cut), name: info.name.slice(cut + 1), type: info.type };
};

const unique = async () => {
  const bytes = await libos.random.bytes(8);
  let name = "";
  for (let at = 0; at < bytes.length; at++) name += bytes[at].toString(16).padStart(2, "0");
  return name;
};

const missing = async (work, missingOk) => {
  try {
    await work();
    return true;
  } catch (error) {
    if (missingOk && isCode(error, "not-found")) return false;
    throw error;
  }
};

const calls = {
  __proto__: null,
  async "filesystem.read_text"({ path, encoding, max_bytes }) {
    utf8Only(encoding);
    const limit = max_bytes ?? 0;
    const bytes = limit > 0 ? await fs.readRange(path, 0, limit + 1) : await fs.read(path);
    const truncated = limit > 0 && bytes.length > limit;
    const kept = truncated ? bytes.slice(0, limit) : bytes;
    return { path, content: text(kept, path), bytes_read: kept.length, truncated };
  },
  async "filesystem.write_text"({ path, content, encoding, overwrite }) {
    utf8Only(encoding);
    const bytes = encode(`${content}`.toWellFormed());
    let created = true;
    try {
      await fs.write(path, bytes, "create-new");
    } catch (error) {
      if (!isCode(error, "already-exists") || overwrite === false) throw error;
      created = false;
      await fs.write(path, bytes, "create-or-replace");
    }
    return { path, bytes_written: bytes.length, created };
  },
  async "filesystem.read_directory"({ path = ".", limit }) {
    const all = await fs.list(path);
    const kept = limit > 0 && all.length > limit ? all.slice(0, limit) : all;
    const entries = kept.map(({ name, kind, size, modified }) => ({
      name,
      path: joined(path, name),
      kind: kind === "link" ? "symlink" : kind,
      size_bytes: size,
      modified_at: iso(modified),
    }));
    return { path, entries, count: entries.length, truncated: kept.length < all.length };
  },
  async "filesystem.write_directory"({ path, parents, exist_ok }) {
    if (parents) {
      const segments = path.split("/");
      for (let at = 1; at < segments.length; at++) {
        const parent = segments.slice(0, at).join("/");
        if (parent === "" || parent === "." || parent === "..") continue;
        try {
          await fs.makeDir(parent);
        } catch (error) {
          if (!isCode(error, "already-exists")) throw error;
        }
      }
    }
    try {
      await fs.makeDir(path);
    } catch (error) {
      if (!exist_ok || !isCode(error, "already-exists")) throw error;
      return { path, created: false };
    }
    return { path, created: true };
  },
  async "filesystem.delete_file"({ path, missing_ok }) {
    return { path, kind: "file", deleted: await missing(() => fs.remove(path, false), missing_ok), recursive: false };
  },
  async "filesystem.delete_directory"({ path, recursive = false, missing_ok }) {
    return { path, kind: "directory", deleted: await missing(() => fs.remove(path, recursive), missing_ok), recursive };
  },
  async "memory.create_namespace"({ namespace, parent_namespace = null }) {
    await object.createNamespace(full(namespace, parent_namespace));
    return { namespace, parent_namespace, created: true };
  },
  async "memory.list_namespace"({ namespace = null }) {
    const objects = (await object.list(namespace)).map(described);
    return { namespace, objects, namespaces: await object.namespaces(namespace) };
  },
  async "memory.create_object"({ name, namespace, type, payload, metadata, immutable = false }) {
    const options = { type, immutable, title: metadata?.title ?? "", tags: metadata?.tags ?? [], sources: [] };
    return described(await object.create(full(name ?? `object-${await unique()}`, namespace), { json: stringify(payload) }, options));
  },
  async "memory.read_object"({ name, namespace, max_payload_chars }) {
    const [info, payload] = await object.read(full(name, namespace));
    const content = payload.json ?? text(payload.bytes, info.name);
    const truncated = max_payload_chars > 0 && content.length > max_payload_chars;
    const value = truncated ? content.slice(0, max_payload_chars) : payload.json === undefined ? content : parse(content);
    return { ...described(info), version: info.version, immutable: info.immutable, payload: value, truncated };
  },
  async "memory.append_object"({ name, namespace, entry, list_field = "entries" }) {
    for (;;) {
      const [info, payload] = await object.read(full(name, namespace));
      const value = parse(payload.json ?? "null");
      const list = isArray(value) ? value : value !== null && hasOwn(value, list_field) ? value[list_field] : undefined;
      if (!isArray(list)) throw new LibosError(`${info.name} has no list \`${list_field}\``, "wrong-kind");
      list.push(entry);
      try {
        const updated = await object.update(full(name, namespace), { json: stringify(value) }, info.version);
        return { ...described(updated), version: updated.version, appended: true, list_field, length: list.length };
      } catch (error) {
        if (!isCode(error, "conflict")) throw error;
      }
    }
  },
  async "human.output"({ message, channel = "owner" }) {
    await human.tell(message, channel === "owner" ? null : channel);
    return { delivered: true, channel, chars: message.length };
  },
  async "human.ask"({ question, context, human: queue }) {
    const whole = context === undefined ? question : `${question}\n\n${typeof context === "string" ? context : stringify(context)}`;
    return { answer: await human.ask(whole, queue ?? null), status: "answered" };
  },
  async "human.request_permission"({ resource, rights, reason, human: queue }) {
    const answer = await human.approve(resource, rights, reason, queue ?? null);
    return { resource, rights, status: answer === "allow" || answer === "always" ? "approved" : "denied", answer };
  },
  async "clock.now"({ timezone = "UTC" }) {
    if (timezone !== "UTC") throw new LibosError(`the time zone ${timezone} is not known; UTC is`, "invalid");
    const now = await clock.now();
    return { iso8601: iso(now), unix_seconds: now.seconds + now.nanoseconds / 1e9, timezone };
  },
  async "clock.sleep"({ seconds }) {
    const before = await clock.now();
    await clock.sleep(Math.round(seconds * 1e9));
    const after = await clock.now();
    const elapsed = after.seconds - before.seconds + (after.nanoseconds - before.nanoseconds) / 1e9;
    return { requested_seconds: seconds, elapsed_seconds: elapsed };
  },
  async "process.get_working_directory"() {
    return { working_directory: await fs.workingDirectory() };
  },
  async "process.set_working_directory"({ path }) {
    await fs.changeDirectory(path);
    return { working_directory: await fs.workingDirectory() };
  },
  async "process.exit"({ payload = null, result_oid = null, message = null }) {
    if (result_oid !== null) await process.exitWith(result_oid);
    else await process.exit(stringify(payload ?? message));
    return { status: "exited", result_oid };
  },
  async "process.exec"({ image, goal }) {
    await process.exec(image, goal === undefined ? null : textOf(goal));
    return { new_image: image, status: "ready" };
  },
  async "process.spawn_child"(args) {
    const child = await process.spawn(childOf(args));
    return { child_pid: child, parent_pid: (await process.self()).pid, image: args.image ?? null, status: "ready" };
  },
  async "process.fork"(args) {
    const modes = { __proto__: null, read_only: "read-only", copy_on_write: "copy-on-write", worker: "worker" };
    const mode = args.mode ?? "copy_on_write";
    const child = await process.fork(childOf(args), modes[mode] ?? mode, args.root_oids ?? null);
    return { child_pid: child, parent_pid: (await process.self()).pid, image: args.image ?? null, mode, status: "ready" };
  },
  async "process.wait"({ child_pid, block = true }) {
    const ended = await process.wait(child_pid === undefined ? [] : [pidOf(child_pid)], block ? null : 0);
    if (ended === null) return { child_pid, status: "running", ready: false, result_oid: null, message: null };
    const [how] = keys(ended.how);
    return { child_pid: ended.pid, status: how, ready: true, result_oid: ended.resultObject ?? null, message: ended.how[how] };
  },
  async "process.list_children"({ include_terminal = true }) {
    const children = (await process.children()).filter((child) => include_terminal || !["exited", "failed", "killed"].includes(child.state));
    return { children: children.map(({ pid, state, image, goal }) => ({ child_pid: pid, pid, status: state, image, goal_oid: goal })) };
  },
  async "process.signal"({ child_pid, signal, reason = "" }) {
    const status = await process.signal(pidOf(child_pid), signal === "terminate" ? "kill" : signal, reason);
    return { child_pid, signal, status };
  },
  async "process.merge_child_memory"({ child_pid }) {
    const { merged, conflicts } = await object.merge(pidOf(child_pid), "report");
    return { child_pid, merged_oids: merged, skipped_oids: conflicts.map((one) => one.name) };
  },
};

const textOf = (goal) => (typeof goal === "string" ? goal : stringify(goal));
const childOf = (args) => {
  for (const name of keys(args)) {
    if (name.startsWith("inherit_") && (isArray(args[name]) ? args[name].length > 0 : args[name])) {
      throw new LibosError(`${name} is not known: hand the child rules by libos.process.spawn({ grants: [...] })`, "invalid");
    }
  }
  const { image = null, goal, working_directory = null } = args;
  return { image, goal: textOf(goal), grants: [], budget: null, workingDirectory: working_directory, priority: null, planner: null };
};

const aliases = {
  __proto__: null,
  read_text_file: "filesystem.read_text",
  write_text_file: "filesystem.write_text",
  list_directory: "filesystem.read_directory",
  make_directory: "filesystem.write_directory",
  "memory.get_object": "memory.read_object",
  get_object: "memory.read_object",
  append_memory_object: "memory.append_object",
  "memory.append_memory_object": "memory.append_object",
  human_output: "human.output",
  ask_human: "human.ask",
  "permission.request": "human.request_permission",
  request_permission: "human.request_permission",
  "time.now": "clock.now",
  sleep: "clock.sleep",
  "process.cwd": "process.get_working_directory",
  "process.chdir": "process.set_working_directory",
};

const syscall = {
  async syscall(name, args = {}) {
    const known = calls[name] ?? calls[aliases[name]];
    if (known === undefined) throw new LibosError(`there is no system call \`${name}\``, "not-found");
    if (typeof args !== "object" || args === null) throw new TypeError("args must be an object");
    return await known(args);
  },
}.syscall;
internal.define(libos, "syscall", syscall, true);
internal.intrinsics.freeze(libos);
