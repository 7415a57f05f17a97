import { ModelError } from '../models/model-error';
import type { ModelSurroundings } from '../models/providers';

/** What calls of models take from this process: the environment with the keys. */
export function modelSurroundings(): ModelSurroundings {
  return {
    env: process.env,
    alcfToken: () => Promise.reject(new ModelError('refused', 'this worker has no Globus login')),
  };
}
