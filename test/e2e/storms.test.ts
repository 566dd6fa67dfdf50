/** Loop storms and a long life of the compiled binary, in their short forms. */
import { testAttack } from '../torture/attack.ts';
import { longLife } from '../torture/life/long-life.ts';
import { loopStorm } from '../torture/storms/loop-storm.ts';

testAttack(loopStorm);
testAttack(longLife);
