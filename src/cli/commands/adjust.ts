import type { Command } from 'commander';
import { parseAdjustment } from '../../config';
import {
  budgetNumber,
  budgetNumberOrAuto,
  typeOrJson,
  names,
  spaceChange,
  type SpaceChanges,
} from '../arguments';
import { budgetChanges, describeBudgetChange, type BudgetChange } from '../../study/continued-spec';
import type { Budget } from '../../study/spec';
import { say } from '../terminal';
import { withStudy } from '../with-session';

interface Options {
  readonly trials?: number | 'none';
  readonly parallel?: number | 'none';
  readonly hours?: number | 'none';
  readonly failures?: number | 'none';
  readonly earlyFailures?: number | 'auto' | 'none';
  readonly target?: number | 'none';
  readonly patience?: number | 'none';
  readonly sampler?: unknown;
  readonly pruner?: unknown;
  readonly set?: SpaceChanges;
  readonly sites?: readonly string[];
}

export function addAdjust(root: Command): void {
  root
    .command('adjust')
    .description('change a running study')
    .argument('<study>')
    .option('--trials <n>', 'trials in all (`none`: no limit)', budgetNumber)
    .option('--parallel <n>', 'trials at once', budgetNumber)
    .option('--hours <n>', 'wall-clock hours since its start (`none`: no limit)', budgetNumber)
    .option('--failures <n>', 'failures in a row that end it (`none`: any number)', budgetNumber)
    .option(
      '--early-failures <n>',
      'failures that end it if no trial was COMPLETE or PRUNED before (`none`: any number; `auto`: the default)',
      budgetNumberOrAuto,
    )
    .option('--target <x>', 'value that ends it (`none`: no target)', budgetNumber)
    .option('--patience <n>', 'trials without improvement that end it (`none`: any number)', budgetNumber)
    .option(
      '--sampler <json>',
      'a sampler, as in the study file: \'{"type": "random"}\', or its type',
      typeOrJson,
    )
    .option('--pruner <json>', 'a pruner, likewise', typeOrJson)
    .option(
      '--set <change>',
      'change of the space: learning_rate.high=0.01, optimizer.choices=adam,sgd (repeatable)',
      spaceChange,
    )
    .option('--sites <names>', 'where trials are started from now on, preferred first: aurora,local', names)
    .action(
      async (name: string, { set, earlyFailures: early_failures, ...options }: Options, command: Command) => {
        const given = Object.entries<unknown>({ ...options, early_failures }).map(
          ([key, value]): [string, unknown] => [key, value === 'none' ? null : value],
        );
        const changes = { ...Object.fromEntries(given), ...(set === undefined ? {} : { space: set }) };
        parseAdjustment(changes, { where: 'adjust' });
        const { version, limits } = await withStudy(command, name, async (study) => {
          const spec = (await study.read()).perdure?.spec;
          const adjustment = parseAdjustment(changes, { where: 'adjust', spec });
          const limits = spec === undefined ? [] : changedLimits(spec.budget, adjustment.budget);
          return { version: await study.adjust(adjustment), limits };
        });
        const changed = limits.length === 0 ? '' : `: ${limits.map(describeBudgetChange).join(', ')}`;
        say(`study '${name}' goes on with specification ${String(version)}${changed}`);
      },
    );
}

function changedLimits(budget: Budget, changes: Partial<Budget> = {}): readonly BudgetChange[] {
  return budgetChanges(budget, { ...budget, ...changes });
}
