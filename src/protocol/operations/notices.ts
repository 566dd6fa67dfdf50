/** What a person should be told by a notice of their desktop: one notifier of a home at a time. */
import { z } from 'zod';
import { Instant, MessageId } from '../model.ts';
import { operation, streaming } from './define.ts';

export const NOTICE_PREVIEW = 200;

export const notices = {
  noticed: operation({
    summary: 'Say that a notice was shown to the person',
    home: 'broker',
    caller: 'anyone',
    repeat: 'safe',
    scope: 'check',
    surfaces: [],
    failures: [],
    input: z.object({
      to: z.string().describe('recipient of the messages, as the notice named it'),
      ids: z.array(MessageId).min(1).max(1_000),
    }),
    output: z.object({ offered: z.int().nonnegative() }),
  }),
  notices: streaming({
    summary: 'What a person should be told of, for one notifier at a time; the others wait for their turn',
    home: 'broker',
    caller: 'anyone',
    repeat: 'safe',
    scope: 'check',
    surfaces: [],
    failures: [],
    input: z.object({}),
    output: z.object({
      messages: z
        .array(
          z.object({
            id: MessageId,
            to: z.string(),
            from: z.string(),
            sentAt: Instant,
            preview: z.string().describe(`the first ${NOTICE_PREVIEW} characters of the body`),
          }),
        )
        .min(1)
        .describe('what came in together: one notice'),
    }),
  }),
};
