/**
 * A check is confirmed when its answer was written, not when it was made (design §2): what is promised
 * here for a request runs after the transport has sent the response to it, and not at all when that
 * failed or the request was cancelled.
 */
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { isJSONRPCResultResponse, type RequestId } from '@modelcontextprotocol/sdk/types.js';

export interface HandOvers {
  /** The same transport, watched. */
  over(transport: Transport): Transport;
  /** `confirm` runs once the answer to this request is with the client. */
  promise(request: RequestId, confirm: () => Promise<void>): void;
  forget(request: RequestId): void;
  /** A request is being worked on until its answer was written or it was given up. */
  begun(request: RequestId): () => void;
  drained(): Promise<void>;
  /** What was answered is confirmed too: a reply finds the message it answers handed. */
  confirmed(): Promise<void>;
}

export function confirming(): HandOvers {
  const promised = new Map<RequestId, () => Promise<void>>();
  const underWay = new Set<Promise<void>>();
  const handing = new Set<Promise<void>>();
  const answering = new Map<RequestId, () => void>();

  const track = (work: Promise<void>, among: Set<Promise<void>>): void => {
    const settled = work.catch(() => undefined).finally(() => among.delete(settled));
    among.add(settled);
  };

  return {
    over: (transport) => {
      const send = transport.send.bind(transport);
      transport.send = async (message, options) => {
        const id = 'id' in message && !('method' in message) ? message.id : undefined;
        const confirm = id === undefined ? undefined : promised.get(id);
        if (id !== undefined) promised.delete(id);
        try {
          const sent = send(message, options);
          if (confirm !== undefined && isJSONRPCResultResponse(message)) track(sent.then(confirm), handing);
          await sent;
        } finally {
          if (id !== undefined) answering.get(id)?.();
        }
      };
      return transport;
    },
    promise: (request, confirm) => void promised.set(request, confirm),
    forget: (request) => void promised.delete(request),
    begun: (request) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      const done = (): void => {
        answering.delete(request);
        resolve();
      };
      answering.set(request, done);
      track(promise, underWay);
      return done;
    },
    drained: async () => {
      while (underWay.size + handing.size > 0) await Promise.all([...underWay, ...handing]);
    },
    confirmed: async () => {
      await Promise.all(handing);
    },
  };
}
