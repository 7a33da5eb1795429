export function run() {
  const there = (name: string) => {
    try {
      return name in Deno;
    } catch {
      return true;
    }
  };
  return NAMES.split(" ").filter((name) => !there(name));
}
const NAMES = `ChildProcess Command FsFile HttpClient PermissionStatus Permissions SeekMode addSignalListener args bench build chdir chmod \
chmodSync chown chownSync connect connectTls consoleSize copyFile copyFileSync create createHttpClient createSync cwd dlopen env errors \
execPath exit exitCode gid hostname inspect kill link linkSync listen listenTls loadavg lstat lstatSync mainModule makeTempDir \
makeTempDirSync makeTempFile makeTempFileSync memoryUsage mkdir mkdirSync networkInterfaces noColor open openSync osRelease osUptime \
permissions pid ppid readDir readDirSync readFile readFileSync readLink readLinkSync readTextFile readTextFileSync realPath realPathSync \
refTimer remove removeSignalListener removeSync rename renameSync resolveDns serve spawn startTls stat statSync stderr stdin stdout \
symlink symlinkSync systemMemoryInfo test truncate truncateSync uid umask unrefTimer upgradeWebSocket utime utimeSync version watchFs \
writeFile writeFileSync writeTextFile writeTextFileSync`.replaceAll("\\\n", "");
