/** Another message, passed on below the text: its words and its sender; its files the daemon passes on. */
import type { Output } from '../protocol/operations.ts';

type Past = Output<'history'>['messages'][number];

export function forwardText({ id, from, to, sentAt, body }: Past): string {
  const head = `forwarded: ${id} from ${from.name} (${from.kind}) to ${to.join(', ')}, ${sentAt}`;
  return `${head}\n\n${body}`;
}

/** The newest that somebody else sent: what "forward it" means. */
export function lastOfOthers(messages: readonly Past[]): Past | undefined {
  return messages.findLast(({ mine, from }) => !mine && from.kind !== 'system');
}
