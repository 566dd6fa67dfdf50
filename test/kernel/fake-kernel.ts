/**
 * A kernel's far end for what no real one does on command: it lies, stays silent, sends giants. It
 * speaks the product's own wire code, whose truth the tests against real kernels prove.
 */
import { channelNames, type ChannelName, type ConnectionInfo } from '../../src/kernel/connection-info.ts';
import {
  decodeMessage,
  encodeMessage,
  type Facts,
  type JupyterMessage,
  signerOf,
} from '../../src/kernel/message.ts';
import { messageChunks } from '../../src/kernel/zmtp/frame.ts';
import type { SocketType } from '../../src/kernel/zmtp/greeting.ts';
import { Peer } from '../../src/kernel/zmtp/peer.ts';

const sockets: Readonly<Record<ChannelName, SocketType>> = {
  shell: 'ROUTER',
  control: 'ROUTER',
  stdin: 'ROUTER',
  iopub: 'PUB',
  hb: 'REP',
};

export interface Request {
  readonly channel: ChannelName;
  readonly message: JupyterMessage;
  readonly identity: string;
  reply(content: Facts, as?: Saying): void;
  publish(type: string, content: Facts, as?: Saying): void;
}

/** How a message is to lie. */
export interface Saying {
  readonly key?: string;
  readonly parent?: Facts;
  readonly type?: string;
  readonly on?: ChannelName;
}

export interface FakeKernel extends Disposable {
  readonly info: ConnectionInfo;
  readonly identities: Record<ChannelName, string[]>;
  readonly requests: Request[];
  /** Sends raw bytes to everybody on a channel. */
  raw(channel: ChannelName, chunks: readonly Uint8Array[]): void;
  cut(channel: ChannelName): void;
}

interface Client {
  readonly peer: Peer;
  readonly send: (chunks: readonly Uint8Array[]) => void;
  readonly end: () => void;
}

export interface FakeOptions {
  readonly on: (request: Request) => void;
  readonly heart?: 'beats' | 'silent';
}

export function fakeKernel({ on, heart = 'beats' }: FakeOptions): FakeKernel {
  const key = 'fake-kernel-key';
  const clients: Record<ChannelName, Set<Client>> = {
    shell: new Set(),
    iopub: new Set(),
    stdin: new Set(),
    control: new Set(),
    hb: new Set(),
  };
  const identities: FakeKernel['identities'] = { shell: [], iopub: [], stdin: [], control: [], hb: [] };
  const requests: Request[] = [];
  let count = 0;
  const servers = channelNames.map((channel) =>
    Bun.listen<{ client: Client | undefined; identity: Buffer }>({
      hostname: '127.0.0.1',
      port: 0,
      socket: {
        open(socket) {
          const waiting: Uint8Array[] = [];
          const flush = () => {
            for (let [chunk] = waiting; chunk !== undefined; [chunk] = waiting) {
              const written = Math.max(0, socket.write(chunk));
              if (written < chunk.length) {
                waiting[0] = chunk.subarray(written);
                return;
              }
              waiting.shift();
            }
          };
          const send = (chunks: readonly Uint8Array[]) => {
            waiting.push(...chunks);
            flush();
          };
          const client: Client & { flush: () => void } = {
            send,
            flush,
            end: () => socket.terminate(),
            peer: new Peer(
              { type: sockets[channel] },
              {
                send,
                dropped: () => undefined,
                ready: ({ identity }) => {
                  socket.data.identity = identity;
                  identities[channel].push(identity.toString('latin1'));
                  clients[channel].add(client);
                },
                message: (frames) => {
                  if (channel === 'hb') {
                    if (heart === 'beats') send(messageChunks(frames));
                  } else if (channel !== 'iopub') arrived(channel, client, frames);
                },
              },
            ),
          };
          socket.data = { client, identity: Buffer.alloc(0) };
          client.peer.begin();
        },
        data: (socket, chunk) => socket.data.client?.peer.receive(chunk),
        drain: (socket) => (socket.data.client as (Client & { flush: () => void }) | undefined)?.flush(),
        close: (socket) => {
          if (socket.data.client !== undefined) clients[channel].delete(socket.data.client);
        },
      },
    }),
  );
  const ports = Object.fromEntries(channelNames.map((name, at) => [name, servers[at]?.port ?? 0]));
  const info: ConnectionInfo = {
    transport: 'tcp',
    ip: '127.0.0.1',
    ports: ports as Record<ChannelName, number>,
    key,
    signatureScheme: 'hmac-sha256',
    kernelName: 'fake',
  };

  const encode = (type: string, content: Facts, parent: Facts, signedWith = key) => {
    count += 1;
    const header = {
      msg_id: `fake-${count}`,
      msg_type: type,
      session: 'the-fake',
      username: 'fake',
      version: '5.3',
    };
    const signer = signerOf({ key: signedWith, signatureScheme: 'hmac-sha256' });
    return messageChunks(encodeMessage(signer, { header, parent, content }));
  };

  function arrived(channel: ChannelName, client: Client, frames: readonly Buffer[]): void {
    const decoded = decodeMessage(signerOf(info), frames);
    if (decoded.kind !== 'message') return;
    const { message } = decoded;
    const parentOf = (as: Saying | undefined) => as?.parent ?? message.rawHeader;
    const request: Request = {
      channel,
      message,
      identity: identities[channel].at(-1) ?? '',
      reply: (content, as) => {
        const type = as?.type ?? message.header.msg_type.replace(/_request$/, '_reply');
        const chunks = encode(type, content, parentOf(as), as?.key);
        if (as?.on === undefined) client.send(chunks);
        else for (const other of clients[as.on]) other.send(chunks);
      },
      publish: (type, content, as) => {
        for (const listener of clients.iopub) listener.send(encode(type, content, parentOf(as), as?.key));
      },
    };
    requests.push(request);
    on(request);
  }

  return {
    info,
    identities,
    requests,
    raw: (channel, chunks) => {
      for (const client of clients[channel]) client.send(chunks);
    },
    cut: (channel) => {
      for (const client of clients[channel]) client.end();
    },
    [Symbol.dispose]: () => {
      for (const server of servers) server.stop(true);
    },
  };
}

/** As a well-behaved kernel would answer: the lies come on top. */
export function honest(request: Request): void {
  request.publish('status', { execution_state: 'busy' });
  switch (request.message.header.msg_type) {
    case 'kernel_info_request':
      request.reply({
        status: 'ok',
        implementation: 'fake',
        language_info: { name: 'fake' },
        protocol_version: '5.3',
      });
      break;
    case 'execute_request':
      request.publish('execute_input', { code: request.message.content['code'], execution_count: 1 });
      request.publish('stream', { name: 'stdout', text: `ran ${String(request.message.content['code'])}` });
      request.reply({ status: 'ok', execution_count: 1 });
      break;
    default:
  }
  request.publish('status', { execution_state: 'idle' });
}
