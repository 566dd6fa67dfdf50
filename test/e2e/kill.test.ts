/** The short forms of the attacks that kill the daemon, and replace it. */
import { testAttack } from '../torture/attack.ts';
import { handOver } from '../torture/daemon/hand-over.ts';
import { kill } from '../torture/daemon/kill.ts';

testAttack(handOver);
testAttack(kill);
