/**
 * A model that answers by a script and remembers what it was asked: a test says "when what is new in a request
 * contains X, call this tool, then say that". It knows nothing of any vendor's wire; the servers beside it
 * translate. What they hand over is what entered the model: nothing else counts as shown.
 */
import { until } from '../support/until.ts';

export interface Asked {
  /** What the request adds to the conversation: everything after the model's last turn. */
  readonly fresh: string;
  /** The whole request, with system prompt and earlier turns. */
  readonly whole: string;
  readonly tools: readonly string[];
}

export type Answer =
  | { readonly kind: 'say'; readonly text: string }
  | { readonly kind: 'call'; readonly tool: string; readonly input: Readonly<Record<string, unknown>> };

type Step = (asked: Asked) => Answer | Promise<Answer>;

interface Rule {
  readonly pattern: string;
  readonly steps: readonly Step[];
}

export interface ScriptedModel {
  /** The requests of the conversation, in order; side requests (titles, summaries) are not among them. */
  readonly asked: readonly Asked[];
  /**
   * The first request whose new content contains `pattern` gets the first step, the request after that
   * the second, until they run out. A pattern with steps left is used once.
   */
  when(pattern: string, ...steps: readonly Step[]): void;
  answer(asked: Asked): Promise<Answer>;
  /** Waits until a request brings this as new content; returns it. */
  sees(text: string, within?: number): Promise<Asked>;
  /** How often this entered the model: counted in what each request added. */
  timesShown(text: string): number;
}

export const say =
  (text: string): Step =>
  () => ({ kind: 'say', text });

export const call =
  (tool: string, input: Readonly<Record<string, unknown>>): Step =>
  (asked) => {
    const named = asked.tools.find((name) => name === tool || name.endsWith(`__${tool}`));
    // Said in the conversation too: a test that waits for the result then fails with the reason in the record.
    if (named === undefined) return { kind: 'say', text: `NO TOOL ${tool} among ${asked.tools.join(' ')}` };
    return { kind: 'call', tool: named, input };
  };

export function scriptedModel(): ScriptedModel {
  const asked: Asked[] = [];
  const rules: Rule[] = [];
  let pending: readonly Step[] = [];

  const next = (request: Asked): Step => {
    if (pending.length === 0) {
      const found = rules.findIndex((rule) => request.fresh.includes(rule.pattern));
      if (found !== -1) pending = rules.splice(found, 1)[0]?.steps ?? [];
    }
    const [step, ...rest] = pending;
    pending = rest;
    return step ?? say('Noted.');
  };

  const sees = async (text: string, within = 20_000): Promise<Asked> => {
    const look = (): Asked | undefined => asked.find((request) => request.fresh.includes(text));
    await until(() => look() !== undefined, `the model to be shown ${JSON.stringify(text)}`, within).catch(
      (error: unknown) => {
        const seen = asked.map((request, at) => `--- request ${at + 1}\n${request.fresh}`).join('\n');
        throw new Error(`${String(error)}; it was shown:\n${seen}`);
      },
    );
    const found = look();
    if (found === undefined) throw new Error('requests do not disappear');
    return found;
  };

  return {
    asked,
    when: (pattern, ...steps) => {
      rules.push({ pattern, steps });
    },
    answer: async (request) => {
      asked.push(request);
      return next(request)(request);
    },
    sees,
    timesShown: (text) => asked.reduce((sum, request) => sum + request.fresh.split(text).length - 1, 0),
  };
}
