"""Asks a sampler of Optuna for the parameters of one trial after another.

Reads requests from stdin and writes answers to stdout, one JSON document a line, until stdin ends. It keeps a study in
memory and writes nothing anywhere. A request has `study` (sampler, options, seed, directions, parameters: what the
in-memory study is made from; sent when it changed), `finished` (trials that are new since the last request),
`running` (all running trials), `number` and `fixed`. The answer is `{"params": …}` (null where the sampler has nothing left) or
`{"error": …}`.

Numbers that JSON lacks are the strings "NaN", "Infinity" and "-Infinity".
"""

import difflib
import hashlib
import importlib
import inspect
import json
import os
import sys
import traceback
import warnings

# Samplers and what they import may print: answers get a descriptor of their own, the rest goes to stderr.
answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
os.dup2(2, 1)

# They draw from one sequence or one list, which a new seed for each trial would break.
SEQUENCES = {"QMCSampler", "GridSampler"}
# They keep what they are doing in the trials they propose (a generation, a place in the sequence).
STATEFUL = {"CmaEsSampler", "NSGAIISampler", "NSGAIIISampler", "QMCSampler", "GridSampler"}


class Refused(Exception):
    """Something a person can put right: `kind` says what, the message is one line."""

    def __init__(self, kind, message, **details):
        super().__init__(message)
        self.answer = {"kind": kind, "message": message, **details}


try:
    import optuna
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
    from optuna.trial import TrialState, create_trial

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.simplefilter("ignore")
    optuna_problem = None
except ImportError as error:
    optuna_problem = Refused("no_optuna", str(error), module=getattr(error, "name", None) or "optuna")


def distribution_of(parameter):
    kind, given = parameter["distribution"]["type"], parameter["distribution"]
    if kind == "categorical":
        return CategoricalDistribution(parameter.get("allowed") or given["choices"])
    if kind == "int":
        return IntDistribution(given["low"], given["high"], log=given["log"], step=given["step"])
    return FloatDistribution(given["low"], given["high"], log=given["log"], step=given["step"])


def own_value(distribution, value):
    return float(value) if isinstance(distribution, FloatDistribution) else value


def find_class(name):
    """A class of `optuna.samplers`, of a module (`module:Class`) or of OptunaHub (`samplers/package:Class`)."""
    module_name, colon, class_name = name.partition(":")
    try:
        if not colon:
            module, class_name = optuna.samplers, name
        elif "/" in module_name:
            module = importlib.import_module("optunahub").load_module(module_name)
        else:
            module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        raise Refused("missing_module", f"sampler '{name}': {error}", module=error.name) from error
    found = getattr(module, class_name, None)
    base = optuna.samplers.BaseSampler
    if inspect.isclass(found) and found is not base:
        return found
    classes = {key: value for key, value in vars(module).items() if inspect.isclass(value) and value is not base}
    known = [key for key in classes if key.endswith("Sampler")]
    near = difflib.get_close_matches(class_name, known, n=1, cutoff=0.5)
    raise Refused("unknown_sampler", f"there is no sampler '{name}'", near=near, known=sorted(known))


def missing_module(error):
    """The module whose absence an error reports, wherever in its chain."""
    while error is not None:
        if isinstance(error, ModuleNotFoundError):
            return error.name
        error = error.__cause__ or error.__context__
    return None


class Mirror:
    """An in-memory study that holds the same trials as ours, in the order of our numbers, under the current distributions."""

    def __init__(self, description):
        self.description = description
        self.parameters = {p["name"]: (distribution_of(p), p.get("when")) for p in description["parameters"]}
        self.sampler_class = find_class(description["sampler"])
        self.name = self.sampler_class.__name__
        self.trials = {}
        self.clear()

    def clear(self):
        self.study = optuna.create_study(directions=self.description["directions"], sampler=self.sampler(0))
        # Samplers with a list to go through say so when it has come to its end; outside of Optuna's loop that is an error.
        self.exhausted = False
        self.study.stop = self.stop
        self.ids = {}
        self.open = {}
        self.highest = -1

    def stop(self):
        self.exhausted = True

    def sampler(self, number):
        options = dict(self.description["options"])
        takes = inspect.signature(self.sampler_class.__init__).parameters
        if "seed" in takes and "seed" not in options:
            key = str(self.description["seed"]) if self.name in SEQUENCES else f"{self.description['seed']}/{number}"
            options["seed"] = int.from_bytes(hashlib.sha256(key.encode()).digest()[:4], "big")
        try:
            return self.sampler_class(**options)
        except Exception as error:
            module = missing_module(error)
            if module is not None:
                raise Refused("missing_module", f"{self.name} needs '{module}'", module=module) from error
            raise Refused("bad_options", f"{self.name}: {error}") from error

    def contains(self, name, value):
        distribution = self.parameters[name][0]
        try:
            return distribution._contains(distribution.to_internal_repr(value))
        except (ValueError, TypeError):
            return False

    def fits(self, trial):
        """Whether the sampler gets this trial: its values are in the current bounds, except for those of frozen parameters."""
        return all(
            self.contains(name, value) or self.parameters[name][0].single()
            for name, value in trial["params"].items()
            if name in self.parameters
        )

    def usable(self, params):
        return {n: v for n, v in params.items() if n in self.parameters and self.contains(n, v)}

    def update(self, finished, running):
        for trial in finished:
            self.trials[trial["number"]] = trial
        running = {trial["number"]: trial for trial in running if self.fits(trial)}
        finished = {trial["number"]: trial for trial in finished if self.fits(trial)}
        added = [t for n, t in {**finished, **running}.items() if n not in self.ids]
        # What was proposed and then dropped, or became known out of order, can't be taken out of a study.
        vanished = any(n not in running and n not in finished for n in self.open)
        changed = any(t["params"] != self.open[n] for n, t in running.items() if n in self.open)
        if vanished or changed or any(trial["number"] < self.highest for trial in added):
            self.rebuild(running)
            return
        for number in [n for n in self.open if n in finished]:
            self.finish(finished[number])
        for trial in sorted(added, key=lambda t: t["number"]):
            self.add(trial)

    def rebuild(self, running):
        self.clear()
        everything = {**{n: t for n, t in self.trials.items() if self.fits(t)}, **running}
        for number in sorted(everything):
            if self.name in STATEFUL and everything[number]["state"] != "RUNNING":
                self.replay(everything[number])
            else:
                self.add(everything[number])

    def add(self, trial):
        params = {n: own_value(self.parameters[n][0], v) for n, v in self.usable(trial["params"]).items()}
        frozen = create_trial(
            state=TrialState.RUNNING,
            params=params,
            distributions={name: self.parameters[name][0] for name in params},
        )
        self.register(trial, self.study._storage.create_new_trial(self.study._study_id, template_trial=frozen))

    def replay(self, trial):
        """Lets the sampler propose this trial, as it would have then, and takes the trial's own values instead."""
        asked = self.ask(trial["number"], self.usable(trial["params"]))[0]
        self.register(trial, asked._trial_id)

    def register(self, trial, trial_id):
        number = trial["number"]
        self.ids[number] = trial_id
        self.open[number] = trial["params"]
        self.highest = max(self.highest, number)
        if trial["state"] != "RUNNING":
            self.finish(trial)

    def finish(self, trial):
        number = trial["number"]
        storage, trial_id = self.study._storage, self.ids[number]
        del self.open[number]
        for step, value in trial["intermediate_values"]:
            storage.set_trial_intermediate_value(trial_id, step, float(value))
        for name, value in trial.get("constraints", {}).items():
            storage.set_trial_system_attr(trial_id, f"constraints:{name}", float(value))
        values = None if trial["values"] is None else [float(value) for value in trial["values"]]
        state = TrialState[trial["state"]]
        frozen = storage.get_trial(trial_id)
        self.study.sampler.after_trial(self.study, frozen, state, values)
        storage.set_trial_state_values(trial_id, state, values)

    def ask(self, number, fixed):
        self.study.sampler = self.sampler(number)
        fixed = {n: own_value(self.parameters[n][0], v) for n, v in fixed.items() if n in self.parameters}
        if fixed:
            self.study.enqueue_trial(fixed)
        trial = self.study.ask()
        params = {}
        for name, (distribution, when) in self.parameters.items():
            if not all(parent in params and params[parent] in values for parent, values in (when or {}).items()):
                continue
            if isinstance(distribution, CategoricalDistribution):
                params[name] = trial.suggest_categorical(name, distribution.choices)
            elif isinstance(distribution, IntDistribution):
                d = distribution
                params[name] = trial.suggest_int(name, d.low, d.high, log=d.log, step=d.step)
            else:
                d = distribution
                params[name] = trial.suggest_float(name, d.low, d.high, log=d.log, step=d.step)
        return trial, {**params, **fixed}

    def propose(self, number, fixed):
        """The parameters, or None where the sampler has nothing left. What a person asked for is always tried."""
        if self.exhausted and not fixed:
            return None
        trial, params = self.ask(number, fixed)
        self.register({"number": number, "state": "RUNNING", "params": params}, trial._trial_id)
        return params


def answer(request, mirror):
    if optuna_problem is not None:
        raise optuna_problem
    if "study" in request:
        known = {} if mirror is None else mirror.trials
        mirror = Mirror(request["study"])
        mirror.trials = known
        for trial in request["finished"]:
            mirror.trials[trial["number"]] = trial
        mirror.rebuild({t["number"]: t for t in request["running"] if mirror.fits(t)})
    else:
        mirror.update(request["finished"], request["running"])
    return mirror, mirror.propose(request["number"], request["fixed"])


def main():
    mirror = None
    for line in sys.stdin:
        try:
            mirror, params = answer(json.loads(line), mirror)
            reply = {"params": params}
        except Refused as refused:
            reply = {"error": refused.answer}
        except Exception as error:
            traceback.print_exc()
            kind = "missing_module" if missing_module(error) else "sampler_failed"
            message = f"{type(error).__name__}: {error}"
            reply = {"error": {"kind": kind, "message": message, "module": missing_module(error)}}
        answers.write(json.dumps(reply) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
