import type { Json } from '../../../study/json';
import { plainLine } from '../../../study/plain-text';
import type { GlobusChallenge } from '../authorization';

/** What the service asks of a new login, as Globus' SDK passes it on (globus_sdk/login_flows/login_flow_manager.py). */
const passedOn = [
  'session_message',
  'session_required_identities',
  'session_required_single_domain',
  'session_required_policies',
  'session_required_mfa',
  'prompt',
] as const;

/** What belongs in the address of the page on which a person logs in. */
export function authorizeParameters({ parameters }: GlobusChallenge): Readonly<Record<string, string>> {
  return Object.fromEntries(
    passedOn.flatMap((name) => {
      const text = textOf(parameters?.[name]);
      return text === undefined ? [] : [[name, text]];
    }),
  );
}

/** Scopes that the service wants consent for. */
export function requiredScopes({ parameters }: GlobusChallenge): readonly string[] {
  const scopes = textOf(parameters?.['required_scopes'], ' ');
  return scopes === undefined ? [] : scopes.split(/\s+/).filter((scope) => scope !== '');
}

/** In the words of the service, fit for one line. */
export function wordsOf({ message, parameters }: GlobusChallenge): string {
  const own = textOf(parameters?.['session_message']);
  return plainLine(own ?? message, 300);
}

function textOf(value: Json | undefined, between = ','): string | undefined {
  if (typeof value === 'string') return value === '' ? undefined : value;
  if (typeof value === 'boolean') return String(value);
  if (!Array.isArray(value)) return undefined;
  const words = value.filter((one: Json): one is string => typeof one === 'string' && one !== '');
  return words.length === 0 ? undefined : words.join(between);
}
