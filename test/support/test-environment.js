const { execFileSync } = require('node:child_process');
const { createHash } = require('node:crypto');
const { existsSync, mkdirSync, readFileSync, readdirSync, statSync, symlinkSync } = require('node:fs');
const { delimiter, join } = require('node:path');

/** Variables of the user, the machine or a batch job that change what a program does. */
const excludedVariables = [
  // Batch systems, MPI, devices and threads.
  /^(PBS|SLURM|SBATCH|SRUN|SALLOC|SQUEUE|SINFO|PMI|PMIX|OMPI|PRTE|MPICH|HYDRA|PALS|PARSL|ZE|CUDA|HIP|ROCR|OMP|MKL|KMP)_/,
  // Perdure, its servers and services. PERDURE_TEST_* is kept: it is meant for the tests.
  /^(PERDURE_(?!TEST_)|TEMPORAL_|GLOBUS_|OPTUNA_|ANTHROPIC_|OPENAI_|GOOGLE_|GEMINI_)/,
  /^(https?|ftp|all|no)_proxy$/i,
  // Where programs look for files of the user, and what shells and Python load when they start.
  /^(XDG|SSH|PYENV|CONDA|VIRTUAL_ENV)(_|$)/,
  /^(BASH_ENV|ENV|CDPATH|PROMPT_COMMAND|GREP_OPTIONS)$/,
  /^PYTHON(PATH|HOME|STARTUP|USERBASE)$/,
  /^PG[A-Z]+$/,
];

/** Clients of batch systems, which a test could run instead of those of its stand-in. */
const batchClients = ['qsub', 'qstat', 'qdel', 'qselect', 'pbsdsh', 'sbatch', 'squeue', 'scancel', 'sacct'];

/**
 * The environment of a test run. It depends on the programs of the machine, not on its settings.
 * @param {NodeJS.ProcessEnv} outer the environment of the user
 * @param {string} folder for the home directory of the tests and for links to programs; created if it is missing
 * @returns {NodeJS.ProcessEnv}
 */
function testEnvironment(outer, folder) {
  const names = Object.keys(outer).filter((name) => !excludedVariables.some((pattern) => pattern.test(name)));
  const home = join(folder, 'home');
  mkdirSync(home, { recursive: true });
  const proxies = Object.entries(outer).filter(([name]) => /_proxy$/i.test(name));
  return {
    ...Object.fromEntries(names.map((name) => [name, outer[name]])),
    PATH: pathWithout(withoutPyenv(outer['PATH'] ?? ''), batchClients, join(folder, 'programs')),
    HOME: home,
    PBS_CONF_FILE: '/dev/null',
    SLURM_CONF: '/dev/null',
    // test/slow/compose.test.ts builds a Temporal server, which takes minutes, and keeps it in the cache directory of the user.
    PERDURE_TEST_CACHE:
      outer['PERDURE_TEST_CACHE'] ??
      join(outer['XDG_CACHE_HOME'] ?? join(outer['HOME'] ?? home, '.cache'), 'perdure'),
    // For the same test: the build downloads Go modules.
    PERDURE_TEST_PROXIES: outer['PERDURE_TEST_PROXIES'] ?? JSON.stringify(Object.fromEntries(proxies)),
  };
}

/**
 * A search path without these programs. A directory that has one is replaced by a directory of links to its other programs.
 * @param {string} path
 * @param {readonly string[]} programs
 * @param {string} folder for the directories of links
 */
function pathWithout(path, programs, folder) {
  return path
    .split(delimiter)
    .map((directory) => {
      if (!programs.some((name) => existsSync(join(directory, name)))) return directory;
      const version = `${directory}\n${String(statSync(directory).mtimeMs)}`;
      const links = join(folder, createHash('sha256').update(version).digest('hex').slice(0, 16));
      mkdirSync(links, { recursive: true });
      for (const name of readdirSync(directory).filter((each) => !programs.includes(each)))
        try {
          symlinkSync(join(directory, name), join(links, name));
        } catch (error) {
          // Another run may have made the same link.
          if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'EEXIST') throw error;
        }
      return links;
    })
    .join(delimiter);
}

/**
 * Replaces the directory of pyenv's shims by that of the Python that pyenv chooses. A shim starts a shell for each command, and takes a
 * lock that a killed test leaves behind.
 * @param {string} path
 */
function withoutPyenv(path) {
  const directories = path.split(delimiter);
  const shims = directories.filter((directory) => isShim(join(directory, 'python3')));
  if (shims.length === 0) return path;
  const python = execFileSync('python3', ['-c', 'import os, sys; print(os.path.dirname(sys.executable))'], {
    encoding: 'utf8',
    env: { ...process.env, PATH: path },
  }).trim();
  return directories.map((directory) => (shims.includes(directory) ? python : directory)).join(delimiter);
}

/** @param {string} program */
function isShim(program) {
  return existsSync(program) && readFileSync(program).subarray(0, 4096).includes('pyenv exec');
}

module.exports = { testEnvironment, pathWithout };
