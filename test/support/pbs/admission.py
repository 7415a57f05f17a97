"""Whether a queue takes a job: limits, access and the site's hooks, with PBS's words for a refusal."""

from resources import seconds
from state import Refused


def hooks(state, submission, asked):
    """As a site's own queuejob hook does, before any queue is looked at."""
    settings = state.settings
    if settings["requireAccount"] and not submission.options.get("A"):
        raise Refused(32, "Account_Name is required to be set.")
    for name in settings["requireResources"]:
        if name not in asked:
            raise Refused(32, f"Resource: {name} is required to be set.")


def admit(state, queue_name, resources, user, routed=False):
    """Raises Refused where this queue would not take the job now."""
    queue = state.queue(queue_name)
    if queue is None:
        raise Refused(170, "Unknown queue")
    if not queue["enabled"]:
        raise Refused(173, "Queue is not enabled")
    if queue["fromRouteOnly"] and not routed:
        raise Refused(174, "Access to queue is denied")
    if queue["users"] is not None and user not in queue["users"]:
        raise Refused(159, "Unauthorized Request ")
    nodes, walltime = int(resources["nodect"]), seconds(resources.get("walltime", "0"))
    beyond = [
        queue["maxNodes"] is not None and nodes > queue["maxNodes"],
        queue["minNodes"] is not None and nodes < queue["minNodes"],
        queue["maxWalltimeSeconds"] is not None and walltime > queue["maxWalltimeSeconds"],
        queue["minWalltimeSeconds"] is not None and walltime < queue["minWalltimeSeconds"],
    ]
    if any(beyond):
        raise Refused(188, "Job violates queue and/or server resource limits")
    present = dict(
        state.db.execute(
            "SELECT owner, count(*) FROM jobs WHERE queue = ? AND state <> 'F' AND sub < 0 GROUP BY owner",
            (queue_name,),
        )
    )
    waiting = dict(
        state.db.execute(
            "SELECT owner, count(*) FROM jobs WHERE queue = ? AND state IN ('Q','H','W') AND sub < 0 GROUP BY owner",
            (queue_name,),
        )
    )
    if queue["maxJobs"] is not None and sum(present.values()) >= queue["maxJobs"]:
        raise Refused(38, f"Maximum number of jobs already in queue {queue_name}")
    if queue["maxJobsPerUser"] is not None and present.get(user, 0) >= queue["maxJobsPerUser"]:
        raise Refused(38, "would exceed queue generic's per-user limit")
    if queue["maxQueuedPerUser"] is not None and waiting.get(user, 0) >= queue["maxQueuedPerUser"]:
        raise Refused(38, "would exceed queue generic's per-user limit of jobs in 'Q' state")


def place(state, queue_name, resources, user):
    """The queue that the job ends up in. None: a routing queue took it, and then no destination did: it disappears."""
    queue = state.queue(queue_name)
    if queue is None or not queue["routesTo"]:
        admit(state, queue_name, resources, user)
        return queue_name
    if not queue["enabled"]:
        raise Refused(173, "Queue is not enabled")
    for destination in queue["routesTo"]:
        try:
            admit(state, destination, resources, user, routed=True)
            return destination
        except Refused:
            continue
    if queue["rejectsAtOnce"]:
        raise Refused(171, "No routing destinations available")
    return None
