import { describe, expect, test } from 'bun:test';
import { verdict } from '../../src/doors/monitor.ts';
import type { AgentView } from '../../src/protocol/model.ts';
import { message } from '../present/message.ts';

const agent = (parts: Partial<AgentView>): AgentView => ({
  name: 'ann',
  kind: 'agent',
  presence: 'idle',
  you: true,
  doors: ['monitor', 'tool'],
  confirmedDoors: [],
  sessions: [],
  waiting: 1,
  held: 0,
  forwards: [],
  topics: [],
  ...parts,
});

const came = (age: number, parts = {}) => ({ message: message(parts), unread: true, age });

describe('a monitor’s line', () => {
  test('wakes an idle session at once when nothing else does', () => {
    expect(verdict(came(0), agent({}))).toBe('line');
  });

  test('is not shown of what was read, or shown before', () => {
    expect(verdict({ ...came(0), unread: false }, agent({}))).toBe('drop');
    expect(verdict(came(0, { offeredBy: ['monitor'] }), agent({}))).toBe('drop');
  });

  test('is silent beside a channel that is known to work', () => {
    const doors = ['channel', 'monitor'] as const;
    expect(verdict(came(60_000), agent({ doors: [...doors], confirmedDoors: ['channel'] }))).toBe('drop');
  });

  test('beside a channel never seen to work is bare, after five seconds', () => {
    const unproven = agent({ doors: ['channel', 'monitor'] });
    expect(verdict(came(4_999), unproven)).toBe('wait');
    expect(verdict(came(5_000), unproven)).toBe('bare');
  });

  test('leaves what comes during a turn to the hooks, but not for ever', () => {
    const working = agent({ presence: 'online', doors: ['hook', 'monitor'] });
    expect(verdict(came(60_000), working)).toBe('wait');
    expect(verdict(came(120_000), working)).toBe('line');
    expect(verdict(came(0), agent({ presence: 'online' }))).toBe('line');
  });
});
