/** Loop storms against the compiled binary, in their short form. */
import { testAttack } from '../torture/attack.ts';
import { loopStorm } from '../torture/loop-storm.ts';

testAttack(loopStorm);
