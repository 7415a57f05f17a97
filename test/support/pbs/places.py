"""`qstat -Q` and `qstat -B`: queues and the server."""

from state import clock

STATES = (
    ("Transit", "T"),
    ("Queued", "Q"),
    ("Held", "H"),
    ("Waiting", "W"),
    ("Running", "R"),
    ("Exiting", "E"),
    ("Begun", "B"),
)


def counts(state, queue=None):
    where, values = ("queue = ?", (queue,)) if queue else ("1", ())
    found = dict(
        state.db.execute(
            f"SELECT state, count(*) FROM jobs WHERE {where} AND (sub < 0 OR state = 'R') GROUP BY state", values
        )
    )
    return found, "".join(f"{name}:{found.get(letter, 0)} " for name, letter in STATES)


def assigned(state, queue=None):
    running = [job for job in state.jobs("state = 'R'") if queue is None or job.get("queue") == queue]
    if not running:
        return []
    total = {name: sum(int(job.get(f"Resource_List.{name}", 1)) for job in running) for name in ("ncpus", "nodect")}
    return [(f"resources_assigned.{name}", str(value)) for name, value in total.items()]


def queues(state, options):
    wanted = [name.partition("@")[0] for name in options.operands]
    return "Queue", [
        (name, queue_attributes(state, name, queue))
        for name, queue in state.settings["queues"].items()
        if not wanted or name in wanted or "" in wanted
    ]


def queue_attributes(state, name, queue):
    found, text = counts(state, name)
    total = sum(value for letter, value in found.items() if letter != "F")
    pairs = [
        ("queue_type", "Route" if queue["routesTo"] else "Execution"),
        ("total_jobs", str(total)),
        ("state_count", text),
    ]
    if queue["users"] is not None:
        pairs += [("acl_user_enable", "True"), ("acl_users", ",".join(queue["users"]))]
    if queue["fromRouteOnly"]:
        pairs.append(("from_route_only", "True"))
    for group, nodes, walltime in (
        ("resources_max", queue["maxNodes"], queue["maxWalltimeSeconds"]),
        ("resources_min", queue["minNodes"], queue["minWalltimeSeconds"]),
    ):
        if nodes is not None:
            pairs.append((f"{group}.nodect", str(nodes)))
        if walltime is not None:
            pairs.append((f"{group}.walltime", clock(walltime)))
    pairs += assigned(state, name)
    if queue["routesTo"]:
        pairs.append(("route_destinations", ",".join(queue["routesTo"])))
    pairs += [("enabled", str(queue["enabled"])), ("started", str(queue["started"]))]
    if queue["maxJobs"] is not None:
        pairs.append(("max_queued", f"[o:PBS_ALL={queue['maxJobs']}]"))
    if queue["maxJobsPerUser"] is not None:
        pairs.append(("max_queued", f"[u:PBS_GENERIC={queue['maxJobsPerUser']}]"))
    if queue["maxQueuedPerUser"] is not None:
        pairs.append(("queued_jobs_threshold", f"[u:PBS_GENERIC={queue['maxQueuedPerUser']}]"))
    if queue["maxRun"] is not None:
        pairs.append(("max_run", f"[o:PBS_ALL={queue['maxRun']}]"))
    if queue["maxRunPerUser"] is not None:
        pairs.append(("max_run", f"[u:PBS_GENERIC={queue['maxRunPerUser']}]"))
    return pairs


def server(state):
    _, text = counts(state)
    (total,) = state.db.execute("SELECT count(*) FROM jobs").fetchone()
    settings = state.settings
    pairs = [
        ("server_state", "Active"),
        ("server_host", state.domain),
        ("scheduling", "True"),
        ("total_jobs", str(total)),
        ("state_count", text),
        ("default_queue", settings["defaultQueue"]),
        ("log_events", "511"),
        ("mailer", "/usr/sbin/sendmail"),
        ("mail_from", "adm"),
        ("query_other_jobs", "True"),
        *settings["serverResources"],
        ("resources_default.ncpus", "1"),
        ("default_chunk.ncpus", "1"),
        *assigned(state),
        ("scheduler_iteration", "10"),
        ("flatuid", "True"),
        ("resv_enable", "True"),
        ("node_fail_requeue", "310"),
        ("max_array_size", "10000"),
        ("resend_term_delay", "5"),
        ("pbs_license_min", "0"),
        ("pbs_license_max", "2147483647"),
        ("pbs_license_linger_time", "31536000"),
        ("license_count", "Avail_Global:1000000 Avail_Local:1000000 Used:0 High_Use:0"),
        ("pbs_version", settings["version"]),
        ("eligible_time_enable", "False"),
        ("job_history_enable", "True"),
        ("job_history_duration", clock(settings["historySeconds"])),
        ("max_concurrent_provision", "5"),
        ("clear_topjob_estimates_enable", "False"),
        ("max_job_sequence_id", "9999999"),
    ]
    return "Server", [(state.host, [tuple(pair) for pair in pairs])]


def table(kind, objects):
    if kind == "Server":
        lines = [
            "Server             Max   Tot   Que   Run   Hld   Wat   Trn   Ext Status",
            "---------------- ----- ----- ----- ----- ----- ----- ----- ----- -----------",
        ]
        return "\n".join(lines + [f"{name:<16}" for name, _ in objects]) + "\n"
    lines = [
        "Queue              Max   Tot Ena Str   Que   Run   Hld   Wat   Trn   Ext Type",
        "---------------- ----- ----- --- --- ----- ----- ----- ----- ----- ----- ----",
    ]
    for name, pairs in objects:
        found = dict(pairs)
        states = dict(part.split(":") for part in found["state_count"].split())
        yes = {"True": "yes", "False": "no"}
        lines.append(
            f"{name:<16} {0:>5} {found['total_jobs']:>5} {yes[found['enabled']]:>3} {yes[found['started']]:>3} "
            + " ".join(f"{states[key]:>5}" for key in ("Queued", "Running", "Held", "Waiting", "Transit", "Exiting"))
            + f" {found['queue_type'][:4]}"
        )
    return "\n".join(lines) + "\n"
