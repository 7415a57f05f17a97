import type { AnyAuthMethod, KeyboardInteractiveAuthMethod } from 'ssh2';
import type { Ask, Questions } from '../transport';
import type { Credentials } from './credentials';

export interface AuthenticationOptions {
  readonly user: string;
  /** `me@host`, for prompts. */
  readonly about: string;
  readonly credentials: Credentials;
  /** `null`: nobody is there to be asked. */
  readonly ask: Ask | null;
  /** Ends the connection where nothing may be said to the server any more: an empty answer would be a wrong one. */
  readonly abandon: () => void;
}

const gaveUp = 'the login was given up';

/**
 * Decides what is tried next on one connection. Begins with `none`, which no server counts and which makes it say what it wants.
 * Without a person only keys are tried. What a person answered is sent once, by one method: after a refusal nothing more
 * is tried, whatever else the server offers, because sites lock an account after a few wrong passcodes.
 */
export class Authentication {
  /** A person had to do something for it. */
  neededPerson = false;
  /** Why it ended without success; `null` while it goes on. */
  refusal: string | null = null;
  private readonly tried = new Set<AnyAuthMethod['type']>();
  private last: AnyAuthMethod['type'] | null = null;
  /** The server took something, and wants more. */
  private partly = false;
  /** A person's answer was sent and not judged yet. */
  private answered = false;

  constructor(private readonly options: AuthenticationOptions) {}

  /**
   * @param offered methods that the server takes now; `null` at the beginning
   * @param partialSuccess what was tried last was right, and not enough
   * @returns what to try; `null`: nothing, see {@link refusal}
   */
  async next(offered: readonly string[] | null, partialSuccess: boolean): Promise<AnyAuthMethod | null> {
    const { user: username, credentials, ask } = this.options;
    if (offered === null) return this.attempt({ type: 'none', username });
    // When the keys of an agent are used up, the library repeats what the server said before them.
    const fresh = this.last !== 'agent';
    if (fresh && partialSuccess) this.goOn();
    else if (this.answered) return this.refuse('the server did not accept the answer');

    if (offered.includes('publickey')) {
      const { key, agent, locked } = credentials;
      if (key !== null && !this.tried.has('publickey'))
        return this.attempt({ type: 'publickey', username, key });
      if (agent !== null && !this.tried.has('agent')) return this.attempt({ type: 'agent', username, agent });
      if (locked !== null && ask !== null && !this.tried.has('publickey')) return this.unlock(ask);
    }
    if (ask === null) return this.refuse(this.wish(offered, fresh));
    if ((offered.includes('keyboard-interactive') || !fresh) && !this.tried.has('keyboard-interactive'))
      return this.attempt({ type: 'keyboard-interactive', username, prompt: this.relay(ask) });
    if (offered.includes('password') && !this.tried.has('password')) return this.password(ask);
    return this.refuse(this.wish(offered, fresh));
  }

  private attempt(method: AnyAuthMethod): AnyAuthMethod {
    this.tried.add(method.type);
    this.last = method.type;
    return method;
  }

  private refuse(words: string): null {
    this.refusal = words;
    return null;
  }

  /** The next question is another one, even by a method that was used already. */
  private goOn(): void {
    this.partly = true;
    this.answered = false;
    this.tried.delete('keyboard-interactive');
    this.tried.delete('password');
  }

  private async unlock(ask: Ask): Promise<AnyAuthMethod | null> {
    const { user: username, credentials } = this.options;
    const { locked } = credentials;
    if (locked === null) return null;
    const text = `Passphrase for key ${locked.file}: `;
    const answer = await one(ask, { about: locked.file, instructions: '', prompts: [{ text, echo: false }] });
    if (answer === null) return this.refuse(gaveUp);
    const key = locked.unlock(answer);
    if (key === null) return this.refuse(`that is not the passphrase of ${locked.file}`);
    this.neededPerson = true;
    return this.attempt({ type: 'publickey', username, key });
  }

  private async password(ask: Ask): Promise<AnyAuthMethod | null> {
    const { about, user: username } = this.options;
    const text = `Password for ${about}: `;
    const answer = await one(ask, { about, instructions: '', prompts: [{ text, echo: false }] });
    if (answer === null) return this.refuse(gaveUp);
    this.neededPerson = this.answered = true;
    return this.attempt({ type: 'password', username, password: answer });
  }

  /** Every round of the server's questions is the person's to answer. */
  private relay(ask: Ask): KeyboardInteractiveAuthMethod['prompt'] {
    return (name, instructions, _language, prompts, finish) => {
      const questions: Questions = {
        about: this.options.about,
        instructions: [name, instructions].filter((text) => text.trim() !== '').join('\n'),
        prompts: prompts.map(({ prompt, echo = false }) => ({ text: prompt, echo })),
      };
      void ask(questions)
        .catch(() => null)
        .then((answers) => {
          if (answers?.length !== prompts.length) {
            this.refuse(gaveUp);
            this.options.abandon();
            return;
          }
          this.neededPerson = this.answered = true;
          finish([...answers]);
        });
    };
  }

  /** What the server wants beyond what could be shown to it. */
  private wish(offered: readonly string[], fresh: boolean): string {
    const { missing } = this.options.credentials;
    const because = missing === null ? '' : ` (${missing})`;
    if (!fresh) return `the keys of the agent are not enough for the server${because}`;
    if (offered.includes('keyboard-interactive') || offered.includes('password'))
      return this.partly
        ? 'the server took the key and wants a passcode too'
        : `the server wants a password or passcode${because}`;
    if (this.tried.has('publickey')) return 'the server did not accept the key';
    return `the server takes only ${offered.join(', ')}${because}`;
  }
}

async function one(ask: Ask, questions: Questions): Promise<string | null> {
  const answers = await ask(questions).catch(() => null);
  return answers?.[0] ?? null;
}
