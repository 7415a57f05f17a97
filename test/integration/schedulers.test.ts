import { atEachScheduler } from '../support/each-scheduler';
import { schedulerSuite } from '../support/scheduler-suite';

/* What the three schedulers have in common; what is a scheduler's own is in tests of its name. */

atEachScheduler(schedulerSuite);
