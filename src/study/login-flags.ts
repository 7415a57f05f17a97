import type { Json } from './json';

const prefix = 'perdure:login:';

/** The study attribute that says what a person has to do before a site can be used; `null` once it can. */
export function loginAttr(site: string): string {
  return `${prefix}${site}`;
}

/** Sites that wait for a person, with what to do. */
export function loginsRequired(attrs: Readonly<Record<string, Json>>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(attrs).flatMap(([name, value]) =>
      name.startsWith(prefix) && typeof value === 'string' ? [[name.slice(prefix.length), value]] : [],
    ),
  );
}
