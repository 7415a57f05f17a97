/** Why a model gave no answer. */
export type ModelFailure =
  /** It can't be reached, or it is overloaded: nothing was used up, and trying again may help. */
  | 'away'
  /** It was reached, and the answer was lost or too late: it may have been paid for. */
  | 'cut'
  /** It refuses the request itself (a wrong key, an unknown model): trying again is no use. */
  | 'refused';

/** A call that brought no answer, in words that hold no key. */
export class ModelError extends Error {
  constructor(
    readonly failure: ModelFailure,
    message: string,
    /** When the model wants to be asked again; absent: it does not say. */
    readonly retryAfterMs?: number,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = 'ModelError';
  }
}
