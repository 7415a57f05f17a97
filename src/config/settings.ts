/** A place where jobs run. */
export type SiteSettings = {
  readonly scheduler: 'local';
  /** Trials at once on one host. */
  readonly slots: number;
  /** Absolute path; each attempt gets a directory below it. */
  readonly workingDir: string;
};

/** Settings of an installation, checked and with every default filled in. */
export interface Settings {
  /** The file they came from; `null` where there is none. */
  readonly file: string | null;
  /** State directory (`PERDURE_HOME`), absolute. */
  readonly home: string;
  /** The ledger's address as Optuna writes it: `sqlite:////absolute/path.db` or `postgresql://…`. May hold a password. */
  readonly storage: string;
  /** `embedded`: the server that `perdure up` starts; `external`: as `temporal.toml` and `TEMPORAL_*` say. */
  readonly temporal:
    | { readonly kind: 'embedded' }
    | {
        readonly kind: 'external';
        readonly profile: string | undefined;
        readonly address: string | undefined;
        readonly namespace: string | undefined;
      };
  /** By name. `local` is always there. */
  readonly sites: Readonly<Record<string, SiteSettings>>;
}
