import type { OpenAPI } from '@globus/sdk/services/compute';
import type * as wire from '../../../src/schedulers/globus/wire';

type Schemas = OpenAPI.components['schemas'];
type RequestOf<Ours extends Theirs, Theirs> = Ours;
type AnswerOf<Theirs extends Ours, Ours> = Theirs;

/**
 * What is sent is what the service's description takes, and what is read is in what it answers: `npm run typecheck` compiles this, or
 * does not.
 */
export interface Held {
  readonly function: RequestOf<
    wire.RegisterFunction,
    Schemas['compute_web_service__schemas__v3__function__RegisterFunctionRequest']
  >;
  readonly functionAnswer: AnswerOf<
    Schemas['compute_web_service__schemas__v3__function__RegisterFunctionResponse'],
    wire.RegisteredFunction
  >;
  readonly submit: RequestOf<
    wire.SubmitTasks,
    Schemas['compute_web_service__schemas__v3__tasks__BatchSubmitRequest']
  >;
  readonly submitAnswer: AnswerOf<
    Schemas['compute_web_service__schemas__v3__tasks__BatchSubmitResponse'],
    wire.SubmittedTasks
  >;
  readonly statusAnswer: AnswerOf<Schemas['BatchStatusResponse'], wire.BatchStatus>;
  readonly taskAnswer: AnswerOf<Schemas['TaskStatusResponse'], wire.TaskStatus>;
  readonly queuesAnswer: AnswerOf<Schemas['ResultAmqpUrlResponse'], wire.ResultQueues>;
  readonly documentAnswer: AnswerOf<Schemas['Endpoint'], wire.EndpointDocument>;
  readonly consoleAnswer: AnswerOf<Schemas['ConsoleResponse'], wire.EndpointConsole>;
  readonly endpointAnswer: AnswerOf<Schemas['EndpointStatusResponse'], wire.EndpointStatus>;
}
