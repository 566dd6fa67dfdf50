/**
 * Connection files: five ports, a key, and how to reach them (jupyter-client docs, "Connection files").
 * The key runs code in the kernel: a file is private, and a key is never shown.
 */
import { chmodSync, statSync } from 'node:fs';
import { Failure } from '../protocol/failures.ts';
import { createFile, readIfThere, shellWord, writing } from '../system/files.ts';
import type { Endpoint } from './zmtp/endpoint.ts';

export const channelNames = ['shell', 'iopub', 'stdin', 'control', 'hb'] as const;
export type ChannelName = (typeof channelNames)[number];

export interface ConnectionInfo {
  readonly transport: 'tcp' | 'ipc';
  readonly ip: string;
  readonly ports: Readonly<Record<ChannelName, number>>;
  readonly key: string;
  readonly signatureScheme: string;
  readonly kernelName: string;
}

/** `hmac-<name>`: what Python's hashlib and Bun both know. */
const schemes = ['md5', 'sha1', 'sha224', 'sha256', 'sha384', 'sha512'] as const;
export type Scheme = (typeof schemes)[number];

const MAX_FILE_BYTES = 65_536;

/** A name, or an address with its zone; `*` is everywhere. */
const HOST = /^(?:[\w.:%-]{1,255}|\*)$/;
const PATH = /^\P{Cc}{1,4096}$/u;

export function readConnectionFile(path: string): ConnectionInfo {
  const text = smallFile(path);
  if (text === undefined) {
    throw new Failure('no_such_file', `wanted the connection file ${path}; there is none`, {
      hint: 'ipc kernel list',
    });
  }
  try {
    return parseConnectionInfo(text);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw notOne(path, why);
  }
}

/** Looked at before it is opened: a pipe that nobody writes to is waited for, a device read, without end. */
function smallFile(path: string): string | undefined {
  const facts = statSync(path, { throwIfNoEntry: false });
  if (facts === undefined) return undefined;
  if (!facts.isFile()) throw notOne(path, facts.isDirectory() ? 'it is a folder' : 'it is not a plain file');
  if (facts.size > MAX_FILE_BYTES) throw notOne(path, `it has ${facts.size} bytes`);
  return readIfThere(path);
}

function notOne(path: string, why: string): Failure {
  return new Failure('invalid_data', `wanted a kernel's connection file at ${path}; ${why}`, {
    hint: 'ipc kernel list',
  });
}

/** Throws an Error that says what is wrong; never one that repeats the text, which holds a key. */
export function parseConnectionInfo(text: string): ConnectionInfo {
  if (text.length > MAX_FILE_BYTES) throw new Error(`it has ${text.length} characters`);
  const json = parsed(text);
  const transport = json['transport'] ?? 'tcp';
  if (transport !== 'tcp' && transport !== 'ipc') throw new Error('its transport is neither tcp nor ipc');
  if (typeof json['curve_publickey'] === 'string') {
    throw new Error('it asks for CURVE encryption, which is not spoken here; start the kernel without it');
  }
  const signatureScheme = textOf(json, 'signature_scheme') || 'hmac-sha256';
  schemeOf(signatureScheme);
  const ip = textOf(json, 'ip') || '127.0.0.1';
  // Of `ipc` it is the beginning of a path.
  if (!(transport === 'tcp' ? HOST : PATH).test(ip)) throw new Error('its ip is no address');
  return {
    transport,
    // A kernel that listens everywhere is reached here.
    ip: ip === '*' || ip === '0.0.0.0' ? '127.0.0.1' : ip,
    ports: {
      shell: port(json, 'shell', transport),
      iopub: port(json, 'iopub', transport),
      stdin: port(json, 'stdin', transport),
      control: port(json, 'control', transport),
      hb: port(json, 'hb', transport),
    },
    key: textOf(json, 'key'),
    signatureScheme,
    kernelName: textOf(json, 'kernel_name'),
  };
}

export function schemeOf(signatureScheme: string): Scheme {
  const found = schemes.find((each) => signatureScheme === `hmac-${each}`);
  if (found === undefined) throw new Error(`its signature scheme is ${JSON.stringify(signatureScheme)}`);
  return found;
}

export function connectionText(info: ConnectionInfo): string {
  const ports = channelNames.map((name): [string, number] => [`${name}_port`, info.ports[name]]);
  const rest = {
    ip: info.ip,
    key: info.key,
    transport: info.transport,
    signature_scheme: info.signatureScheme,
    kernel_name: info.kernelName,
  };
  return `${JSON.stringify({ ...Object.fromEntries(ports), ...rest }, undefined, 2)}\n`;
}

/** Makes the file, for its owner alone; one that stands there already is somebody's kernel. */
export function writeConnectionFile(path: string, info: ConnectionInfo): void {
  if (!createFile(path, connectionText(info))) {
    throw new Failure('cannot_create', `wanted to write ${path}; another kernel's file stands there`, {
      hint: `ls -l ${shellWord(path)}`,
    });
  }
  writing(path, () => chmodSync(path, 0o600));
}

export function endpointOf(info: ConnectionInfo, channel: ChannelName): Endpoint {
  const number = info.ports[channel];
  if (info.transport === 'ipc') return { transport: 'ipc', path: `${info.ip}-${number}` };
  return { transport: 'tcp', host: info.ip, port: number };
}

function parsed(text: string): Readonly<Record<string, unknown>> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new Error('it is not JSON');
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw new Error('it is not an object');
  return json as Record<string, unknown>;
}

function textOf(json: Readonly<Record<string, unknown>>, name: string): string {
  const value = json[name] ?? '';
  if (typeof value !== 'string') throw new Error(`its ${name} is not a text`);
  return value;
}

function port(json: Readonly<Record<string, unknown>>, name: ChannelName, transport: string): number {
  const value = json[`${name}_port`];
  const highest = transport === 'tcp' ? 65_535 : Number.MAX_SAFE_INTEGER;
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 1 || value > highest) {
    throw new Error(`its ${name}_port is not a port`);
  }
  return value;
}
