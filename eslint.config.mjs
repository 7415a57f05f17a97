import eslint from '@eslint/js';
import { createTypeScriptImportResolver } from 'eslint-import-resolver-typescript';
import { importX } from 'eslint-plugin-import-x';
import tseslint from 'typescript-eslint';
import { handleErrorsRule } from './eslint-rules/handle-errors.mjs';
import { noUnboundedSpread } from './eslint-rules/no-unbounded-spread.mjs';

/*
 * Imports go one way. Each folder of src/ with the folders that it may import from; type-only imports count too. Whoever
 * adds an arrow here says in the commit why.
 */
const arrows = {
  study: [],
  jobs: ['study'],
  process: [],
  samplers: ['study', 'process'],
  pruners: ['study'],
  // Pure, and a part of the workflows' bundle.
  agent: ['study'],
  // Calls of language models and of the user's own proposers.
  models: ['study', 'agent', 'process'],
  transports: ['study', 'process'],
  // The state of an attempt and the schedulers' dialects, pure.
  sites: ['study'],
  schedulers: ['study', 'jobs', 'process', 'transports', 'sites'],
  storage: ['study', 'jobs', 'agent', 'process'],
  // The address of the ledger, whose form only the ledger knows.
  config: ['study', 'jobs', 'storage'],
  workflows: ['study', 'jobs', 'agent'],
  activities: [
    'study',
    'jobs',
    'agent',
    'models',
    'samplers',
    'pruners',
    'schedulers',
    'storage',
    'workflows',
  ],
  server: ['study', 'process', 'config'],
  control: ['study', 'process'],
  // Before a study is started a sampler of Optuna's is tried, and an endpoint of Globus Compute is asked what it takes.
  client: [
    'study',
    'jobs',
    'agent',
    'config',
    'process',
    'samplers',
    'schedulers',
    'server',
    'storage',
    'workflows',
  ],
  worker: [
    'study',
    'activities',
    'models',
    'process',
    'client',
    'config',
    'control',
    'schedulers',
    'storage',
    'transports',
    'workflows',
  ],
  cli: ['study', 'jobs', 'agent', 'client', 'config', 'control', 'process', 'server', 'storage', 'worker'],
};

/** The same of the schedulers, which know nothing of each other: what several share lies beside them or in `remote`. */
const schedulers = { local: [], remote: [], pbs: ['remote'], globus: ['remote'] };

const zones = [
  ...Object.entries(arrows).map(([folder, allowed]) => ({
    target: `./src/${folder}`,
    from: './src',
    except: [folder, ...allowed].map((name) => `./${name}`),
    message: `src/${folder} may import from: ${allowed.join(', ') || 'nothing but itself'}`,
  })),
  ...Object.entries(schedulers).flatMap(([folder, allowed]) =>
    Object.keys(schedulers)
      .filter((other) => other !== folder && !allowed.includes(other))
      .map((other) => ({
        target: `./src/schedulers/${folder}`,
        from: `./src/schedulers/${other}`,
        message: `src/schedulers/${folder} may not import from ${other}`,
      })),
  ),
];

/** Nothing imports a test suite. What two suites share is in test/support. */
const noTestImports = { regex: '\\.test$', message: 'move what is shared to test/support' };

/** A workflow runs in a sandbox: what reads a clock, a file or a socket is not there, and others make its bundle large. */
const noInputOutput = {
  patterns: [
    {
      regex: '^(?!\\.{1,2}/|@temporalio/(workflow|common)$)',
      message:
        'workflows do no I/O: they import pure modules of this project, @temporalio/workflow and @temporalio/common',
    },
    noTestImports,
  ],
};

/** Syntax for which this project has a better form. */
const restrictedSyntax = [
  {
    selector: 'TryStatement > BlockStatement.finalizer AwaitExpression',
    message: 'an error here would replace the error of the work: use withCleanUp of src/study/clean-up',
  },
];

export default tseslint.config(
  { ignores: ['dist/', 'dist.new/', 'dist.old/', 'coverage/', '**/.venv/', 'schema/'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  eslint.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { project: './tsconfig.json', tsconfigRootDir: import.meta.dirname } },
    plugins: { 'import-x': importX },
    // Without the plugin's own settings for TypeScript it looks into no `.ts` file that is imported, and finds no cycle.
    settings: {
      ...importX.flatConfigs.typescript.settings,
      'import-x/resolver-next': [createTypeScriptImportResolver({ project: './tsconfig.json' })],
    },
    rules: {
      'import-x/no-restricted-paths': ['error', { zones }],
      'no-restricted-imports': ['error', { patterns: [noTestImports] }],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/dot-notation': ['error', { allowIndexSignaturePropertyAccess: true }],
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      // `type` reads better for unions and mapped types, `interface` for objects; both are fine.
      '@typescript-eslint/consistent-type-definitions': 'off',
      // `defineUpdate<void>()` is how Temporal says that an update answers nothing.
      '@typescript-eslint/no-invalid-void-type': 'off',
      eqeqeq: ['error', 'always', { null: 'ignore' }],
    },
  },
  {
    // This rule is slow, because it parses each imported module again. Packages and test suites cannot be part of a cycle: packages
    // import nothing of this project, and `noTestImports` forbids to import a suite.
    files: ['**/*.ts'],
    ignores: ['**/*.test.ts'],
    rules: { 'import-x/no-cycle': ['error', { ignoreExternal: true }] },
  },
  {
    files: ['src/**/*.ts'],
    plugins: {
      perdure: { rules: { 'handle-errors': handleErrorsRule, 'no-unbounded-spread': noUnboundedSpread } },
    },
    rules: {
      'perdure/handle-errors': 'error',
      // A study may have any number of trials, reports and jobs.
      'perdure/no-unbounded-spread': 'error',
      'prefer-spread': 'error',
    },
  },
  {
    // The study's pure modules go into the workflows' bundle.
    files: ['src/workflows/**/*.ts', 'src/study/**/*.ts', 'src/agent/**/*.ts', 'src/jobs/**/*.ts'],
    rules: { 'no-restricted-imports': ['error', noInputOutput] },
  },
  { files: ['src/**/*.ts'], rules: { 'no-restricted-syntax': ['error', ...restrictedSyntax] } },
  {
    files: ['src/**/*.ts'],
    ignores: ['src/config/user-directory.ts'],
    rules: {
      'no-restricted-properties': [
        'error',
        {
          object: 'process',
          property: 'cwd',
          message: 'it throws where the directory was deleted: call workingDirectory() of src/config',
        },
      ],
    },
  },
  {
    files: ['test/**/*.ts', 'bench/**/*.ts'],
    rules: {
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-empty-function': 'off',
    },
  },
  {
    files: ['**/*.js', '**/*.mjs'],
    languageOptions: {
      globals: {
        require: 'readonly',
        module: 'writable',
        process: 'readonly',
        console: 'readonly',
        __dirname: 'readonly',
        Atomics: 'readonly',
        SharedArrayBuffer: 'readonly',
      },
    },
  },
);
