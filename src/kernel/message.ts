/**
 * Jupyter's messages as bytes (jupyter-client docs, "The wire protocol"): signed over the exact bytes,
 * compared in constant time, and believed only when they have the shape they should.
 */
import { timingSafeEqual } from 'node:crypto';
import { type ConnectionInfo, type Scheme, schemeOf } from './connection-info.ts';

export type Facts = Readonly<Record<string, unknown>>;

export interface Header {
  readonly msg_id: string;
  readonly msg_type: string;
  readonly session: string;
  readonly username: string;
}

export interface JupyterMessage {
  readonly header: Header;
  /** Undefined: nobody's request led to it (`iopub_welcome`, a kernel's own start). */
  readonly parent: Header | undefined;
  /** As the kernel wrote it: an `input_reply` repeats the request's, byte for byte what matters. */
  readonly rawHeader: Facts;
  readonly metadata: Facts;
  readonly content: Facts;
  readonly buffers: readonly Buffer[];
}

export interface Outgoing {
  readonly header: Facts;
  readonly parent?: Facts;
  readonly metadata?: Facts;
  readonly content: Facts;
}

/** ipykernel 7.2 still answers 5.3, and every kernel tried takes it (kernels.md §3). */
export const PROTOCOL_VERSION = '5.3';

const DELIMITER = Buffer.from('<IDS|MSG>');

export interface Signer {
  readonly sign: (parts: readonly Uint8Array[]) => string;
  readonly proven: (signature: Buffer, parts: readonly Uint8Array[]) => boolean;
}

export function signerOf({ key, signatureScheme }: Pick<ConnectionInfo, 'key' | 'signatureScheme'>): Signer {
  // No key means no signature, by the protocol; whoever reaches the port may then run code.
  if (key === '') return { sign: () => '', proven: () => true };
  const scheme: Scheme = schemeOf(signatureScheme);
  const sign = (parts: readonly Uint8Array[]) => {
    const hasher = new Bun.CryptoHasher(scheme, key);
    for (const part of parts) hasher.update(part);
    return hasher.digest('hex');
  };
  return {
    sign,
    proven: (signature, parts) => {
      const expected = Buffer.from(sign(parts));
      return signature.length === expected.length && timingSafeEqual(signature, expected);
    },
  };
}

export function encodeMessage(signer: Signer, message: Outgoing): readonly Uint8Array[] {
  const { header, parent = {}, metadata = {}, content } = message;
  const parts = [header, parent, metadata, content].map((each) => Buffer.from(JSON.stringify(each)));
  return [DELIMITER, Buffer.from(signer.sign(parts)), ...parts];
}

export type Decoded =
  | { readonly kind: 'message'; readonly message: JupyterMessage }
  | { readonly kind: 'refused'; readonly reason: 'shape' | 'signature' };

export function decodeMessage(signer: Signer, frames: readonly Buffer[]): Decoded {
  const at = frames.findIndex((frame) => frame.equals(DELIMITER));
  const [, signature, header, parent, metadata, content, ...buffers] = at < 0 ? [] : frames.slice(at);
  if (signature === undefined || header === undefined || parent === undefined) return refused('shape');
  if (metadata === undefined || content === undefined) return refused('shape');
  if (!signer.proven(signature, [header, parent, metadata, content])) return refused('signature');
  const rawHeader = factsIn(header);
  const own = rawHeader === undefined ? undefined : headerOf(rawHeader);
  const facts = factsIn(content);
  if (rawHeader === undefined || own === undefined || facts === undefined) return refused('shape');
  const message: JupyterMessage = {
    header: own,
    parent: headerOf(factsIn(parent) ?? {}),
    rawHeader,
    metadata: factsIn(metadata) ?? {},
    content: facts,
    buffers,
  };
  return { kind: 'message', message };
}

function refused(reason: 'shape' | 'signature'): Decoded {
  return { kind: 'refused', reason };
}

function factsIn(bytes: Buffer): Facts | undefined {
  try {
    return asFacts(JSON.parse(bytes.toString('utf8')));
  } catch {
    return undefined;
  }
}

function headerOf(facts: Facts): Header | undefined {
  const id = facts['msg_id'];
  const type = facts['msg_type'];
  if (typeof id !== 'string' || typeof type !== 'string' || id === '') return undefined;
  return { msg_id: id, msg_type: type, session: text(facts['session']), username: text(facts['username']) };
}

/** A kernel's word, wherever a text was promised: anything else is no text. */
export function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

export function asFacts(value: unknown): Facts | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Facts) : undefined;
}

export function factsOf(value: unknown): Facts {
  return asFacts(value) ?? {};
}

export function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
