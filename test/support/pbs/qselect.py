"""qselect: ids of the jobs that fit; nothing found is no error."""

from state import Refused

USAGE = """usage:
qselect [-a [op]date_time] [-A account_string] [-c [op]interval]
	[-h hold_list] [-H] [-J] [-l resource_list] [-N name] [-p [op]priority]
	[-q destination] [-r y|n] [-s states] [-t subopt.op.datetime] [-T]
	[-P project_name] [-u user_name] [-x]
       qselect --version
"""


def run(state, command, arguments, faults, log):
    history, where, values = False, [], []
    words = list(arguments)
    while words:
        word = words.pop(0)
        letters = word[1:] if word.startswith("-") and len(word) > 1 else None
        if letters is None:
            raise Refused(2, "", USAGE)
        while letters:
            letter, letters = letters[0], letters[1:]
            if letter in "xH":
                history = True
                continue
            if letter in "JT":
                continue
            if letter not in "ANqsuP":
                raise Refused(2, f"invalid option -- '{letter}'", USAGE)
            value, letters = (letters or (words.pop(0) if words else "")), ""
            if letter == "s":
                where.append(f"state IN ({','.join('?' * len(value))})")
                values += list(value)
            elif letter in "uq":
                names = [name.partition("@")[0] for name in value.split(",")]
                where.append(f"{'owner' if letter == 'u' else 'queue'} IN ({','.join('?' * len(names))})")
                values += names
            elif letter in "AN":
                where.append(f"{'account' if letter == 'A' else 'name'} = ?")
                values.append(value)
    faults.connect()
    if history:
        state.want_history()
    if not history:
        where.append("state <> 'F'")
    ids = state.db.execute(f"SELECT id FROM jobs WHERE {' AND '.join(where + ['sub < 0'])} ORDER BY seq", values)
    print("".join(f"{id}\n" for (id,) in ids), end="")
    return 0
