/** The first 64 bytes of a ZMTP connection and the NULL handshake's READY. */
import { Violation } from './frame.ts';

export const GREETING_BYTES = 64;

export type SocketType = 'DEALER' | 'SUB' | 'REQ' | 'ROUTER' | 'PUB' | 'XPUB' | 'REP';

/** Who may talk to whom (rfc 23 §3.3); another pair is a wrong port. */
const partners: Readonly<Record<SocketType, readonly string[]>> = {
  DEALER: ['ROUTER', 'DEALER', 'REP'],
  SUB: ['PUB', 'XPUB'],
  REQ: ['REP', 'ROUTER'],
  ROUTER: ['DEALER', 'REQ', 'ROUTER'],
  PUB: ['SUB', 'XSUB'],
  XPUB: ['SUB', 'XSUB'],
  REP: ['REQ', 'DEALER'],
};

export function greeting(): Buffer {
  const bytes = Buffer.alloc(GREETING_BYTES);
  bytes[0] = 0xff;
  bytes[9] = 0x7f;
  bytes[10] = 3;
  bytes[11] = 1;
  bytes.write('NULL', 12, 'latin1');
  return bytes;
}

/** Looks at what has come so far, so that a stranger is known by its first byte, not by a timeout. */
export function checkGreeting(bytes: Buffer): void {
  if (bytes.length > 0 && bytes[0] !== 0xff) throw new Violation(stranger(bytes));
  if (bytes.length > 9 && (bytes[9] ?? 0) !== 0x7f) throw new Violation('no ZMTP signature');
  if (bytes.length > 10 && (bytes[10] ?? 0) < 3) throw new Violation(`ZMTP ${bytes[10]}; wanted 3`);
  if (bytes.length < 32) return;
  const mechanism = bytes.toString('latin1', 12, 32).replace(/\0+$/, '');
  if (mechanism !== 'NULL') throw new Violation(`the mechanism ${JSON.stringify(mechanism)}; wanted NULL`);
}

function stranger(bytes: Buffer): string {
  const text = bytes.toString('latin1', 0, 8);
  if (text.startsWith('HTTP')) return 'HTTP, not ZMTP';
  if (text.startsWith('SSH-')) return 'SSH, not ZMTP';
  return 'something that is not ZMTP';
}

export function readyBody(type: SocketType, identity: string): Buffer {
  const properties = [property('Socket-Type', type)];
  if (type === 'DEALER' || type === 'REQ' || type === 'ROUTER')
    properties.push(property('Identity', identity));
  return Buffer.concat(properties);
}

export interface Ready {
  readonly type: string;
  readonly identity: Buffer;
}

export function readReady(body: Buffer, own: SocketType): Ready {
  let type = '';
  let identity: Buffer = Buffer.alloc(0);
  let at = 0;
  while (at < body.length) {
    const nameEnd = at + 1 + (body[at] ?? 0);
    if (nameEnd + 4 > body.length) throw new Violation('a READY that ends too early');
    const valueEnd = nameEnd + 4 + body.readUInt32BE(nameEnd);
    if (valueEnd > body.length) throw new Violation('a READY that ends too early');
    const name = body.toString('latin1', at + 1, nameEnd).toLowerCase();
    const value = body.subarray(nameEnd + 4, valueEnd);
    if (name === 'socket-type') type = value.toString('latin1');
    if (name === 'identity') identity = value;
    at = valueEnd;
  }
  if (!partners[own].includes(type)) throw new Violation(`a ${type || 'nameless'} socket for our ${own}`);
  return { type, identity };
}

function property(name: string, value: string): Buffer {
  const head = Buffer.from(`${String.fromCodePoint(name.length)}${name}`, 'latin1');
  const length = Buffer.alloc(4);
  const text = Buffer.from(value, 'latin1');
  length.writeUInt32BE(text.length);
  return Buffer.concat([head, length, text]);
}
