/** The pattern that the cold path reads ids with says the same as the table's. */
import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { isMessageId, messageIdOf } from '../../src/protocol/message-id.ts';
import { MessageId } from '../../src/protocol/model.ts';
import { thrownBy } from '../support/thrown.ts';

describe('the id of a message', () => {
  test('is told from other words as the table tells it', () => {
    const words = ['last', '', '01a1fccf', `${crypto.randomUUID()}\n`, ` ${crypto.randomUUID()}`];
    for (const word of words) {
      expect(isMessageId(word)).toBe(false);
      expect(MessageId.safeParse(word).success).toBe(false);
    }
    fc.assert(
      fc.property(fc.uuid(), fc.boolean(), (id, upper) => {
        const written = upper ? id.toUpperCase() : id;
        expect(messageIdOf(written)).toBe(MessageId.parse(written));
      }),
    );
  });

  test('that is none is refused in the words of who asked', () => {
    expect(thrownBy(() => messageIdOf('last'))).toMatchObject({ code: 'invalid' });
    expect(thrownBy(() => messageIdOf('last', 'no_such_message'))).toMatchObject({ code: 'no_such_message' });
  });
});
