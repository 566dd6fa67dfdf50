/**
 * `system/` is the one door to the world around the process: environment, paths, configuration,
 * clock, ids, files of the home, the process table, the log. It stands on `protocol/` and knows
 * nothing of messages, stores or sockets.
 *
 * This file is the only reader of the environment, the arguments and the working directory. What a
 * cold command imports is paid for on every call, so nothing here loads a module.
 */
export interface Environment {
  readonly variables: Readonly<Record<string, string | undefined>>;
  readonly directory: string;
  readonly userHome: string;
  readonly platform: NodeJS.Platform;
  readonly pid: number;
  readonly parentPid: number;
  /** Undefined where the system knows no user ids (Windows). */
  readonly uid: number | undefined;
}

export function readEnvironment(): Environment {
  const variables = process.env;
  return {
    variables,
    directory: process.cwd(),
    get userHome() {
      return homeVariables.map((name) => variables[name]).find(isAbsolute) ?? accountHome();
    },
    platform: process.platform,
    pid: process.pid,
    parentPid: process.ppid,
    uid: process.getuid?.(),
  };
}

/** On Windows HOME is what some shell made up for itself, and other programs of the user do not see it. */
const homeVariables = process.platform === 'win32' ? ['USERPROFILE'] : ['HOME', 'USERPROFILE'];

/** A home relative to the working folder would be another one in each. */
function isAbsolute(path: string | undefined): path is string {
  return path !== undefined && /^([/\\]|[A-Za-z]:)/.test(path);
}

/** What the system itself says, for those whose environment was scrubbed. Loads modules, so only then. */
function accountHome(): string {
  try {
    const os = import.meta.require('node:os') as typeof import('node:os');
    const { uid, homedir } = os.userInfo();
    // Bun believes any HOME but an empty one before it asks the system, here too.
    return isAbsolute(homedir) ? homedir : (homeInTable(uid) ?? '');
  } catch {
    return '';
  }
}

function homeInTable(uid: number): string | undefined {
  const fs = import.meta.require('node:fs') as typeof import('node:fs');
  const rows = fs.readFileSync('/etc/passwd', 'utf8').split('\n');
  const fields = rows.map((row) => row.split(':')).find((row) => row[2] === String(uid));
  return fields?.[5];
}

/** What the person or program wrote after the program's name. */
export function commandLine(): readonly string[] {
  return process.argv.slice(2);
}

/** Set to nothing is the same as not set. */
export function variable(environment: Environment, name: string): string | undefined {
  const value = environment.variables[name];
  return value === undefined || value === '' ? undefined : value;
}

/** How to start this very program again: the compiled binary, or Bun with the source. */
export function selfCommand(): readonly string[] {
  const source = import.meta.path;
  const compiled = source.includes('$bunfs') || source.includes('~BUN');
  if (compiled) return [process.execPath];
  return [process.execPath, source.replace(/system[\\/]environment\.ts$/, 'main.ts')];
}

const INHERITED =
  /^(IPC_(?!AGENT$).*|HOME|USER|LOGNAME|USERNAME|USERPROFILE|LOCALAPPDATA|APPDATA|PATH|PATHEXT|TMPDIR|TEMP|TMP|LANG|LC_ALL|TZ|SystemRoot|SystemDrive|windir|ComSpec|LD_PRELOAD|LD_LIBRARY_PATH|FAKETIME.*)$/i;

/**
 * What a daemon inherits from whoever happened to start it: enough to run, and none of the starter's
 * tokens, session ids or agent name, for it outlives its starter.
 */
export function daemonVariables(environment: Environment, home: string): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(environment.variables)) {
    if (value !== undefined && INHERITED.test(name)) kept[name] = value;
  }
  kept['IPC_HOME'] = home;
  return kept;
}
