/**
 * The process table of Windows, asked of the system's own libraries: to start a program for each question
 * would cost more than the command that asks. What calls libraries is loaded with the first question.
 */
import type { ProcessFacts } from './processes.ts';

const QUERY_LIMITED = 0x1000;
const STILL_ACTIVE = 259;
/** Of PROCESS_BASIC_INFORMATION on 64 bits: six words, the last the parent's pid. */
const BASIC_BYTES = 48;
const PARENT_AT = 40;
const COMMAND_LINE_CLASS = 60;
/** The longest command line there can be, in UTF-16, and the header before it. */
const COMMAND_LINE_BYTES = 65_536 + 16;

type System = ReturnType<typeof openSystem>;

let opened: System | undefined;

function openSystem() {
  const { dlopen, FFIType, ptr } = import.meta.require('bun:ffi') as typeof import('bun:ffi');
  const { u32, i32, u64, ptr: pointer } = FFIType;
  const kernel = dlopen('kernel32.dll', {
    OpenProcess: { args: [u32, i32, u32], returns: u64 },
    CloseHandle: { args: [u64], returns: i32 },
    GetExitCodeProcess: { args: [u64, pointer], returns: i32 },
    GetProcessTimes: { args: [u64, pointer, pointer, pointer, pointer], returns: i32 },
    QueryFullProcessImageNameW: { args: [u64, u32, pointer, pointer], returns: i32 },
    GetConsoleWindow: { args: [], returns: u64 },
  }).symbols;
  const native = dlopen('ntdll.dll', {
    NtQueryInformationProcess: { args: [u64, u32, pointer, u32, pointer], returns: i32 },
  }).symbols;
  return { kernel, native, ptr };
}

/** Undefined where the runtime cannot call libraries: then no process is known, and nobody is taken for another. */
function system(): System | undefined {
  try {
    opened ??= openSystem();
  } catch {
    return undefined;
  }
  return opened;
}

/** Undefined: there is none, or it has ended. */
export function windowsProcessFacts(pid: number): ProcessFacts | undefined {
  return withProcess(pid, (found) => {
    const born = creationTime(found);
    if (born === undefined) return undefined;
    return {
      pid,
      parent: parentOf(found, born),
      // No sessions as Unix has them: a command's shell is its parent.
      session: 0,
      // Only a process itself can tell; nobody asks it of another.
      terminal: pid === process.pid && found.kernel.GetConsoleWindow() !== 0n,
      name: programName(found),
      // In steps of 100 ns since 1601: no other process of that pid has it, in no boot.
      startedAt: String(born),
    };
  });
}

/** The words with which a process was started; empty when they cannot be told. */
export function windowsCommandWords(pid: number): readonly string[] {
  const buffer = new Uint8Array(COMMAND_LINE_BYTES);
  const failed = withProcess(pid, ({ handle, native, ptr }) =>
    native.NtQueryInformationProcess(
      handle,
      COMMAND_LINE_CLASS,
      ptr(buffer),
      buffer.length,
      ptr(new Uint32Array(1)),
    ),
  );
  if (failed !== 0) return [];
  // A UNICODE_STRING: its length in bytes, then, behind 16 bytes, the text it points to.
  const length = new DataView(buffer.buffer).getUint16(0, true);
  return wordsOf(textOf(buffer.subarray(16, 16 + length)));
}

/** As C programs read their command line: spaces part words, quotes keep them together. */
function wordsOf(line: string): readonly string[] {
  const words = line.match(/(?:[^\s"]|"[^"]*"?)+/g) ?? [];
  return words.map((word) => word.replaceAll('"', ''));
}

function textOf(utf16: Uint8Array | Uint16Array): string {
  return new TextDecoder('utf-16le').decode(utf16);
}

interface Found extends System {
  readonly handle: bigint;
}

function withProcess<T>(pid: number, work: (found: Found) => T): T | undefined {
  const its = system();
  if (its === undefined) return undefined;
  const { kernel, ptr } = its;
  const handle = kernel.OpenProcess(QUERY_LIMITED, 0, pid);
  if (handle === 0n) return undefined;
  try {
    // Somebody may keep the handle of one that has ended.
    const exit = new Uint32Array(1);
    if (kernel.GetExitCodeProcess(handle, ptr(exit)) === 0 || exit[0] !== STILL_ACTIVE) return undefined;
    return work({ ...its, handle });
  } finally {
    kernel.CloseHandle(handle);
  }
}

function creationTime({ handle, kernel, ptr }: Found): bigint | undefined {
  const times = new BigUint64Array(4);
  const at = (index: number) => ptr(times, index * 8);
  if (kernel.GetProcessTimes(handle, at(0), at(1), at(2), at(3)) === 0) return undefined;
  return times[0];
}

/** 0 when it is gone: its pid may be another's by now, one that was born after its child. */
function parentOf({ handle, native, ptr }: Found, born: bigint): number {
  const basic = new Uint8Array(BASIC_BYTES);
  const length = ptr(new Uint32Array(1));
  if (native.NtQueryInformationProcess(handle, 0, ptr(basic), BASIC_BYTES, length) !== 0) return 0;
  const parent = new DataView(basic.buffer).getUint32(PARENT_AT, true);
  const its = withProcess(parent, creationTime);
  return its === undefined || its > born ? 0 : parent;
}

/** As programs are known elsewhere: `claude`, not `C:\…\Claude.exe`. */
function programName({ handle, kernel, ptr }: Found): string {
  const path = new Uint16Array(1_024);
  const length = new Uint32Array([path.length]);
  if (kernel.QueryFullProcessImageNameW(handle, 0, ptr(path), ptr(length)) === 0) return '';
  const text = textOf(path.subarray(0, length[0] ?? 0));
  return (text.split('\\').at(-1) ?? text).replace(/\.exe$/i, '').toLowerCase();
}
