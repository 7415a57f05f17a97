"""What qstat prints for people: the table, and `-f` with its folded lines."""

WIDTH = 78


def table(jobs):
    """The plain table. Long ids and names are cut, with a star, as qstat does."""
    lines = [
        "Job id            Name             User              Time Use S Queue",
        "----------------  ---------------- ----------------  -------- - -----",
    ]
    for job in jobs:
        used = job.get("resources_used.cput", "0")
        owner = job.get("Job_Owner", "").partition("@")[0]
        lines.append(
            f"{cut(job.id, 17):<17} {cut(job.get('Job_Name'), 16):<16} {cut(owner, 16):<16}  {used:>8} "
            f"{job.get('job_state')} {cut(job.get('queue'), 16):<16}"
        )
    return "\n".join(lines) + "\n"


def wide_table(jobs, host, now):
    """`-u`, `-a` and their like."""
    lines = [
        "",
        f"{host}: ",
        "                                                            Req'd  Req'd   Elap",
        "Job ID          Username Queue    Jobname    SessID NDS TSK Memory Time  S Time",
        "--------------- -------- -------- ---------- ------ --- --- ------ ----- - -----",
    ]
    for job in jobs:
        owner = job.get("Job_Owner", "").partition("@")[0]
        elapsed = job.get("resources_used.walltime", "")[:5] or "  -- "
        lines.append(
            f"{cut(job.id, 15):<15} {cut(owner, 8):<8} {cut(job.get('queue'), 8):<8} {cut(job.get('Job_Name'), 10):<10} "
            f"{job.get('session_id', '--'):>6} {job.get('Resource_List.nodect', '--'):>3} "
            f"{job.get('Resource_List.ncpus', '--'):>3} {job.get('Resource_List.mem', '--'):>6} "
            f"{job.get('Resource_List.walltime', '  -- ')[:5]:>5} {job.get('job_state')} {elapsed:>5}"
        )
    return "\n".join(lines) + "\n"


def cut(text, width):
    text = text or ""
    return text if len(text) <= width else text[: width - 1] + "*"


def full(title, id, attributes):
    lines = [f"{title}: {id}"]
    for name, value in attributes:
        lines.append(fold(name, value))
    return "\n".join(lines) + "\n\n"


def fold(name, value):
    """One attribute: broken after a comma, or anywhere in a part that is too long for a line; a tab continues it."""
    text, column, first = f"    {name} = ", len(name) + 7, True
    parts = value.split(",")
    for place, part in enumerate(parts):
        if column + len(part) < WIDTH:
            text += part
            column += len(part)
        else:
            if not first:
                text += "\n\t"
                column = 9
            for character in part:
                text += character
                column += 1
                if column > WIDTH:
                    text += "\n\t"
                    column = 8
        if place + 1 < len(parts):
            text += ","
            column += 1
            first = False
    return text


def delimited(title, id, attributes, delimiter):
    return delimiter.join([f"{title}: {id}"] + [f"{name}={value}" for name, value in attributes]) + "\n"
