/** An answer as JSON on a line of its own: what curl prints then ends where the prompt begins. */
import { jsonLine } from '../present/json.ts';

export function answer(value: unknown, status = 200): Response {
  return new Response(jsonLine(value), {
    status,
    headers: { 'content-type': 'application/json', 'cache-control': 'no-store' },
  });
}
