/** Doors in words: what is open, what was ever proven, in `who` and in receipts (issue 3). */
import { describe, expect, test } from 'bun:test';
import type { AgentView, Door, MessageId } from '../../src/protocol/model.ts';
import type { Output } from '../../src/protocol/operations.ts';
import { agentText, whoText } from '../../src/present/people.ts';
import { receiptsText } from '../../src/present/receipt.ts';
import { plain } from '../../src/present/style.ts';

const look = { style: plain, now: Date.parse('2026-08-24T11:00:00Z'), offset: () => 0 };
const at = '2026-08-24T10:00:00.000Z';

function agent(doors: Door[], confirmedDoors: Door[]): AgentView {
  const facts = { name: 'bob', kind: 'agent', presence: 'online', you: false, waiting: 0, held: 0 } as const;
  return { ...facts, doors, confirmedDoors, sessions: [], forwards: [], topics: [] };
}

type Receipts = Output<'receipts'>['messages'][number]['receipts'];

function told(receipt: Partial<Receipts[number]>): string {
  const id = '0198f3c2-7a10-7bbb-8ccc-0123456789ab' as MessageId;
  const whole: Receipts[number] = {
    to: 'bob',
    state: 'queued',
    attempts: 0,
    doors: [],
    confirmedDoors: [],
    ...receipt,
  };
  return receiptsText(
    { id, from: 'ann', to: ['bob'], sentAt: at, firstLine: 'hello', receipts: [whole] },
    look,
  );
}

describe('who', () => {
  test('tells an open door that was never confirmed from one that was', () => {
    const view = agent(['hook', 'monitor'], ['hook', 'channel']);
    expect(whoText({ agents: [view] }, look)).toContain('hook, monitor (never confirmed)');
    const text = agentText(view, look);
    expect(text).toMatch(/push +hook, monitor \(never confirmed\)\n/);
    expect(text).toMatch(/confirmed by +hook, channel\n/);
  });

  test('says nothing of doors where there are none', () => {
    expect(agentText(agent([], []), look)).not.toMatch(/push|confirmed/);
    expect(whoText({ agents: [agent([], [])] }, look)).toMatch(/bob +agent +online +0 +- +-/);
  });
});

describe('receipts', () => {
  test('say by which doors a message that nobody took in can reach its recipient', () => {
    const offered: Partial<Receipts[number]> = { state: 'offered', offeredBy: ['monitor'], offeredAt: at };
    expect(told({ ...offered, doors: ['monitor', 'hook'], confirmedDoors: ['hook'] })).toContain(
      '    doors open: monitor (never confirmed), hook\n',
    );
    expect(told({ confirmedDoors: ['hook'] })).toContain('    no door open; confirmed before: hook\n');
    expect(told({})).toContain('    no door open, none ever confirmed\n');
  });

  test('say no more of one that was taken in by somebody who is gone since', () => {
    const handed = { state: 'handed', door: 'hook', handedAt: at, attempts: 1 } as const;
    expect(told({ ...handed, confirmedDoors: ['hook'] })).not.toContain('door');
    expect(told({ ...handed, doors: ['hook'], confirmedDoors: ['hook'] })).toContain('doors open: hook\n');
  });
});
