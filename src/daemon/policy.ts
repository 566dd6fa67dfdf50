/** The configuration in the words of the core. */
import { defaultPolicy, type Policy } from '../core/policy.ts';
import type { Config } from '../system/config.ts';

const DAY_MS = 86_400_000;

export function policyOf(config: Config): Policy {
  return {
    ...defaultPolicy,
    unbornMs: config.unbornDays * DAY_MS,
    retentionMs: config.retentionDays * DAY_MS,
    keepNewest: config.keepNewest === 0 ? null : config.keepNewest,
    autoNamedMs: config.autoNamedDays * DAY_MS,
    quotas: {
      mailbox: config['quotas.mailbox'],
      unbornMailbox: config['quotas.unbornMailbox'],
      unbornNames: config['quotas.unbornNames'],
    },
    guard: {
      ratePerMinute: config['guard.ratePerMinute'],
      burst: config['guard.burst'],
      repeatMs: config['guard.repeatSeconds'] * 1_000,
      depth: config['guard.depth'],
      fanOut: config['guard.fanOut'],
    },
  };
}
