import { atEachScheduler } from '../support/each-scheduler';
import { furtherSchedulerSuite } from '../support/scheduler-suite';

/* What the three schedulers have in common: ends and results that trials rarely have. */

atEachScheduler(furtherSchedulerSuite);
