/**
 * How far this machine's wall clock is ahead of the one that counts only while the machine is awake (milliseconds; the same
 * in every process of one boot). It grows while the machine sleeps, and changes where its clock is set. Where the system's
 * steady clock goes on in its sleep (macOS), it tells of set clocks alone.
 */
export function clockLead(): number {
  return Date.now() - Number(process.hrtime.bigint() / 1_000_000n);
}
