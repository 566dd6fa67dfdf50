/** The fuzzer's frames: calls of every operation, whole and spoiled, and what is no frame at all. */
import type { Chance } from '../chance.ts';
import { encode, extreme, isAllowed, methods, parametersOf, Raw, type Cast } from './fuzz-values.ts';
import { helloParams } from '../line-client.ts';

/** What one write puts on the wire. `id`: one answer with it must come, unless the connection ends. */
export interface Shot {
  readonly bytes: Uint8Array;
  readonly id?: number;
}

/** They copy or read the whole store: now and then, not a hundred times a second. */
const HEAVY = /^store\./;

export class Arsenal {
  readonly #chance: Chance;
  readonly #cast: Cast;
  #lastId = 0;

  constructor(chance: Chance, cast: Cast) {
    this.#chance = chance;
    this.#cast = cast;
  }

  shot(): Shot {
    const kind = this.#chance.below(100);
    if (kind < 50) return this.#call();
    if (kind < 85) return this.#spoiledCall();
    if (kind < 99 || this.#chance.below(5) > 0) return this.#notice();
    return this.#hugeSend();
  }

  /** What is no frame, or a wrong one: most of it ends the connection. */
  garbage(): Shot {
    return this.#garbage();
  }

  hello(): Shot {
    const chance = this.#chance;
    const { name, key } = chance.pick(this.#cast.own);
    const victim = chance.pick(this.#cast.others);
    const honest = chance.below(4) > 0;
    const kind = chance.pick(['human', 'agent', 'script'] as const);
    const forged = chance.pick<() => unknown>([
      // A forged sender: the name of another with a key of one's own, and with none.
      () => helloParams({ name: victim, key }),
      () => ({ ...helloParams({ name: victim, key: '' }), borrowed: true }),
      () => ({ ...helloParams({ name, key }), borrowed: true }),
      () => ({ ...helloParams({}), caller: { client: 'attack', kind: 'webhook', pid: 1 } }),
      () => ({ ...helloParams({ name, key }), caller: { client: 'attack', kind: 'kernel', pid: 1 } }),
      () => ({ ...helloParams({ name, key }), nonce: 'n'.repeat(43), proof: 'p'.repeat(43) }),
      () => ({ ...helloParams({}), protocol: { min: 1, max: 99 }, version: '99.0.0' }),
      () => this.#spoil(helloParams({ name, key })),
    ]);
    const params = honest ? helloParams(chance.below(5) > 0 ? { name, key, kind } : { kind }) : forged();
    return this.#frame({ method: 'rpc.hello', params });
  }

  /** The frame after which the daemon must have said something, whatever came before. */
  last(): Shot {
    return this.#frame({ method: 'whoami', params: {} });
  }

  #call(): Shot {
    const method = this.#method();
    const params = parametersOf(method, this.#chance, this.#cast);
    return this.#frame({ method: method === 'daemon.stop' ? 'whoami' : method, params });
  }

  #method(): string {
    const method = this.#chance.pick(methods);
    return HEAVY.test(method) && this.#chance.below(2_000) > 0 ? 'whoami' : method;
  }

  #spoiledCall(): Shot {
    const chance = this.#chance;
    const method = this.#method();
    let params = this.#spoil(parametersOf(method, chance, this.#cast));
    if (method === 'daemon.stop' && isAllowed(method, JSON.parse(encode(params)))) params = 5;
    let text = encode(params);
    if (text.startsWith('{') && text.length > 2) {
      // Twice the same key, and keys that every object inherits.
      const key = chance.pick(['__proto__', 'constructor', 'id', 'to', 'from', 'name', 'hasOwnProperty']);
      if (chance.below(4) === 0 && method !== 'daemon.stop' && !/^(agent\.remove|pause)$/.test(method))
        text = `{${JSON.stringify(key)}:${encode(extreme(chance))},${text.slice(1)}`;
    }
    return this.#frame({ method, params: new Raw(text) });
  }

  #spoil(value: unknown): unknown {
    const chance = this.#chance;
    if (typeof value !== 'object' || value === null || value instanceof Raw || chance.below(8) === 0)
      return extreme(chance);
    const entries = Object.entries(value);
    if (entries.length === 0) return { [encode(extreme(chance))]: extreme(chance) };
    const [key, member] = chance.pick(entries);
    // `from` is a field of no call: the sender is stamped by the daemon.
    if (chance.below(4) === 0) return { ...value, from: chance.pick(this.#cast.others), key: 'k'.repeat(43) };
    if (Array.isArray(value)) return [...(value as unknown[]), extreme(chance)];
    if (chance.below(5) === 0) return Object.fromEntries(entries.filter(([other]) => other !== key));
    return { ...value, [key]: this.#spoil(member) };
  }

  #notice(): Shot {
    const chance = this.#chance;
    const id = chance.pick<unknown>([this.#lastId, this.#lastId - 1, 1e9, 'x', null, extreme(chance)]);
    const method = chance.pick(['rpc.cancel', 'rpc.credit', 'rpc.next', 'rpc.begin', 'rpc.secret', 'who']);
    const params = { id, count: extreme(chance), value: extreme(chance), cursor: extreme(chance) };
    const frame = chance.pick<unknown>([
      { jsonrpc: '2.0', method, params },
      { jsonrpc: '2.0', method, params: extreme(chance) },
      { jsonrpc: '2.0', id, result: extreme(chance) },
      { jsonrpc: '2.0', id: 77, error: { code: extreme(chance), message: extreme(chance), data: {} } },
    ]);
    return line(encode(frame));
  }

  #garbage(): Shot {
    const chance = this.#chance;
    const whole = encode({ jsonrpc: '2.0', id: 1, method: 'who', params: { all: true } });
    const odd = (frame: unknown): Shot => line(encode(frame));
    return chance.pick<() => Shot>([
      () => ({ bytes: Buffer.from(Array.from({ length: 1 + chance.below(400) }, () => chance.below(256))) }),
      // Cut at any boundary; what comes next is glued to it.
      () => ({ bytes: Buffer.from(whole.slice(0, chance.below(whole.length))) }),
      () => line(flipped(whole, chance)),
      () => ({ bytes: Buffer.from([0x22, 0xff, 0xfe, 0xc0, 0x80, 0x22, 0x0a]) }),
      () => ({ bytes: new Uint8Array(1 + chance.below(64)) }),
      () => line(`\ufeff${whole}`),
      () => ({ bytes: Buffer.from(`${whole.replace('1', String(this.#nextId()))}\r\n\r\n\n`) }),
      () => line('['.repeat(100_000)),
      () => line(`{"jsonrpc":"2.0","id":1,"method":"who","params":${'{"a":'.repeat(70)}1${'}'.repeat(70)}}`),
      () => line(`[${whole},${whole}]`),
      () => odd({ jsonrpc: '1.0', id: 1, method: 'who' }),
      () => odd({ id: 1, method: 'who' }),
      () => odd({ jsonrpc: '2.0', id: extreme(chance), method: 'who', params: {} }),
      () => odd({ jsonrpc: '2.0', id: 1, method: extreme(chance), params: extreme(chance) }),
      () =>
        this.#frame({ method: chance.pick(['__proto__', 'constructor', 'toString', 'rpc.', '', 'who\n']) }),
      () => this.#hugeSend(),
      () => this.hello(),
      () =>
        line(chance.pick(['null', '0', '"x"', '{}', '[]', '{', 'nul', '-', '1e999', '{"jsonrpc":"2.0"}'])),
    ])();
  }

  /** At the limit of a frame, and over it. */
  #hugeSend(): Shot {
    const chance = this.#chance;
    const { name } = chance.pick(this.#cast.own);
    const around = 1_048_576 + chance.pick([-65_536, -1, 0, 1, 65_536]);
    const params = { to: [name], body: 'x', data: '' };
    const shot = this.#frame({ method: 'send', params });
    const padding = 'x'.repeat(around - shot.bytes.length + 1);
    return this.#frame({ method: 'send', params: { ...params, data: padding } });
  }

  #frame(call: { readonly method: string; readonly params?: unknown }): Shot {
    const id = this.#nextId();
    return { ...line(encode({ jsonrpc: '2.0', id, ...call })), id };
  }

  #nextId(): number {
    this.#lastId += 1;
    return this.#lastId;
  }
}

function line(text: string): Shot {
  return { bytes: Buffer.from(`${text}\n`) };
}

function flipped(text: string, chance: Chance): string {
  const at = chance.below(text.length);
  return text.slice(0, at) + String.fromCharCode(chance.below(0x300)) + text.slice(at + 1);
}
