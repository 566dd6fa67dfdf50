/** Every attack, in the order in which `scripts/torture` runs them. */
import type { Attack } from './attack.ts';
import { clientKill } from './client-kill.ts';
import { crowd } from './connections.ts';
import { damage } from './damage.ts';
import { fenceFuzz } from './fence-fuzz.ts';
import { fuzz } from './fuzz.ts';
import { handOver } from './hand-over.ts';
import { httpFuzz } from './http-fuzz.ts';
import { ioFaults } from './io-faults.ts';
import { kernelLies } from './kernel-lies.ts';
import { kill } from './kill.ts';
import { longLife } from './long-life.ts';
import { loopStorm } from './loop-storm.ts';
import { mcpFuzz } from './mcp-fuzz.ts';
import { power } from './power.ts';
import { wireFuzz } from './wire-fuzz.ts';

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
