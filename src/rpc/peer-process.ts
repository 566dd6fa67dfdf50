/** Who is at the other end of a Unix socket, as the kernel saw it connect. The daemon's only. */
import { dlopen, FFIType, ptr } from 'bun:ffi';

export interface PeerProcess {
  readonly user: number;
  /** 0 where the system does not say. */
  readonly pid: number;
}

type Ask = (fd: number) => PeerProcess | undefined;

let ask: Ask | undefined;

/** Undefined when the system does not say; the socket's mode and folder guard it all the same. */
export function peerProcess(socket: object): PeerProcess | undefined {
  // Bun's socket has it, its types have not (design §3.2).
  const fd = 'fd' in socket && typeof socket.fd === 'number' ? socket.fd : -1;
  if (fd < 0) return undefined;
  ask ??= asker();
  return ask(fd);
}

function asker(): Ask {
  try {
    if (process.platform === 'linux') return linuxAsker();
    if (process.platform === 'darwin') return darwinAsker();
  } catch {
    // A libc of another name: nothing to ask.
  }
  return () => undefined;
}

const SOL_SOCKET = 1;
const SO_PEERCRED = 17;

function linuxAsker(): Ask {
  const { symbols } = openLibc();
  // Asked for every connection, in a storm of them too: the room for the answer is made once.
  const credentials = new Int32Array(3); // struct ucred { pid, uid, gid }
  const length = new Uint32Array([credentials.byteLength]);
  const [to, size] = [ptr(credentials), ptr(length)];
  return (fd) => {
    const failed = symbols.getsockopt(fd, SOL_SOCKET, SO_PEERCRED, to, size);
    return failed === 0 ? { pid: credentials[0] ?? 0, user: (credentials[1] ?? 0) >>> 0 } : undefined;
  };
}

function openLibc() {
  const getsockopt = {
    args: [FFIType.i32, FFIType.i32, FFIType.i32, FFIType.ptr, FFIType.ptr],
    returns: FFIType.i32,
  } as const;
  try {
    return dlopen('libc.so.6', { getsockopt });
  } catch {
    return dlopen(`libc.musl-${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}.so.1`, { getsockopt });
  }
}

function darwinAsker(): Ask {
  const { symbols } = dlopen('libSystem.B.dylib', {
    getpeereid: { args: [FFIType.i32, FFIType.ptr, FFIType.ptr], returns: FFIType.i32 },
  });
  return (fd) => {
    const user = new Uint32Array(1);
    const group = new Uint32Array(1);
    return symbols.getpeereid(fd, ptr(user), ptr(group)) === 0 ? { user: user[0] ?? 0, pid: 0 } : undefined;
  };
}
