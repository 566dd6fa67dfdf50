/**
 * Where everything is (design §4). Two processes of one user must find the same socket although
 * client programs scrub the environment: so only IPC_HOME and the user's home count, never XDG_*
 * or TMPDIR.
 */
import { type Environment, variable } from './environment.ts';

export interface Paths {
  readonly home: string;
  /** Socket file or, on Windows, named pipe. */
  readonly socket: string;
  /** Folder the socket is in; another than the home when the home's path is too long for a socket. */
  readonly socketFolder: string;
  readonly database: string;
  /** Bytes to be given up when the disk is full. */
  readonly reserve: string;
  readonly blobs: string;
  readonly staging: string;
  readonly keys: string;
  readonly bindings: string;
  readonly backups: string;
  /** One folder a kernel: who hosts it, what ran, and what it showed. */
  readonly kernels: string;
  readonly webhooks: string;
  /** How often hooks hand over, an agent a file. */
  readonly autoCheck: string;
  /** What the hooks of one session remember. */
  readonly hookNotes: string;
  readonly waiters: string;
  /** What `ipc setup` wrote, and what was there before. */
  readonly setup: string;
  /** The marketplace from which Claude Code reads the plugin where it lies. */
  readonly claudePlugin: string;
  readonly secret: string;
  /** Hashes of the HTTP door's tokens, with what each is good for. */
  readonly tokens: string;
  /** The default token in clear, for the one-liners of this user. */
  readonly defaultToken: string;
  /** Kept by Windows pipes, which have no file mode to guard them. */
  readonly pipeKey: string;
  readonly config: string;
  readonly log: string;
  readonly namingLock: string;
  readonly setupLock: string;
  readonly startLock: string;
  readonly daemonLock: string;
}

/** `sun_path` holds 104 bytes on macOS and 108 on Linux, its closing NUL and our `~` included. */
const MAX_SOCKET_BYTES = 100;

export function resolvePaths(environment: Environment): Paths {
  const home = homeFolder(environment);
  const socketFolder = environment.platform === 'win32' ? '' : socketFolderOf(home, environment);
  const inHome = (name: string): string => `${home}/${name}`;
  return {
    home,
    socket:
      // Windows does not tell `C:\\X` from `c:\\x`: one home has one pipe.
      environment.platform === 'win32'
        ? `\\\\.\\pipe\\ipc-${digest(home.toLowerCase())}`
        : `${socketFolder}/ipc.sock`,
    socketFolder,
    database: inHome('ipc.db'),
    reserve: inHome('reserve'),
    blobs: inHome('blobs'),
    staging: inHome('blobs/staging'),
    keys: inHome('keys'),
    bindings: inHome('bindings'),
    backups: inHome('backups'),
    kernels: inHome('kernels'),
    webhooks: inHome('webhooks'),
    autoCheck: inHome('autocheck'),
    hookNotes: inHome('hooks'),
    waiters: inHome('waiters'),
    setup: inHome('setup'),
    claudePlugin: inHome('claude-code'),
    secret: inHome('secret'),
    tokens: inHome('tokens.json'),
    defaultToken: inHome('token'),
    pipeKey: inHome('pipe.key'),
    config: inHome('config.json'),
    log: inHome('daemon.log'),
    namingLock: inHome('naming.lock'),
    setupLock: inHome('setup.lock'),
    startLock: inHome('start.lock'),
    daemonLock: inHome('daemon.lock'),
  };
}

/** A named pipe of Windows, which is no file. */
export function isPipe(path: string): boolean {
  return path.startsWith('\\\\');
}

function homeFolder(environment: Environment): string {
  const asked = variable(environment, 'IPC_HOME');
  if (environment.platform === 'win32') {
    const local = variable(environment, 'LOCALAPPDATA') ?? `${environment.userHome}/AppData/Local`;
    return windowsNormal(asked === undefined ? `${local}/ipc` : windowsAbsolute(asked, environment));
  }
  return normal(asked === undefined ? `${environment.userHome}/.ipc` : absolute(asked, environment));
}

/**
 * The user's own folder for the tilde that a configuration file or `cmd` left where a shell would have
 * put it: a folder called `~` in whatever directory is nobody's wish.
 */
function untilded(path: string, { userHome }: Environment): string {
  return /^~(?:[/\\]|$)/.test(path) ? `${userHome}${path.slice(1)}` : path;
}

function absolute(asked: string, environment: Environment): string {
  const path = untilded(asked, environment);
  return path.startsWith('/') ? path : `${environment.directory}/${path}`;
}

function windowsAbsolute(asked: string, environment: Environment): string {
  const path = untilded(asked, environment).replaceAll('\\', '/');
  const drive = /^([A-Za-z]:)?/.exec(environment.directory)?.[0] ?? '';
  // `C:x` stands for a folder of that drive which nobody sees: the drive's own root is meant.
  if (/^[A-Za-z]:/.test(path) || path.startsWith('//')) return path;
  return path.startsWith('/') ? `${drive}${path}` : `${environment.directory}/${path}`;
}

/** One spelling for one folder, since the socket's place may hang on its hash. `node:path` would cost a third of a millisecond. */
function normal(path: string): string {
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue;
    if (part === '..') parts.pop();
    else parts.push(part);
  }
  return `/${parts.join('/')}`;
}

/** `C:/…`, or `//server/share/…` for a folder of another machine. */
function windowsNormal(path: string): string {
  const slashed = path.replaceAll('\\', '/');
  if (slashed.startsWith('//')) return `/${normal(slashed)}`;
  const [, drive = '', rest = ''] = /^([A-Za-z]:)?(.*)$/s.exec(slashed) ?? [];
  return `${drive.toUpperCase()}${normal(rest)}`;
}

function socketFolderOf(home: string, environment: Environment): string {
  const socket = `${home}/ipc.sock`;
  // A UTF-16 unit is at most three bytes; to count them loads Buffer, 0.1 ms.
  if (socket.length * 3 <= MAX_SOCKET_BYTES || Buffer.byteLength(socket) <= MAX_SOCKET_BYTES) return home;
  return `/tmp/ipc-${environment.uid ?? 0}-${digest(home)}`;
}

function digest(text: string): string {
  return new Bun.CryptoHasher('sha256').update(text).digest('hex').slice(0, 16);
}
