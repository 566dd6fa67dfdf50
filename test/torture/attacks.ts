/** Every attack, in the order in which `scripts/torture` runs them. */
import type { Attack } from './attack.ts';
import { clientKill } from './client/client-kill.ts';
import { crowd } from './socket/connections.ts';
import { damage } from './disk/damage.ts';
import { fenceFuzz } from './mcp/fence-fuzz.ts';
import { fuzz } from './socket/fuzz.ts';
import { handOver } from './daemon/hand-over.ts';
import { httpFuzz } from './http/fuzz.ts';
import { ioFaults } from './disk/io-faults.ts';
import { kernelLies } from './kernel/kernel-lies.ts';
import { kill } from './daemon/kill.ts';
import { longLife } from './life/long-life.ts';
import { loopStorm } from './storms/loop-storm.ts';
import { mcpFuzz } from './mcp/fuzz.ts';
import { power } from './disk/power.ts';
import { wireFuzz } from './kernel/wire-fuzz.ts';

export const attacks: readonly Attack[] = [
  fuzz,
  httpFuzz,
  mcpFuzz,
  damage,
  clientKill,
  kill,
  loopStorm,
  longLife,
  handOver,
  wireFuzz,
  kernelLies,
  crowd,
  ioFaults,
  power,
  fenceFuzz,
];
