/** A value that a categorical parameter can take, as in Optuna. */
export type Choice = null | boolean | number | string;

/** A real interval, both ends included; with `step`, the multiples of it above `low`. `log` and `step` exclude each other. */
export interface FloatDistribution {
  readonly type: 'float';
  readonly low: number;
  readonly high: number;
  readonly log: boolean;
  readonly step: number | null;
}

/** Whole numbers from `low` to `high`, both included, `step` apart (1 where `log`). */
export interface IntDistribution {
  readonly type: 'int';
  readonly low: number;
  readonly high: number;
  readonly log: boolean;
  readonly step: number;
}

/** An unordered list. It only ever grows at its end, so that an index in an old row keeps its meaning. */
export interface CategoricalDistribution {
  readonly type: 'categorical';
  readonly choices: readonly Choice[];
}

export type Distribution = FloatDistribution | IntDistribution | CategoricalDistribution;

/** One dimension of a search space. */
export interface Parameter {
  readonly distribution: Distribution;
  /**
   * The parameter is active only where every named parent has one of the listed values (keys are joined by AND,
   * values by OR). Parents are categorical or int. An inactive parameter is absent from a trial.
   */
  readonly when?: Readonly<Record<string, readonly Choice[]>>;
  /** A categorical that was narrowed: the choices still proposed. Absent: all of them. */
  readonly allowed?: readonly Choice[];
}

/** Parameters by name, in the order of the study file. */
export type SearchSpace = Readonly<Record<string, Parameter>>;

/** The value of one parameter: a number for float and int, a choice for categorical. */
export type ParamValue = Choice;

/** A trial's parameters: the active ones only. */
export type Params = Readonly<Record<string, ParamValue>>;
