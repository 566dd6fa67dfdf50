/** Proofs that prove nothing: tokens that are nearly right, deliveries changed after they were signed. */
import { createHmac } from 'node:crypto';
import type { Chance } from '../chance.ts';
import { word } from '../hostile.ts';
import { type Headers, JSON_TYPE, oneLine, request } from './request.ts';

export interface Hook {
  readonly name: string;
  readonly scheme: string;
  readonly secret: string;
}

/** A few of its bits are others, or all. */
export function wrongToken(random: Chance, sound: string): string {
  const at = random.below(sound.length);
  return random.pick([
    () => sound.slice(0, -1),
    () => `${sound}x`,
    () => `${sound.slice(0, at)}${sound[at] === 'x' ? 'y' : 'x'}${sound.slice(at + 1)}`,
    () => `ipc_${word(random)}`,
    () => '__proto__',
    () => '',
    () => `${sound} ${sound}`,
    () => 'x'.repeat(random.below(9_000)),
  ])();
}

/** A delivery whose signature, time, body or id was changed after it was signed, or that never was. */
export function wrongDelivery(random: Chance, { name, scheme, secret }: Hook): Buffer {
  const sound = JSON.stringify({ action: 'opened', text: word(random), number: random.below(1_000) });
  const path = `/hooks/${name}`;
  const seconds = Math.floor(Date.now() / 1_000);
  const wrong = random.pick(['secret', 'body', 'time', 'none', 'garbage', 'empty']);
  const key = wrong === 'secret' ? `${secret}x` : secret;
  const body = wrong === 'body' ? `${sound} ` : sound;
  const time = String(wrong === 'time' ? seconds - random.pick([301, 86_400, -301, 10 ** 9]) : seconds);
  const signed = (text: string, by: string | Buffer, as: 'hex' | 'base64'): string => {
    if (wrong === 'garbage') return oneLine(word(random));
    if (wrong === 'empty') return '';
    return createHmac('sha256', by).update(text).digest(as);
  };
  const said: Record<string, () => Headers> = {
    github: () => [
      // Its time is not signed: that mistake is one of the signature here.
      [
        'x-hub-signature-256',
        `sha256=${wrong === 'time' ? signed(`${sound}x`, key, 'hex') : signed(sound, key, 'hex')}`,
      ],
      ['x-github-delivery', oneLine(word(random))],
      ['x-github-event', 'push'],
    ],
    standard: () => {
      const id = `msg_${random.below(1_000_000)}`;
      const raw = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
      const by = wrong === 'secret' ? Buffer.concat([raw, Buffer.of(1)]) : raw;
      return [
        ['webhook-id', id],
        ['webhook-timestamp', time],
        ['webhook-signature', `v1,${signed(`${id}.${time}.${sound}`, by, 'base64')}`],
      ];
    },
    bearer: () => [['authorization', `Bearer ${oneLine(wrongToken(random, secret))}`]],
  };
  const proof = wrong === 'none' ? [] : (said[scheme]?.() ?? []);
  return request({ path, headers: [JSON_TYPE, ...proof], body });
}
