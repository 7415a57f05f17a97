import { setTimeout as sleep } from 'node:timers/promises';
import { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import { awaitingAttr, awaitingJson } from '../agent/awaiting';
import { checkAnswer, paramsKey } from '../agent/check-proposals';
import { decidedRounds } from '../agent/decisions';
import { keptAnswer } from '../agent/extract-json';
import { mostOf } from '../agent/limits';
import { notesSchema, proposalSchema, verdictSchema, type JsonSchema } from '../agent/proposal-schema';
import { callName, type Usage } from '../agent/round';
import { knownKeys } from '../agent/summary';
import { askModel } from '../models/ask-model';
import { askModule } from '../models/ask-module';
import { ModelError } from '../models/model-error';
import type { ModelSurroundings } from '../models/providers';
import type { CallEnd, Ledger } from '../storage/ledger';
import type { AgentSamplerSpec, AgentSpec, StudySpec } from '../study/spec';
import type { AgentActivities, ModelCall, ModelReply, StudyRef } from '../workflows/activity-types';
import { activity } from './boundary';
import { briefingOf } from './agent-briefing';
import { moduleQuestion } from './module-question';
import type { SiteWatch } from './site-watch';
import type { StudyContexts } from './study-context';

export interface AgentDependencies {
  readonly ledger: Ledger;
  readonly contexts: StudyContexts;
  readonly watch: SiteWatch;
  readonly surroundings: ModelSurroundings;
  readonly failpoint: (name: string) => void;
}

/** The steps of an agent's round. */
export function createAgentActivities(deps: AgentDependencies): AgentActivities {
  const { ledger, contexts } = deps;
  const ask = activity((study: StudyRef, specVersion: number, call: ModelCall) =>
    answerOf(deps, study, specVersion, call),
  );
  return {
    agentObserve: activity(async (study, specVersion, question) =>
      briefingOf(deps, await contexts.get(study, specVersion), study, question),
    ),
    // The same in four names: so a round's history reads as what it is.
    agentReflect: ask,
    agentPropose: ask,
    agentRepair: ask,
    agentCritic: ask,
    agentValidate: activity(async (study, specVersion, { answer, wanted, besides }) => {
      const { spec, history } = await contexts.get(study, specVersion);
      await history.refresh();
      const known = knownKeys([...history.finished, ...history.running]);
      for (const params of besides) known.add(paramsKey(params));
      const tools = spec.sampler.type === 'agent' ? spec.sampler.tools : [];
      return checkAnswer(answer, { space: spec.space, known, wanted, tools, sites: spec.sites });
    }),
    agentRecord: activity((study, record) => ledger.saveRound(study.name, record)),
    agentDecide: activity(async (study, decisions) => {
      const changed = decidedRounds(await ledger.listRounds(study.name), decisions);
      for (const record of changed) await ledger.saveRound(study.name, record);
    }),
    agentAwait: activity((study, pending) =>
      ledger.setStudyAttrs(study.name, {
        [awaitingAttr]: awaitingJson(pending),
      }),
    ),
  };
}

/**
 * The answer to a call: the stored one, or a new one, which is stored before it is used. What the call can cost at most is
 * reserved before it. Where the process dies between answer and storing, the call is made once more, and both count.
 */
async function answerOf(
  deps: AgentDependencies,
  study: StudyRef,
  specVersion: number,
  call: ModelCall,
): Promise<ModelReply> {
  const { ledger, contexts, failpoint } = deps;
  const { spec } = await contexts.get(study, specVersion);
  const { sampler, agent } = agentOf(spec, call.agent);
  const model = modelName(agent);
  const schema = schemaOf(call, spec, sampler);
  const { round, step, purpose } = call;
  for (;;) {
    const opening = await ledger.beginCall(study.name, {
      ...{ round, step, purpose, agent: agent.name, model, limits: sampler.limits },
      most: mostFor(agent, call, schema),
      callsPerMinute: agent.by.kind === 'model' ? agent.by.model.callsPerMinute : 1_000,
    });
    switch (opening.kind) {
      case 'stored':
        return { kind: 'answer', text: opening.answer, usage: opening.usage, model };
      case 'over':
        return { kind: 'limits', reason: `the agent's limits are used up: ${opening.reason}` };
      case 'wait':
        await sleep(opening.milliseconds, undefined, { signal: Context.current().cancellationSignal });
        break;
      case 'begun': {
        failpoint('before-model');
        const key = { round, step, try: opening.try };
        const settle = (end: CallEnd): Promise<void> => ledger.settleCall(study.name, key, end);
        try {
          const answer = await askFor(deps, study, specVersion, call, agent, schema);
          failpoint('before-store');
          const usage = answer.usage ?? mostFor(agent, call, schema);
          await settle({ state: 'answered', answer: answer.text, usage });
          failpoint('after-store');
          return { kind: 'answer', text: answer.text, usage, model };
        } catch (error) {
          if (!(error instanceof ModelError)) throw error;
          await settle({ state: error.failure === 'cut' ? 'failed' : 'free', error: error.message });
          throw failureOf(error, call, model);
        }
      }
    }
  }
}

interface Answer {
  readonly text: string;
  readonly usage: Usage | null;
}

async function askFor(
  deps: AgentDependencies,
  study: StudyRef,
  specVersion: number,
  call: ModelCall,
  agent: AgentSpec,
  schema: JsonSchema,
): Promise<Answer> {
  const { contexts, surroundings } = deps;
  const signal = Context.current().cancellationSignal;
  if (agent.by.kind === 'model')
    return askModel(agent.by.model, call.conversation, schema, surroundings, signal);
  if (agent.by.kind === 'sampler')
    throw new ModelError('refused', `agent '${agent.name}' is a sampler, and is not asked`);
  const question = await moduleQuestion(deps, await contexts.get(study, specVersion), study, agent, call);
  const text = await askModule(agent.by.path, question, signal);
  return { text: keptAnswer(text), usage: reportedUsage(text) };
}

/** A proposer of the user's may say what it has used up; else it cost nothing here. */
function reportedUsage(text: string): Usage {
  const parsed = JSON.parse(text) as {
    readonly usage?: { readonly tokens?: unknown; readonly cost_usd?: unknown };
  } | null;
  const { tokens, cost_usd } = parsed?.usage ?? {};
  return { tokens: Math.round(amount(tokens)), costUsd: amount(cost_usd) };
}

/** Up to what a column of PostgreSQL takes. */
function amount(value: unknown): number {
  return typeof value === 'number' && value > 0 ? Math.min(value, 1e9) : 0;
}

function mostFor({ by }: AgentSpec, { conversation }: ModelCall, schema: JsonSchema): Usage {
  if (by.kind !== 'model') return { tokens: 0, costUsd: 0 };
  return mostOf(conversation, JSON.stringify(schema).length, by.model);
}

function schemaOf(
  { purpose }: ModelCall,
  { space, sites }: StudySpec,
  { tools }: AgentSamplerSpec,
): JsonSchema {
  if (purpose === 'critic') return verdictSchema;
  return purpose === 'reflect' ? notesSchema : proposalSchema(space, tools, sites);
}

function agentOf(
  { sampler }: StudySpec,
  name: string,
): { readonly sampler: AgentSamplerSpec; readonly agent: AgentSpec } {
  const agent = sampler.type === 'agent' ? sampler.agents.find((one) => one.name === name) : undefined;
  if (sampler.type === 'agent' && agent !== undefined) return { sampler, agent };
  throw ApplicationFailure.nonRetryable(`the study has no agent '${name}' any more`, 'ModelRefused');
}

function modelName({ by }: AgentSpec): string {
  if (by.kind === 'model') return by.model.name;
  return by.kind === 'module' ? `module ${by.path.split('/').at(-1) ?? by.path}` : by.sampler.type;
}

function failureOf(
  { failure, message, retryAfterMs }: ModelError,
  call: ModelCall,
  model: string,
): ApplicationFailure {
  const types = { away: 'ModelAway', cut: 'ModelCut', refused: 'ModelRefused' } as const;
  return ApplicationFailure.create({
    type: types[failure],
    message: `call ${callName(call)} of ${model}: ${message}`,
    nonRetryable: failure === 'refused',
    ...(retryAfterMs === undefined ? {} : { nextRetryDelay: Math.max(retryAfterMs, 100) }),
  });
}
