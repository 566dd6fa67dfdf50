/**
 * What a hook writes for its client to take up: one JSON object, of a shape that differs by client and
 * event. Codex refuses an answer with a field it does not know (schemas of 0.169.0), so nothing is
 * added on the chance that it helps.
 */
import type { HookEvent } from './hook-event.ts';

/** All a client shows the model of one hook's answer; what is longer goes to a file it may not read. */
export const CONTEXT_CHARACTERS = 10_000;

/** Whether an answer to this event reaches the model, so that a message in it may count as handed. */
export function takesContext({ client, moment }: HookEvent): boolean {
  if (moment === 'end') return false;
  if (moment !== 'prompt') return client !== 'cursor' || moment === 'stop';
  return client !== 'vscode' && client !== 'cursor';
}

export function hookAnswer(event: HookEvent, text: string): string {
  return `${JSON.stringify(answerOf(event, text))}\n`;
}

function answerOf(event: HookEvent, text: string): object {
  const { client, moment, name } = event;
  if (client === 'cursor')
    return moment === 'stop' ? { followup_message: text } : { additional_context: text };
  if (moment === 'stop') {
    switch (client) {
      case 'claude-code':
        return { hookSpecificOutput: { hookEventName: name, additionalContext: text } };
      case 'codex':
        return { decision: 'block', reason: text };
      case 'gemini-cli':
        return { decision: 'deny', reason: text };
      case 'vscode':
        return { hookSpecificOutput: { hookEventName: name, decision: 'block', reason: text } };
    }
  }
  return { hookSpecificOutput: { hookEventName: name, additionalContext: text } };
}
