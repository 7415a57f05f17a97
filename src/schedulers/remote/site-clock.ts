import { lineOf, type Answer } from './site-answer';

/** A line that tells the site's time, in the answer of call `number`; for {@link siteClock}. */
export function timeLine(number: string): string {
  return `say now ${number} "$(date +%s)"`;
}

/** Seconds by which the site's clock is ahead of this machine's; `null` where the answer does not tell. */
export function siteClock(answer: Answer | undefined): number | null {
  const now = Number(answer === undefined ? Number.NaN : lineOf(answer, 'now'));
  return Number.isFinite(now) ? now - Date.now() / 1000 : null;
}
