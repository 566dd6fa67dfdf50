/** The short forms of the attacks that kill and replace the daemon. */
import { kill } from '../torture/kill.ts';
import { testAttack } from '../torture/attack.ts';

testAttack(kill);
